"""Rows 4 and 5: the process or the power ends at each step between a put and the last unlink."""

from pathlib import Path
from random import Random

import pytest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.settings import BufferSettings
from nrdot.stages import Priority
from nrdot.testing.clock import ManualClock
from nrdot.testing.delivery.records import imbalance, numbers, record, sequences
from nrdot.testing.disks.simulated import SimulatedCrash, SimulatedDisk

DIRECTORY = Path("/state/buffer")
SETTINGS = BufferSettings(max_bytes=200_000)


class Life:
    """A script of everything that a buffer does, with what was promised so far."""

    def __init__(self, disk, clock):
        self.disk, self.clock = disk, clock
        self.put: set[int] = set()
        self.leaving: set[int] = set()

    def live(self):
        buffer = self.buffer = DiskBuffer(DIRECTORY, SETTINGS, self.clock, self.disk)
        for number in range(8):
            self.store(number)
        self.leave("acknowledge", 3)
        self.clock.advance(2)
        self.leave("reject", 1, "400")
        self.store(8)
        self.leave("drop", 2, "too_old")
        self.leave("acknowledge", 2)
        buffer.close()
        self.buffer = DiskBuffer(DIRECTORY, SETTINGS, self.clock, self.disk)
        self.store(9)
        self.leave("acknowledge", 1)
        self.buffer.flush()
        self.buffer.close()

    def store(self, number):
        self.buffer.put(record(number, 1500, Priority(number % 3)))
        self.put.add(number)

    def leave(self, how, count, *reason):
        self.leaving |= set(numbers(self.buffer)[:count])
        getattr(self.buffer, how)(sequences(self.buffer, count), *reason)


def steps_of_a_life():
    disk = SimulatedDisk()
    disk.steps_left = 1 << 30
    life = Life(disk, ManualClock())
    life.live()
    return (1 << 30) - disk.steps_left


@pytest.mark.parametrize("power", [False, True])
def test_a_crash_at_any_step_repeats_records_and_loses_none(power):
    steps = steps_of_a_life()
    assert steps > 80
    for step in range(steps):
        for part in (0.0, 0.4, 1.0):
            disk = SimulatedDisk()
            disk.steps_left, disk.part = step, part
            life = Life(disk, ManualClock())
            with pytest.raises(SimulatedCrash):
                life.live()
            if power:
                disk.cut_power(Random(1000 * step + int(part * 10)))
            else:
                disk.kill()
            buffer = DiskBuffer(DIRECTORY, SETTINGS, life.clock, disk)
            there = numbers(buffer)
            assert -1 not in there
            assert len(set(there)) == len(there)
            assert life.put - life.leaving <= set(there)
            assert set(there) <= set(range(10))
            assert imbalance(buffer) == 0
            # What was unlinked has an entry in the log that outlived the crash.
            assert "unaccounted" not in buffer.statistics().dropped
            buffer.put(record(77))
            buffer.acknowledge(sequences(buffer))
            assert imbalance(buffer) == 0


def test_a_crash_while_recovering_from_a_crash_loses_nothing_either():
    for first in range(0, steps_of_a_life(), 7):
        disk = SimulatedDisk()
        disk.steps_left = first
        life = Life(disk, ManualClock())
        with pytest.raises(SimulatedCrash):
            life.live()
        for second in range(4):
            disk.cut_power(Random(first))
            disk.steps_left = second
            with pytest.raises(SimulatedCrash):
                DiskBuffer(DIRECTORY, SETTINGS, life.clock, disk)
        disk.kill()
        buffer = DiskBuffer(DIRECTORY, SETTINGS, life.clock, disk)
        assert life.put - life.leaving <= set(numbers(buffer))
        assert imbalance(buffer) == 0
