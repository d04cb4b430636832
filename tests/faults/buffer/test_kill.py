"""Rows 1 and 45: a process that dies at any moment, and what it had been promised."""

import os
import signal
import time
from pathlib import Path
from random import Random

import pytest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.clock import SystemClock
from nrdot.testing.delivery.buffer_writer import SETTINGS
from nrdot.testing.delivery.records import imbalance, numbers, sequences

KILLS = 150
CGROUPS = Path("/sys/fs/cgroup")


def check(directory, writers, known):
    """Everything promised is there, whole, once; some of it leaves, so that segments come and go."""
    buffer = DiskBuffer(directory, SETTINGS, SystemClock(), Files())
    there = numbers(buffer)
    assert -1 not in there
    assert len(set(there)) == len(there)
    promised = set(writers.put) - writers.leaving - known
    assert promised <= set(there)
    assert imbalance(buffer) == 0
    assert not buffer.statistics().dropped
    leaving = sequences(buffer, len(there) // 2)
    known |= set(there[: len(leaving)])
    buffer.acknowledge(leaving)
    buffer.close()


def test_nothing_acknowledged_is_lost_when_the_process_is_killed_again_and_again(tmp_path, start_writers):
    writers, known, chance = start_writers(tmp_path / "buffer"), set(), Random(1)
    for _ in range(KILLS):
        pid = writers.start()
        for _ in range(chance.randrange(12)):
            writers.listen()
        time.sleep(chance.uniform(0.0, 0.003))  # any moment will do
        os.kill(pid, signal.SIGKILL)
        assert writers.until("dead") == signal.SIGKILL
        check(tmp_path / "buffer", writers, known)
    assert len(writers.put) > KILLS


def memory_group(limit):
    """A memory cgroup of version 1 or 2, or nothing where this machine gives none."""
    for parent, file in ((CGROUPS / "memory", "memory.limit_in_bytes"), (CGROUPS, "memory.max")):
        group = parent / f"nrdot-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / file).write_text(str(limit))
        except OSError:
            group.rmdir()
        else:
            return group
    return None


def test_nothing_acknowledged_is_lost_when_the_kernel_is_out_of_memory(tmp_path, start_writers):
    group = memory_group(64 << 20)
    if group is None:
        pytest.skip("no memory cgroup to be had; the limit of addresses below stands in")
    try:
        writers = start_writers(tmp_path / "buffer", str(group))
        writers.start()
        assert writers.until("dead") & 0x7F == signal.SIGKILL
        assert len(writers.put) > 10
        check(tmp_path / "buffer", writers, set())
    finally:
        group.rmdir()


def test_nothing_acknowledged_is_lost_when_the_process_gets_no_more_memory(tmp_path, start_writers):
    writers = start_writers(tmp_path / "buffer", str(400 << 20))
    writers.start()
    assert writers.until("dead") != 0
    assert len(writers.put) > 10
    check(tmp_path / "buffer", writers, set())
