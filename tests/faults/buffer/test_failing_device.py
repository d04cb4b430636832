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


def hear(writers, enough):
    while not enough():
        writers.listen()


@pytest.mark.parametrize("fault", ["S", "W"])
def test_what_a_device_refuses_is_never_called_durable(tmp_path, start_writers, refusing_device, fault):
    cue = tmp_path / "cue"
    environment = {**refusing_device, "NRDOT_CUE": str(cue)}
    writers = start_writers(tmp_path / "buffer", environment=environment)
    pid = writers.start()
    hear(writers, lambda: len(writers.put) >= 30)
    cue.write_text(fault)
    hear(writers, lambda: writers.kept >= 30)
    os.kill(pid, signal.SIGKILL)
    writers.until("dead")
    cue.unlink()
    buffer = DiskBuffer(tmp_path / "buffer", SETTINGS, SystemClock(), Files())
    there = numbers(buffer)
    assert -1 not in there
    assert len(set(there)) == len(there)
    assert set(writers.put) - writers.leaving <= set(there)
    assert imbalance(buffer) == 0
    buffer.close()


def test_what_went_while_a_device_called_itself_full_is_in_the_books(
    tmp_path, start_writers, refusing_device
):
    cue = tmp_path / "cue"
    environment = {**refusing_device, "NRDOT_CUE": str(cue)}
    writers = start_writers(tmp_path / "buffer", environment=environment)
    pid = writers.start()
    hear(writers, lambda: len(writers.put) >= 30)
    cue.write_text("F")
    hear(writers, lambda: writers.kept >= 30)
    cue.unlink()
    before = len(writers.put)
    hear(writers, lambda: len(writers.put) >= before + 30)
    os.kill(pid, signal.SIGKILL)
    writers.until("dead")
    buffer = DiskBuffer(tmp_path / "buffer", SETTINGS, SystemClock(), Files())
    there = numbers(buffer)
    assert -1 not in there
    assert len(set(there)) == len(there)
    assert set(writers.put[before:]) - writers.leaving <= set(there)
    evicted = set(writers.put) - writers.leaving - set(there)
    assert len(evicted) * POINTS <= sum(buffer.statistics().dropped.values())
    assert imbalance(buffer) == 0
    buffer.close()


def test_a_device_that_works_again_is_used_again(tmp_path, start_writers, refusing_device):
    cue = tmp_path / "cue"
    environment = {**refusing_device, "NRDOT_CUE": str(cue)}
    writers = start_writers(tmp_path / "buffer", environment=environment)
    pid = writers.start()
    hear(writers, lambda: len(writers.put) >= 30)
    cue.write_text("S")
    hear(writers, lambda: writers.kept >= 30)
    cue.unlink()
    before = len(writers.put)
    hear(writers, lambda: len(writers.put) >= before + 30)
    os.kill(pid, signal.SIGKILL)
    writers.until("dead")
    buffer = DiskBuffer(tmp_path / "buffer", SETTINGS, SystemClock(), Files())
    assert set(writers.put) - writers.leaving <= set(numbers(buffer))
    assert imbalance(buffer) == 0
    buffer.close()
