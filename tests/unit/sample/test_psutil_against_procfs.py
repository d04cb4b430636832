"""On Linux psutil and /proc must tell the same: two readers that share no code.

Counters may grow between two reads, so /proc is read before and after, and psutil must lie in between.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest

from nrdot.batch import Counter, Gauge
from nrdot.clock import SystemClock
from nrdot.sample.procfs import ProcfsSource
from nrdot.sample.psutil_source import PsutilSource

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs a real Linux /proc")

# Each says `ready` once it is as it will stay, then waits for its standard input to end.
WAIT = "print('ready', flush=True); sys.stdin.read()"
REAPED = """
pid = os.fork()
if not pid:
    while os.times().user < 0.05: pass
    os._exit(0)
os.waitpid(pid, 0)
"""
SETUPS = {
    "idle": "",
    "spent CPU": "while os.times().user < 0.1: pass",
    "wrote a file": "f = open(sys.argv[1], 'wb'); f.write(b'x' * (1 << 20)); f.flush(); os.fsync(f.fileno())",
    "has threads": "[threading.Thread(target=threading.Event().wait, daemon=True).start() for _ in range(4)]",
    "has a zombie": "os.fork() or os._exit(0); time.sleep(0.05)",
    "reaped a child": REAPED,
    "named itself": "open('/proc/self/comm', 'wb').write(b'a) R 1 2\\n\\xff')",
}
OPTIONAL = frozenset({Gauge.DESCRIPTORS, Counter.SWITCHES_VOLUNTARY, Counter.SWITCHES_INVOLUNTARY})
COMPARED = [
    Counter.CPU_USER, Counter.CPU_SYSTEM, Counter.CPU_WAIT, Counter.READ, Counter.WRITTEN,
    Counter.SWITCHES_VOLUNTARY, Counter.SWITCHES_INVOLUNTARY,
]  # fmt: skip


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crowd")
    with ExitStack() as stack:
        processes = []
        for number, setup in enumerate(SETUPS.values()):
            code = "\n".join(["import os, sys, threading, time", textwrap.dedent(setup), WAIT])
            process = subprocess.Popen(
                [sys.executable, "-c", code, folder / str(number), "an argument"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            stack.callback(process.communicate)  # closes its standard input, which ends it
            processes.append(process)
        for process in processes:
            assert process.stdout.readline() == b"ready\n"
        family = {process.pid for process in processes}
        yield family | {child.pid for pid in family for child in psutil.Process(pid).children()}


@pytest.fixture(scope="module")
def three_looks(crowd):
    procfs = ProcfsSource(Path("/proc"), SystemClock(), optional=OPTIONAL)
    source = PsutilSource(SystemClock(), optional=OPTIONAL)
    before = look(procfs.sample().table, crowd)
    between = look(source.sample().table, crowd)
    after = look(ProcfsSource(Path("/proc"), SystemClock(), optional=OPTIONAL).sample().table, crowd)
    return before, between, after


def look(table, crowd):
    rows = {int(table.pid[row]): row for row in table.living().tolist() if int(table.pid[row]) in crowd}
    return table, rows


def test_both_find_the_same_processes_with_the_same_starts(three_looks, crowd):
    (procfs, theirs), (table, ours), _ = three_looks
    assert set(ours) == set(theirs) == crowd
    assert len(crowd) == len(SETUPS) + 1
    for pid in crowd:
        assert table.start[ours[pid]] == procfs.start[theirs[pid]]
        assert abs(int(table.born_ns[ours[pid]] - procfs.born_ns[theirs[pid]])) < 2_000_000_000


def test_counters_lie_between_two_reads_of_proc(three_looks, crowd):
    (first, before), (table, ours), (last, after) = three_looks
    for pid in crowd:
        low, value, high = (
            columns.counters[COMPARED, rows[pid]]
            for columns, rows in ((first, before), (table, ours), (last, after))
        )
        assert (low <= value).all(), pid
        assert (value <= high).all(), pid
    rows = list(ours.values())
    assert table.counters[Counter.CPU_USER, rows].sum() >= 10
    assert table.counters[Counter.WRITTEN, rows].sum() >= 1 << 20


def test_what_a_waiting_process_has_is_the_same(three_looks, crowd):
    (procfs, theirs), (table, ours), _ = three_looks
    kept = [Gauge.VIRTUAL, Gauge.RSS, Gauge.SHARED, Gauge.THREADS, Gauge.DESCRIPTORS]
    for pid in crowd:
        assert table.gauges[kept, ours[pid]].tolist() == procfs.gauges[kept, theirs[pid]].tolist()
        assert table.state[ours[pid]] == procfs.state[theirs[pid]]
        assert table.parent[ours[pid]] == procfs.parent[theirs[pid]]
        assert table.limited[ours[pid]] == procfs.limited[theirs[pid]]
    assert sorted(set(np.array([table.gauges[Gauge.THREADS, row] for row in ours.values()]).tolist())) == [
        1,
        5,
    ]
    assert ord("Z") in {table.state[row] for row in ours.values()}


def test_words_are_the_same(three_looks, crowd):
    (procfs, theirs), (table, ours), _ = three_looks
    for pid in crowd:
        assert table.identity[ours[pid]] == procfs.identity[theirs[pid]]
    names = {table.identity[row].name for row in ours.values()}
    assert "a) R 1 2\n\N{REPLACEMENT CHARACTER}" in names


def test_cpu_of_children_that_ended_unseen_is_the_same_when_both_look_on():
    """Both begin before the child does, and charge its CPU to the parent once it was reaped."""
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import os, sys\ninput()\n{REAPED}\n{WAIT}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        sources = [ProcfsSource(Path("/proc"), SystemClock()), PsutilSource(SystemClock())]
        for source in sources:
            source.sample()
        parent.stdin.write(b"go\n")
        parent.stdin.flush()
        assert parent.stdout.readline() == b"ready\n"
        charged = []
        for source in sources:
            table, rows = look(source.sample().table, {parent.pid})
            charged.append(table.counters[Counter.CHILD_USER :, rows[parent.pid]].tolist())
    finally:
        parent.communicate()
    assert charged[0] == charged[1]
    assert sum(charged[0]) >= 5


def test_kernel_threads_are_known_as_such():
    (procfs, theirs), (table, ours) = (
        look(source.sample().table, {2})
        for source in (ProcfsSource(Path("/proc"), SystemClock()), PsutilSource(SystemClock()))
    )
    if not theirs:
        pytest.skip("a pid namespace of its own has no kthreadd")
    assert table.identity[ours[2]] == procfs.identity[theirs[2]]
    assert table.identity[ours[2]].kernel
