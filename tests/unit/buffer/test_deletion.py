"""How long payloads stay on a host, and what is left of them afterwards."""

import errno
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import GONE, Files
from nrdot.buffer.inspection import replay, status
from nrdot.buffer.settings import BufferSettings
from nrdot.clock import SystemClock
from nrdot.stages import Priority
from nrdot.testing.clock import ManualClock
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences
from nrdot.testing.disks.simulated import SimulatedCrash, SimulatedDisk

DIRECTORY = Path("/state/buffer")
DAY = 86_400.0


def payloads(disk):
    """Numbers whose payload lies on the disk in any file, waiting or not."""
    everything = b"".join(disk.content(path) for path in disk.paths())
    return [number for number in range(100) if record(number).payload in everything]


def test_nothing_stays_longer_than_it_may_be_it_delivered_refused_or_set_aside(start, disk, clock):
    days = 9
    buffer = start(keep_seconds=days * DAY)
    disk.write(DIRECTORY / "aside" / f"{clock.wall_ns()}-normal-{7:020}.segment", b"set aside")
    put_all(buffer, [record(number, priority=Priority.CRITICAL) for number in range(4)])
    buffer.acknowledge(sequences(buffer, 1))
    buffer.reject(sequences(buffer, 1), "400")
    for day in range(days):
        clock.advance(DAY)
        buffer.put(record(10 + day))
        assert max(payloads(disk)) == 10 + day
    assert payloads(disk)[0] >= 10
    assert not disk.paths("aside/*")
    assert not disk.paths("dead/*")
    assert set(buffer.statistics().dropped) == {"expired"}
    assert imbalance(buffer) == 0
    # And not much shorter than it may.
    assert numbers(buffer)[0] <= 12


def test_letters_and_what_is_set_aside_stay_as_long_as_they_may(start, disk, clock):
    buffer = start(keep_seconds=9 * DAY)
    disk.write(DIRECTORY / "aside" / f"{clock.wall_ns()}-normal-{7:020}.segment", b"set aside")
    buffer.put(record(0))
    buffer.reject(sequences(buffer), "400")
    for _ in range(35):
        clock.advance(DAY / 4)
        buffer.put(record(1))
        assert len(disk.paths("dead/*")) == len(disk.paths("aside/*")) == 1
    clock.advance(DAY / 4)
    buffer.put(record(1))
    assert disk.paths("dead/*") == disk.paths("aside/*") == []


def test_what_somebody_else_put_beside_letters_and_aside_stays_and_is_in_nobodys_way(start, disk, clock):
    for folder in ("aside", "dead"):
        disk.write(DIRECTORY / folder / "notes-of-mine.txt", b"mine")
    buffer = start(keep_seconds=9 * DAY)
    for number in range(2):
        buffer.put(record(number))
        buffer.reject(sequences(buffer, 1), "400")
        clock.advance(10 * DAY)
    buffer.put(record(2))
    assert [path.parent.name for path in disk.paths("notes-of-mine.txt")] == ["aside", "dead"]
    assert payloads(disk) == [2]


def test_what_cannot_be_removed_in_time_is_said(start, disk, clock, caplog):
    aside = DIRECTORY / "aside" / f"{clock.wall_ns()}-normal-{7:020}.segment"
    disk.write(aside, b"set aside")
    buffer = start(keep_seconds=9 * DAY)
    buffer.put(record(0))
    buffer.reject(sequences(buffer, 1), "400")
    (letter,) = disk.paths("dead/*")
    disk.fail = lambda operation, path: (
        errno.EIO if operation == "remove" and path in (aside, letter) else None
    )
    clock.advance(10 * DAY)
    buffer.put(record(1))
    assert f"{letter}: Input/output error; it should be gone by now" in caplog.text
    assert f"{aside.parent}: Input/output error; it should be empty by now" in caplog.text
    disk.mend()
    clock.advance(10 * DAY)
    buffer.put(record(2))
    assert payloads(disk) == [2]


def test_without_a_bound_everything_stays(start, disk, clock):
    buffer = start()
    put_all(buffer, map(record, range(3)))
    buffer.reject(sequences(buffer, 1), "400")
    clock.advance(400 * DAY)
    buffer.put(record(3))
    assert numbers(buffer) == [1, 2, 3]
    assert payloads(disk) == [0, 1, 2, 3]


def leave_in_every_way(buffer, clock):
    put_all(buffer, [record(number, 1500) for number in range(30)])
    buffer.acknowledge(sequences(buffer, 12))
    buffer.drop(sequences(buffer, 2), "too_old")
    buffer.reject(sequences(buffer, 1), "400")
    clock.advance(2)
    buffer.flush()


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_held_payloads_is_overwritten_before_it_is_removed_where_that_is_asked_for(
    start, disk, clock, overwrite
):
    removed = []

    class Watching(SimulatedDisk):
        def remove(self, path):
            if not path.name.startswith("progress"):
                removed.append(self.content(path))
            super().remove(path)

    disk = Watching()
    buffer = DiskBuffer(DIRECTORY, BufferSettings(max_bytes=60_000, overwrite=overwrite), clock, disk)
    leave_in_every_way(buffer, clock)
    put_all(buffer, [record(number, 1500) for number in range(30, 90)])  # evicts
    replay(disk, DIRECTORY)
    clock.advance(2)
    buffer.put(record(99))
    assert len(removed) > 20
    zeros = [content for content in removed if not any(content)]
    assert len(zeros) == (len(removed) if overwrite else 0)
    assert imbalance(buffer) == 0
    buffer.close()


def test_a_crash_while_overwriting_leaves_nothing_behind_and_loses_nothing():
    reference = SimulatedDisk()
    reference.steps_left = 1 << 30
    settings = BufferSettings(max_bytes=60_000, overwrite=True)
    buffer = DiskBuffer(DIRECTORY, settings, ManualClock(), reference)
    leave_in_every_way(buffer, ManualClock())
    steps = (1 << 30) - reference.steps_left
    for step in range(10, steps):
        disk, clock = SimulatedDisk(), ManualClock()
        disk.steps_left = step
        with suppress(SimulatedCrash):
            leave_in_every_way(DiskBuffer(DIRECTORY, settings, clock, disk), clock)
        disk.kill()
        assert not [name for name in status(disk, DIRECTORY).unused if GONE in name]
        after = DiskBuffer(DIRECTORY, settings, clock, disk)
        assert not disk.paths(f"*{GONE}")
        assert not disk.paths("aside/*")
        there = numbers(after)
        assert -1 not in there
        assert imbalance(after) == 0
        assert "unaccounted" not in after.statistics().dropped
        after.close()


@pytest.mark.parametrize("size", [1, 3_000_000])
def test_a_real_file_is_overwritten_in_place(tmp_path, size):
    path, other = tmp_path / "segment", tmp_path / "other"
    path.write_bytes(b"s" * size)
    other.hardlink_to(path)  # shows what lies in the blocks after the name is gone
    files = Files()
    files.overwrites = True
    files.discard(path)
    assert list(tmp_path.iterdir()) == [other]
    assert other.read_bytes() == bytes(size)


def test_what_a_crash_left_half_overwritten_goes_at_the_next_start(tmp_path):
    buffer = DiskBuffer(tmp_path / "buffer", BufferSettings(), SystemClock(), Files())
    buffer.close()
    left = tmp_path / "buffer" / f"normal-{1:020}.segment{GONE}"
    left.write_bytes(bytes(100) + b"secret")
    DiskBuffer(tmp_path / "buffer", BufferSettings(), SystemClock(), Files()).close()
    assert not left.exists()


@pytest.mark.parametrize("seed", range(10))
def test_what_was_delivered_before_its_time_was_over_stays_delivered_after_a_power_cut(
    start, disk, clock, seed
):
    buffer = start(keep_seconds=9 * DAY)
    put_all(buffer, map(record, range(3)))
    clock.advance(9 * DAY * 7 / 8 - 0.2)  # a segment goes when the first that may be in it is nine days old
    buffer.acknowledge(sequences(buffer, 1))
    clock.advance(0.1)
    buffer.acknowledge(sequences(buffer))
    clock.advance(2)
    buffer.put(record(3, priority=Priority.CRITICAL))
    assert payloads(disk) == [3]
    disk.cut_power(Random(seed))
    after = start(keep_seconds=9 * DAY)
    assert (after.statistics().delivered, after.statistics().dropped) == (30, {})
