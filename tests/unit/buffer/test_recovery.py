"""What a start reads of a directory, and what it makes of files that go or fail meanwhile."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.gap import Gap
from nrdot.buffer.inspection import status
from nrdot.buffer.settings import BufferSettings
from nrdot.stages import Priority
from nrdot.testing.clock import ManualClock
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences
from nrdot.testing.disks.simulated import SimulatedDisk

DIRECTORY = Path("/state/buffer")


class CountingDisk(SimulatedDisk):
    def __init__(self) -> None:
        super().__init__()
        self.bytes_read = 0

    def read(self, descriptor, offset, size):
        data = super().read(descriptor, offset, size)
        self.bytes_read += len(data)
        return data


def segments_of(start, count):
    """A closed buffer with so many segments of one record each."""
    buffer = start(max_bytes=1 << 20)
    put_all(buffer, [record(number, 9000) for number in range(count)])
    buffer.close()


def test_a_start_reads_little_of_finished_segments_and_syncs_none_of_them():
    disk, settings = CountingDisk(), BufferSettings(max_bytes=1 << 20)
    for first in (0, 50):
        buffer = DiskBuffer(DIRECTORY, settings, ManualClock(), disk)
        put_all(buffer, [record(first + number, 9000) for number in range(50)])
        disk.kill()
    disk.bytes_read, began, finished = 0, [], set(disk.paths("normal-*")[:49])
    assert len(disk.paths("normal-*")) == 100
    disk.fail = lambda operation, path: began.append(path) if operation == "sync" else None
    buffer = DiskBuffer(DIRECTORY, settings, ManualClock(), disk)
    assert buffer.statistics().records == 100
    assert disk.bytes_read < 100_000
    assert not finished & set(began)


@pytest.mark.parametrize("opened", [1, 2])  # for its header, for its seal
@pytest.mark.parametrize("finished", [True, False])
def test_a_segment_that_a_start_cannot_read_leaves_the_others_and_keeps_its_numbers(
    start, disk, finished, opened
):
    segments_of(start, 4)
    if not finished:
        disk.cut(disk.paths("normal-*")[1], len(disk.content(disk.paths("normal-*")[1])) - 1)
    lost, times = disk.paths("normal-*")[1], []

    def fails(operation, path):
        if (operation, path) == ("open", lost):
            times.append(operation)
            return errno.EIO if len(times) == opened else None
        return None

    disk.fail = fails
    assert status(disk, DIRECTORY).unused == (f"{lost.name}: cannot be read: Input/output error",)
    times.clear()
    buffer = start(max_bytes=1 << 20)
    disk.mend()
    assert numbers(buffer) == [0, 2, 3]
    put_all(buffer, [record(4)])
    given = sequences(buffer)
    buffer.close()
    buffer = start(max_bytes=1 << 20)
    assert numbers(buffer) == [0, 1, 2, 3, 4]
    assert len(set(sequences(buffer))) == len(given) + 1
    assert imbalance(buffer) == 0


@pytest.mark.parametrize("opened", [1, 2])
def test_a_look_at_files_that_go_meanwhile_is_taken_again(start, disk, opened):
    segments_of(start, 4)
    gone, times = disk.paths("normal-*")[1], []

    def goes(operation, path):
        if (operation, path) == ("open", gone):
            times.append(operation)
            return errno.ENOENT if len(times) == opened else None
        return None

    disk.fail = goes
    seen = status(disk, DIRECTORY)
    assert (seen.records, seen.dropped, seen.gaps, seen.unused) == (4, {}, (), ())


def test_what_nobody_accounts_for_is_a_gap_of_which_only_the_points_are_known(start, disk):
    segments_of(start, 4)
    for path in disk.paths("normal-*")[1:3]:
        disk.remove(path)
    buffer = start(max_bytes=1 << 20)
    gap = Gap("unaccounted", Priority.OPTIONAL, 0, 20, 0, 0, 0, 0)
    for _ in range(2):
        assert status(disk, DIRECTORY).gaps == (gap,)
        assert (numbers(buffer), imbalance(buffer)) == ([0, 3], 0)
        buffer = start(max_bytes=1 << 20)
