"""The disk buffer against a plain list: random puts, reads, acknowledgements, crashes at any write, rot."""

from dataclasses import replace
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.encryption import NO_KEYS, Keyring
from nrdot.buffer.segment import NO_KEY
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.stages import Priority, Record
from nrdot.testing.clock import NOON_NS, ManualClock
from nrdot.testing.disks.simulated import SimulatedCrash, SimulatedDisk

DIRECTORY = Path("/state/buffer")
ALL = 1 << 40
PAYLOAD_SIZES = st.sampled_from([1, 40, 700, 3000])


def payload_of(number: int, size: int) -> bytes:
    return number.to_bytes(4, "big") + Random(number).randbytes(size)


class BufferMachine(RuleBasedStateMachine):
    """`waiting` is the list; `left` are records that were acknowledged, rejected or dropped by us."""

    @initialize(
        durability=st.sampled_from([Durability.EACH, Durability.NEVER]),
        encrypted=st.booleans(),
        newest_first=st.booleans(),
    )
    def start(self, durability, encrypted, newest_first):
        self.disk = SimulatedDisk()
        self.clock = ManualClock()
        self.settings = BufferSettings(
            max_bytes=1 << 20, durability=durability, newest_first=newest_first, memory_bytes=1 << 20
        )
        self.keys = Keyring(b"k" * 32) if encrypted else NO_KEYS
        self.waiting: list[Record] = []
        self.left: list[bytes] = []
        self.made = self.rotations = 0
        self.sheltered: list[bytes] = []
        self.buffer = self.open()

    def open(self):
        return DiskBuffer(DIRECTORY, self.settings, self.clock, self.disk, keys=self.keys)

    def make(self, size, priority):
        self.made += 1
        payload = payload_of(self.made, size)
        return Record(payload, self.made % 50 + 1, NOON_NS + self.made, priority)

    # Everyday life

    @rule(size=PAYLOAD_SIZES, priority=st.sampled_from(Priority))
    def put(self, size, priority):
        record = self.make(size, priority)
        self.buffer.put(record)
        self.waiting.append(record)
        if self.buffer.alarm:
            self.sheltered.append(record.payload)

    @rule(points=st.integers(1, 200), size=st.integers(1, 9000))
    def peek_within_limits(self, points, size):
        expected = []
        for record in self.in_order():
            points -= record.points
            size -= len(record.payload)
            if expected and (points < 0 or size < 0):
                break
            expected.append(record)
        found = self.buffer.peek(
            points + sum(r.points for r in expected), size + sum(len(r.payload) for r in expected)
        )
        # What stopped our walk may have been taken off the limits already: compare what was found.
        assert [record for _, record in found] == self.in_order()[: len(found)]
        assert bool(found) == bool(self.waiting)

    @rule(data=st.data(), how=st.sampled_from(["acknowledge", "reject", "drop"]))
    def leave(self, data, how):
        found = self.buffer.peek(ALL, ALL)
        if not found:
            return
        chosen = data.draw(st.lists(st.sampled_from(found), min_size=1, unique_by=lambda item: item[0]))
        self.go(how, [number for number, _ in chosen])
        self.forget([record.payload for _, record in chosen])

    def go(self, how, numbers):
        if how == "acknowledge":
            self.buffer.acknowledge(numbers)
        elif how == "reject":
            self.buffer.reject(numbers, "refused")
        else:
            self.buffer.drop(numbers, "too_old")

    def forget(self, payloads):
        self.waiting = [record for record in self.waiting if record.payload not in payloads]
        self.left += payloads

    @rule(seconds=st.sampled_from([0.1, 6.0]))
    def time_passes(self, seconds):
        self.clock.advance(seconds)

    @rule(newest_first=st.booleans(), overwrite=st.booleans(), rotate=st.booleans())
    def reload(self, newest_first, overwrite, rotate):
        self.settings = replace(self.settings, newest_first=newest_first, overwrite=overwrite)
        if rotate and self.keys.current != NO_KEY:
            self.rotations += 1
            self.keys = Keyring(self.rotations.to_bytes(32, "big")).joined(self.keys)
        self.buffer.use(self.settings, self.keys)

    @rule()
    def restart(self):
        if self.disk.read_only:
            return
        before = self.buffer.statistics()
        self.buffer.close()
        self.disk.kill()
        self.buffer = self.open()
        after = self.buffer.statistics()
        assert (after.produced, after.delivered, after.rejected, after.dropped) == (
            before.produced,
            before.delivered,
            before.rejected,
            before.dropped,
        )
        self.sheltered = []

    # Trouble

    @rule()
    def toggle_read_only(self):
        self.disk.read_only = not self.disk.read_only

    @rule(
        steps=st.integers(0, 12),
        part=st.floats(0, 1),
        power=st.booleans(),
        seed=st.integers(0, 1000),
        what=st.sampled_from(["put", "acknowledge", "reject", "drop", "close"]),
        size=PAYLOAD_SIZES,
    )
    def crash(self, *, steps, part, power, seed, what, size):
        """Whatever was under way may have happened or not; what was done before it must hold."""
        surely = [record for record in self.waiting if record.payload not in self.sheltered]
        maybe = [record for record in self.waiting if record.payload in self.sheltered]
        record = self.make(size, Priority.NORMAL)
        self.disk.steps_left, self.disk.part = steps, part
        try:
            if what == "put":
                maybe.append(record)
                self.buffer.put(record)
                if not self.buffer.alarm:
                    surely.append(maybe.pop())
            elif what == "close":
                self.buffer.close()
            else:
                chosen = self.buffer.peek(100, ALL)[:3]
                going = [gone.payload for _, gone in chosen]
                maybe += [gone for gone in surely if gone.payload in going]
                surely = [stays for stays in surely if stays.payload not in going]
                self.left += going
                self.go(what, [number for number, _ in chosen])
        except SimulatedCrash:
            pass
        if power and self.settings.durability is Durability.EACH:
            self.disk.cut_power(Random(seed))
        else:
            self.disk.kill()
        self.reopen_and_compare(surely, maybe)

    @rule(where=st.floats(0, 1), which=st.integers(0, 1000), mask=st.integers(1, 255))
    def rot(self, where, which, mask):
        """One flipped byte in any file costs the record it lies in, and delivers nothing wrong."""
        surely = [record for record in self.waiting if record.payload not in self.sheltered]
        maybe = [record for record in self.waiting if record.payload in self.sheltered]
        self.disk.kill()
        # Dead letters aside: their names are random, and a walk has to be the same when it is walked again.
        paths = [path for path in self.disk.paths() if self.disk.content(path) and "dead" not in path.parts]
        path = paths[which % len(paths)]
        self.disk.flip(path, int(where * (len(self.disk.content(path)) - 1)), mask)
        self.reopen_and_compare(surely, maybe, allowed_losses=1)

    def reopen_and_compare(self, surely, maybe, allowed_losses=0):
        self.disk.read_only = False
        self.buffer = self.open()
        found = [record for _, record in self.buffer.peek(ALL, ALL)]
        payloads = [record.payload for record in found]
        assert len(set(payloads)) == len(payloads)
        lost = [record for record in surely if record.payload not in payloads]
        assert len(lost) <= allowed_losses
        known = {record.payload: record for record in [*self.waiting, *surely, *maybe]}
        for record in found:
            # Whole and as it was put, or a repetition of something that had left.
            assert known.get(record.payload, record) == record
            assert record.payload in known or record.payload in self.left
            assert record.payload == payload_of(int.from_bytes(record.payload[:4]), len(record.payload) - 4)
        self.waiting = found[::-1] if self.settings.newest_first else found
        self.sheltered = []

    # What always holds

    def in_order(self):
        return self.waiting[::-1] if self.settings.newest_first else self.waiting

    @invariant()
    def everything_that_waits_is_offered_in_order(self):
        if hasattr(self, "buffer"):
            assert [record for _, record in self.buffer.peek(ALL, ALL)] == self.in_order()

    @invariant()
    def the_books_balance(self):
        if hasattr(self, "buffer"):
            now = self.buffer.statistics()
            waiting = sum(record.points for record in self.waiting)
            assert now.produced == now.delivered + now.rejected + sum(now.dropped.values()) + waiting
            assert now.records == len(self.waiting)
            assert now.oldest_ns == min((record.time_ns for record in self.waiting), default=None)


BufferMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestBufferAgainstAList = BufferMachine.TestCase
