import resource
import subprocess
import sys

import psutil
import pytest

from nrdot.telemetry import own


def test_cpu_is_what_the_kernel_says_of_us():
    user, system = own.cpu_seconds()
    later = resource.getrusage(resource.RUSAGE_SELF)

    assert 0 < user <= later.ru_utime
    assert 0 <= system <= later.ru_stime


def test_the_cpu_of_a_thread_leaves_the_others_out():
    assert 0 < own.thread_seconds() <= sum(own.cpu_seconds()) + 0.01


def test_memory_is_what_others_see_of_us():
    assert own.resident_bytes() == pytest.approx(psutil.Process().memory_info().rss, rel=0.1)


def test_a_fork_sees_its_own_memory_and_not_that_of_its_parent():
    script = """\
import os
from nrdot.telemetry.own import resident_bytes
before = resident_bytes()
if os.fork() == 0:
    grown = bytearray(b"x") * (64 << 20)
    os._exit(0 if resident_bytes() > before + (32 << 20) else 1)
_, status = os.wait()
print(status)
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "0"
