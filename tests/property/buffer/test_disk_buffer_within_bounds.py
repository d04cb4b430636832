"""Bounds, full disks and failing calls: what goes is the least that matters, and every drop is counted."""

import errno
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.stages import Priority, Record
from nrdot.testing.clock import NOON_NS, ManualClock
from nrdot.testing.disks.simulated import SimulatedDisk

DIRECTORY = Path("/state/buffer")
ALL = 1 << 40


class BoundedMachine(RuleBasedStateMachine):
    @initialize(
        max_bytes=st.sampled_from([30_000, 200_000]),
        max_records=st.sampled_from([None, 5, 100]),
        capacity=st.sampled_from([1 << 30, 150_000, 90_000]),
        memory_bytes=st.sampled_from([5000, 1 << 20]),
        durability=st.sampled_from(Durability),
    )
    def start(self, max_bytes, max_records, capacity, memory_bytes, durability):
        self.disk = SimulatedDisk(capacity)
        self.clock = ManualClock()
        self.settings = BufferSettings(
            max_bytes=max_bytes,
            max_records=max_records,
            memory_bytes=memory_bytes,
            durability=durability,
            sync_seconds=3600.0,
        )
        self.made: dict[bytes, Record] = {}
        self.waiting: list[Record] = []
        self.failing = 0
        self.chance = Random(0)
        self.disk.fail = self.fail
        self.buffer = DiskBuffer(DIRECTORY, self.settings, self.clock, self.disk)

    def teardown(self):
        if hasattr(self, "buffer"):
            self.buffer.close()

    def fail(self, operation, _path):
        """Every third step or so fails while it lasts."""
        if (
            not self.failing
            or operation in ("read", "open", "size", "free", "lock")
            or self.chance.random() > 0.4
        ):
            return None
        self.failing -= 1
        return errno.EIO

    @rule(size=st.sampled_from([10, 900, 6000]), priority=st.sampled_from(Priority), times=st.integers(1, 8))
    def put(self, size, priority, times):
        for _ in range(times):
            number = len(self.made)
            payload = number.to_bytes(4, "big") + Random(number).randbytes(size)
            record = Record(payload, number % 9 + 1, NOON_NS + number, priority)
            self.made[payload] = record
            before, alarm = [*self.waiting, record], self.buffer.alarm
            self.buffer.put(record)
            self.compare(before, alarm)

    def compare(self, before, alarm):
        """What went is of the lowest priority there was, and the oldest of it."""
        self.waiting = [record for _, record in self.buffer.peek(ALL, ALL)]
        stays = {record.payload for record in self.waiting}
        assert [record for record in before if record.payload in stays] == self.waiting
        if alarm or self.buffer.alarm:
            return  # what memory must let go, no room on disk could have kept
        gone = [record for record in before if record.payload not in stays]
        for record in gone:
            no_better = [other for other in self.waiting if other.priority <= record.priority]
            if record is before[-1]:
                # Turned away: all that may go for it would not have made room.
                assert sum(len(other.payload) for other in no_better) < len(record.payload) + 1000
            else:
                assert all(other.priority == record.priority for other in no_better)
                assert all(other.time_ns > record.time_ns for other in no_better)

    @rule(count=st.integers(1, 5))
    def acknowledge(self, count):
        found = self.buffer.peek(ALL, ALL)
        self.buffer.acknowledge([number for number, _ in found[:count]])
        self.waiting = [record for _, record in found[count:]]

    @rule(times=st.integers(1, 6), seed=st.integers(0, 1000))
    def device_errors(self, times, seed):
        self.chance = Random(seed)
        self.failing = times

    @rule(change=st.sampled_from([-20_000, 20_000]))
    def others_use_the_disk(self, change):
        self.disk.capacity = max(self.disk.capacity + change, self.disk.used, 70_000)

    @rule()
    def flush(self):
        before, alarm = self.waiting, self.buffer.alarm
        self.buffer.flush()
        self.compare(before, alarm)

    @rule()
    def time_passes(self):
        self.clock.advance(6)

    @rule()
    def the_disk_works_again(self):
        """Then records go there, whatever happened before."""
        self.failing = 0
        self.disk.capacity = 1 << 30
        self.clock.advance(6)
        self.put(10, Priority.CRITICAL, 1)
        assert self.buffer.alarm == ""

    @invariant()
    def the_disk_is_not_overfilled(self):
        if hasattr(self, "buffer"):
            segments = sum(len(self.disk.content(path)) for path in self.disk.paths("*-*.segment"))
            logs = sum(len(self.disk.content(path)) for path in self.disk.paths("progress-*.segment"))
            assert segments - logs <= self.settings.max_bytes
            assert logs <= 20 * 4096

    @invariant()
    def the_books_balance(self):
        if hasattr(self, "buffer"):
            now = self.buffer.statistics()
            waiting = sum(record.points for record in self.waiting)
            assert now.produced == sum(record.points for record in self.made.values())
            assert now.produced == now.delivered + now.rejected + sum(now.dropped.values()) + waiting
            if self.settings.max_records is not None and not self.buffer.alarm:
                assert now.records <= self.settings.max_records


BoundedMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestBufferWithinBounds = BoundedMachine.TestCase
