"""Row 8: a device that refuses to sync or to write, under a real process that is killed afterwards.

A library in front of the C library fails on cue, so the process, its files and the kernel are real.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.clock import SystemClock
from nrdot.testing.delivery.buffer_writer import SETTINGS
from nrdot.testing.delivery.records import imbalance, numbers, record

SOURCE = Path(__file__).with_name("refusing_device.c")
POINTS = record(0).points


@pytest.fixture(scope="session")
def refusing_device(tmp_path_factory):
    library = tmp_path_factory.mktemp("device") / "refusing_device.so"
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler on this machine; tests/unit/buffer/test_durability.py stands in")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    # By its name: LD_PRELOAD is split at spaces, which a path to a folder for temporary files may hold.
    return {"LD_PRELOAD": library.name, "LD_LIBRARY_PATH": str(library.parent)}


class Trouble:
    """A process that puts records into a buffer, on a device that fails when it gets its cue."""

    def __init__(self, folder, start_writers, device):
        self.cue = folder / "cue"
        self.writers = start_writers(folder / "buffer", environment={**device, "NRDOT_CUE": str(self.cue)})
        self.pid = self.writers.start()

    def puts(self, more):
        before = len(self.writers.put)
        self._hear(lambda: len(self.writers.put) >= before + more)

    def begins(self, fault):
        """From here the device fails; returns once the process keeps records in memory for that."""
        self.cue.write_text(fault)
        self._hear(lambda: self.writers.kept >= 30)

    def ends(self):
        self.cue.unlink()

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.writers.until("dead")

    def _hear(self, enough):
        while not enough():
            self.writers.listen()


@pytest.fixture
def trouble(tmp_path, start_writers, refusing_device):
    return Trouble(tmp_path, start_writers, refusing_device)


@pytest.fixture
def left(tmp_path):
    """Opens the buffer that the process left."""
    opened = []

    def _left():
        opened.append(DiskBuffer(tmp_path / "buffer", SETTINGS, SystemClock(), Files()))
        return opened[-1]

    yield _left
    for buffer in opened:
        buffer.close()


@pytest.mark.parametrize("fault", ["S", "W"])
def test_what_a_device_refuses_is_never_called_durable(trouble, left, fault):
    trouble.puts(30)
    trouble.begins(fault)
    trouble.kill()
    trouble.ends()
    buffer = left()
    there = numbers(buffer)
    assert -1 not in there
    assert len(set(there)) == len(there)
    assert set(trouble.writers.put) - trouble.writers.leaving <= set(there)
    assert imbalance(buffer) == 0


def test_what_went_while_a_device_called_itself_full_is_in_the_books(trouble, left):
    writers = trouble.writers
    trouble.puts(30)
    trouble.begins("F")
    trouble.ends()
    before = len(writers.put)
    trouble.puts(30)
    trouble.kill()
    buffer = left()
    there = numbers(buffer)
    assert -1 not in there
    assert len(set(there)) == len(there)
    assert set(writers.put[before:]) - writers.leaving <= set(there)
    evicted = set(writers.put) - writers.leaving - set(there)
    assert len(evicted) * POINTS <= sum(buffer.statistics().dropped.values())
    assert imbalance(buffer) == 0


def test_a_device_that_works_again_is_used_again(trouble, left):
    trouble.puts(30)
    trouble.begins("S")
    trouble.ends()
    trouble.puts(30)
    trouble.kill()
    buffer = left()
    assert set(trouble.writers.put) - trouble.writers.leaving <= set(numbers(buffer))
    assert imbalance(buffer) == 0
