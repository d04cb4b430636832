"""More processes than anybody planned for: 50,000 at once, and thousands that live for a moment."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

import numpy as np
import pytest

from nrdot.batch import Counter
from nrdot.clock import SystemClock
from nrdot.sample.procfs import ProcfsSource
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.procfs import FakeProcfs
from nrdot.testing.hosts.sampled import SampledHost

CROWD = 50_000
on_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs a real Linux /proc")


class Crowd:
    """Files of 50,000 processes, in memory: all the same but for pid and CPU."""

    def __init__(self, tree):
        self._tree = tree
        self.user = np.zeros(CROWD, np.int64)
        self.pids = [str(1000 + number) for number in range(CROWD)]
        self._shared = {
            "statm": b"100 50 20 5 0 285 0\n",
            "io": (tree / "1/io").read_bytes(),
            "status": (tree / "1/status").read_bytes(),
            "cgroup": b"0::/\n",
            "cmdline": b"crowd\0",
        }

    def read(self, path, *_):
        pid, _, name = path.partition("/")
        if not pid.isdecimal() or int(pid) < 1000:
            return (self._tree / path).read_bytes()
        if name == "stat":
            user = self.user[int(pid) - 1000]
            return b"%s (crowd) S 1 1 1 0 -1 64 0 0 0 0 %d 0 0 0 20 0 2 0 7 0 0 0%s\n" % (
                pid.encode(), user, b" 0" * 27,
            )  # fmt: skip
        return self._shared[name]

    def list(self):
        return [*(path.name for path in self._tree.iterdir()), *self.pids]

    def link(self, path):
        raise FileNotFoundError(path)

    def exists(self, path):
        return bool(path)


def test_fifty_thousand_processes_fit_the_table_and_every_one_is_counted():
    with FakeProcfs() as proc:
        proc.add(1, "init", parent=0)
        clock = ManualClock()
        source = ProcfsSource(proc.root, clock, descriptors=0)
        crowd = Crowd(proc.root)
        for name in ("read", "list", "link", "exists"):
            setattr(source._files, name, getattr(crowd, name))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        batch = source.sample()
        assert (len(batch.living), len(batch.born), batch.vanished) == (CROWD + 1, CROWD + 1, 0)
        crowd.user += np.arange(CROWD) % 3
        clock.advance(15)
        batch = source.sample()
        grown = source.table.counters[Counter.CPU_USER] - source.table.previous[Counter.CPU_USER]
        assert grown.sum() == (np.arange(CROWD) % 3).sum()
        crowd.pids = crowd.pids[: CROWD // 2]
        clock.advance(15)
        assert len(source.sample().died) == CROWD // 2
        source.table.release()
        capacity = source.table.capacity
        crowd.pids = [str(1000 + number) for number in range(CROWD)]
        clock.advance(15)
        source.sample()
        assert source.table.capacity == capacity  # rows of the dead are used again
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown_kib * 1024 / CROWD < 4096


def test_three_thousand_processes_between_two_samples_leave_nothing_behind_but_their_cpu():
    with SampledHost() as host:
        host.proc.add(50, "bomb")
        host.sample()
        host.sample()
        kept, capacity = host.source._files.kept, host.table.capacity
        bomb = host.proc.processes[50]
        for generation in range(3):
            bomb.child_user += 3000
            host.proc.forks += 3000
            host.proc.run(50)
            host.proc.set_stat_totals()
            batch = host.sample()
            assert host.delta(50, Counter.CHILD_USER) == 3000, generation
            assert not batch.born.size
        assert host.table.capacity == capacity
        assert host.source._files.kept <= kept + 6


def test_a_crowd_that_is_seen_and_gone_at_the_next_sample_is_given_back():
    with SampledHost() as host:
        host.proc.add(50, "bomb")
        host.sample()
        kept = host.source._files.kept
        for generation in range(3):
            for pid in range(1000, 1060):
                host.proc.add(pid, "spark", parent=50, user=2)
            assert len(host.sample().born) == 60
            for pid in range(1000, 1060):
                host.proc.run(pid, user=1)
                host.proc.exit(pid)
            assert len(host.sample().died) == 60
            assert host.counter(50, Counter.CHILD_USER) == 60 * (generation + 1)
            host.table.release()
        assert host.table.capacity == 512
        assert host.source._files.kept <= kept + 6
        assert sum(map(bool, host.source._pids)) == 3
        assert sum(map(bool, host.source._names)) == 3


@on_linux
def test_a_real_fork_bomb_is_sampled_while_it_rages():
    source = ProcfsSource(Path("/proc"), SystemClock())
    source.sample()
    with subprocess.Popen(["sh", "-c", "i=0; while [ $i -lt 300 ]; do (:) & i=$((i+1)); done; wait"]) as bomb:
        while bomb.poll() is None:
            batch = source.sample()
            assert source.table.alive[batch.living].all()
            assert (source.table.counters >= source.table.previous)[:, batch.living].all()
    source.sample()
    assert bomb.pid not in source.table.pid[source.table.alive]


def test_the_fake_of_the_crowd_speaks_as_the_kernel_does():
    with FakeProcfs() as proc:
        proc.add(1, "init")
        line = Crowd(proc.root).read("1000/stat")
        assert len(line.split()) == len((proc.root / "1/stat").read_bytes().split())
