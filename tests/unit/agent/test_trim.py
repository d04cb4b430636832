from __future__ import annotations

import subprocess
import sys

import pytest

from nrdot.agent.beside.trim import SETTLED, Trim
from nrdot.batch import Table
from nrdot.testing.agents.hollow import tick_of


@pytest.fixture
def given():
    return []


def test_memory_is_given_back_once_for_each_growth_when_that_has_settled(given):
    table = Table(16)
    trim = Trim(lambda: given.append(table.capacity))
    for _ in range(SETTLED + 5):
        trim(tick_of(table))
    assert given == [16]
    table.reserve(17)
    for _ in range(SETTLED):
        trim(tick_of(table))
    assert given == [16]
    trim(tick_of(table))
    assert given == [16, table.capacity]


def test_a_table_that_grows_at_every_tick_is_left_alone(given):
    table = Table(16)
    trim = Trim(lambda: given.append(table.capacity))
    for _ in range(3 * SETTLED):
        trim(tick_of(table))
        given.clear()
        table.reserve(table.capacity + 1)
    assert not given


def test_what_was_set_apart_and_is_garbage_by_now_is_found_the_next_time():
    code = (
        "import weakref\n"
        "from nrdot.agent.beside.trim import give_back\n"
        "class Part: pass\n"
        "old = Part(); old.itself = old\n"
        "gone = weakref.ref(old)\n"
        "give_back()\n"
        "del old\n"
        "give_back()\n"
        "print(gone() is None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_what_lives_is_set_apart_from_the_collector_of_garbage():
    code = (
        "import gc\n"
        "first = gc.get_freeze_count()\n"  # Python 3.12 begins with some of its own
        "from nrdot.agent.beside.trim import give_back\n"
        "print(gc.get_freeze_count() == first)\n"
        "give_back()\n"
        "print(gc.get_freeze_count() > first + 1000, gc.isenabled())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True"]


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_a_large_block_that_was_freed_does_not_teach_the_library_to_keep_more():
    code = (
        "from nrdot.agent.beside.trim import SPARE, keep_little\n"
        "keep_little()\n"
        "data = [bytes(8 * SPARE) for _ in range(2)]\n"
        "del data\n"
        "before = open('/proc/self/statm').read().split()\n"
        "again = [b'x' * (SPARE // 2) for _ in range(20)]\n"
        "del again\n"
        "after = open('/proc/self/statm').read().split()\n"
        "print((int(after[1]) - int(before[1])) * 4096)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2 << 20
