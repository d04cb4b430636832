from pathlib import Path

import pytest

from nrdot.buffer.encryption import Keyring
from nrdot.buffer.inspection import dump, status, verify
from nrdot.stages import Priority
from nrdot.testing.clock import NOON_NS
from nrdot.testing.delivery.records import EVERYTHING, numbers, put_all, record, sequences

DIRECTORY = Path("/state/buffer")
KEYS = Keyring(b"k" * 32)


@pytest.mark.parametrize("running", [True, False])
def test_status_says_what_the_buffer_itself_would_say(start, disk, running):
    buffer = start(max_bytes=1 << 20, max_records=12)
    put_all(buffer, [record(number, 2000, Priority(number % 3)) for number in range(20)])
    offered = sequences(buffer)
    buffer.acknowledge(offered[:2], rejected_points=3)
    buffer.drop(offered[2:3], "too_old")
    buffer.reject(offered[3:4], "400")
    own = buffer.statistics()
    if not running:
        buffer.close()
    seen = status(disk, DIRECTORY)
    for name in (
        "records",
        "bytes",
        "oldest_ns",
        "segments",
        "produced",
        "delivered",
        "rejected",
        "dropped",
    ):
        assert getattr(seen, name) == getattr(own, name), name
    assert sum(seen.waiting.values()) == own.records
    assert seen.letters == 1
    assert seen.owner.isdigit()
    assert {gap.reason for gap in seen.gaps} == {"full", "too_old"}


def test_status_of_a_directory_that_holds_nothing(disk):
    seen = status(disk, DIRECTORY)
    assert (seen.records, seen.produced, seen.oldest_ns, seen.dropped) == (0, 0, None, {})


def test_status_names_what_is_set_aside_held_or_foreign(start, disk):
    put_all(start(keys=KEYS), map(record, range(3)))
    disk.write(DIRECTORY / "notes.txt", b"mine")
    disk.write(DIRECTORY / "normal-00000000000000000044.segment", b"NRDOTBUF\x09\x00" + bytes(200))
    start()
    seen = status(disk, DIRECTORY)
    assert seen.encrypted == {KEYS.current.hex(): 3}
    assert seen.unused == ("notes.txt: not a file of the buffer",)
    assert len(seen.set_aside) == 1


def test_looking_changes_nothing(start, disk):
    buffer = start()
    put_all(buffer, map(record, range(5)))
    buffer.acknowledge(sequences(buffer, 2))
    before = {path: disk.content(path) for path in disk.paths()}
    disk.read_only = True
    status(disk, DIRECTORY)
    verify(disk, DIRECTORY)
    list(dump(disk, DIRECTORY))
    assert {path: disk.content(path) for path in disk.paths()} == before


def test_verify_finds_a_whole_buffer_whole(start, disk):
    buffer = start(keys=KEYS)
    put_all(buffer, map(record, range(5)))
    buffer.reject(sequences(buffer, 1), "400")
    found = verify(disk, DIRECTORY, KEYS)
    assert (found.whole, found.records, found.held) == (True, 6, 0)
    assert verify(disk, DIRECTORY).held == 6
    assert verify(disk, DIRECTORY).whole


def test_verify_names_file_and_place_of_any_flipped_byte(start, disk):
    """What a flip at the very end looks like is a crash in mid-write, so that is reported as such."""
    buffer = start()
    put_all(buffer, [record(number, 20) for number in range(3)])
    buffer.reject(sequences(buffer, 1), "400")
    buffer.close()
    for path in disk.paths("*.segment"):
        for offset in range(len(disk.content(path))):
            disk.flip(path, offset)
            found = verify(disk, DIRECTORY)
            places = found.faults or found.unfinished
            assert [place.file for place in places] == [path.name], offset
            assert places[0].offset <= offset < places[0].offset + places[0].size, offset
            disk.flip(path, offset)
    assert verify(disk, DIRECTORY).whole


def test_what_a_crash_left_unfinished_is_no_fault(start, disk):
    put_all(start(), map(record, range(3)))
    (path,) = disk.paths("normal-*")
    disk.cut(path, len(disk.content(path)) - 5)
    found = verify(disk, DIRECTORY)
    assert found.whole
    assert [place.file for place in found.unfinished] == [path.name]


def test_dump_gives_what_waits_in_order(start, disk):
    buffer = start()
    made = [record(number, priority=Priority(number % 3)) for number in range(8)]
    put_all(buffer, made)
    buffer.acknowledge(sequences(buffer, 3))
    lines = list(dump(disk, DIRECTORY))
    assert [line.record for line in lines] == made[3:]
    first = lines[0]
    assert (first.sequence, first.points, first.time_ns) == (4, 10, NOON_NS + 3)
    assert first.priority is Priority.OPTIONAL
    assert all(line.file.endswith(".segment") for line in lines)


def test_dump_lists_what_is_held_without_its_payload(start, disk):
    buffer = start(keys=KEYS)
    put_all(buffer, map(record, range(3)))
    start().put(record(3))
    lines = list(dump(disk, DIRECTORY))
    assert [(line.sequence, line.record is None) for line in lines] == [
        (4, False),
        (1, True),
        (2, True),
        (3, True),
    ]
    assert [line.record is None for line in dump(disk, DIRECTORY, KEYS)] == [False] * 4


def test_dump_goes_on_past_damage(start, disk):
    buffer = start()
    put_all(buffer, map(record, range(3)))
    offset = disk.content(disk.paths("normal-*")[0]).index(record(1).payload)
    disk.flip(disk.paths("normal-*")[0], offset)
    assert [line.sequence for line in dump(disk, DIRECTORY)] == [1, 3]


class BusyDisk:
    """A disk on which an agent goes on working at each look into a file."""

    def __init__(self, disk, work):
        self._disk = disk
        self._work = work

    def __getattr__(self, name):
        method = getattr(self._disk, name)
        if name != "open":
            return method

        def _open(path):
            if self._work:
                self._work.pop()()
            return method(path)

        return _open


def test_the_books_balance_in_every_look_at_a_buffer_that_is_in_use(start, disk):
    buffer = start(max_bytes=1 << 20)
    for round_ in range(30):
        put_all(buffer, [record(10 * round_ + number, 5000) for number in range(6)])
        work = [lambda: buffer.acknowledge(sequences(buffer, 4)) for _ in range(round_ % 4)]
        seen = status(BusyDisk(disk, work), DIRECTORY)
        left = seen.delivered + seen.rejected + sum(seen.dropped.values())
        assert seen.dropped == {}
        assert seen.produced == left + 10 * seen.records
        buffer.acknowledge(sequences(buffer))
    assert numbers(buffer) == []
    assert buffer.peek(EVERYTHING, EVERYTHING) == []
