import resource

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
