from pathlib import Path

import pytest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.encryption import NO_KEYS
from nrdot.buffer.settings import BufferSettings
from nrdot.testing.clock import ManualClock
from nrdot.testing.disks.simulated import SimulatedDisk

DIRECTORY = Path("/state/buffer")


@pytest.fixture
def disk():
    return SimulatedDisk()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def start(disk, clock):
    """Opens the buffer, after the kill of the process that had it before."""
    opened = []

    def _start(keys=NO_KEYS, gap_resource=None, **settings):
        disk.kill()
        opened.append(
            DiskBuffer(
                DIRECTORY, BufferSettings(**settings), clock, disk, keys=keys, gap_resource=gap_resource
            )
        )
        return opened[-1]

    yield _start
    for buffer in opened:
        if buffer._flusher is not None:
            buffer._flusher.stop()
