"""Rows 2 and 3: a segment cut at every byte, every byte of a directory flipped."""

from pathlib import Path

import pytest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.encryption import NO_KEYS, Keyring
from nrdot.buffer.settings import BufferSettings
from nrdot.testing.clock import ManualClock
from nrdot.testing.delivery.records import imbalance, number_of, numbers, put_all, record, sequences, waiting
from nrdot.testing.disks.simulated import SimulatedDisk

DIRECTORY = Path("/state/buffer")
KEYS = Keyring(b"k" * 32)


def start(disk, keys=NO_KEYS):
    return DiskBuffer(DIRECTORY, BufferSettings(), ManualClock(), disk, keys=keys)


def filled(keys, *, finished):
    """Two segments of records that wait, a log that says that two left, and one dead letter."""
    disk = SimulatedDisk()
    buffer = start(disk, keys)
    put_all(buffer, [record(number, 30 + number) for number in range(6)])
    buffer.acknowledge(sequences(buffer)[2:4])
    if finished:
        buffer.close()
    disk.kill()
    buffer = start(disk, keys)
    put_all(buffer, [record(number, 30 + number) for number in range(6, 9)])
    buffer.reject(sequences(buffer)[-1:], "400")
    if finished:
        buffer.close()
    disk.kill()
    return disk


WAITING = [0, 1, 4, 5, 6, 7]


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("keys", [NO_KEYS, KEYS])
def test_a_segment_cut_at_any_byte_keeps_its_complete_records_and_takes_new_ones(keys, finished):
    reference = filled(keys, finished=finished)
    path = reference.paths("normal-*")[1]
    whole = reference.content(path)
    kept = set()
    for length in range(len(whole)):
        disk = reference.copy()
        disk.cut(path, length)
        buffer = start(disk, keys)
        buffer.put(record(99))
        there = numbers(buffer)
        assert there == [number for number in [*WAITING, 99] if number in there]
        assert set(there) >= {0, 1, 4, 5, 99}
        assert imbalance(buffer) == 0
        kept.add(len(there))
    assert kept == {5, 6, 7}


@pytest.mark.parametrize(
    ("keys", "finished", "files"),
    [(NO_KEYS, True, "*"), (NO_KEYS, False, "normal-*"), (KEYS, False, "normal-*")],
)
def test_a_flipped_byte_anywhere_costs_at_most_the_record_it_lies_in(keys, finished, files):
    """In a log it may repeat what had left, and nothing is ever delivered that was not put."""
    reference = filled(keys, finished=finished)
    for path in reference.paths(files):
        for offset in range(len(reference.content(path))):
            disk = reference.copy()
            disk.flip(path, offset, 1 << (offset % 8))
            buffer = start(disk, keys)
            found = waiting(buffer)
            there = [number_of(made) for made in found]
            assert all(made == record(number, 30 + number) for made, number in zip(found, there, strict=True))
            repeated = {2, 3, 8} & set(there)
            assert not repeated or path.match("progress-*")
            lost = set(WAITING) - set(there)
            assert len(lost) <= (1 if path.match("normal-*") else 0)
            assert there == sorted(there)
            assert imbalance(buffer) == 0
