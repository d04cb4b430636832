"""A fake /proc with the Linux sampler on it, and time that passes for both.

    with SampledHost() as host:
        host.proc.add(42, "nginx")
        host.sample()
        host.proc.run(42, user=3)
        batch = host.sample(after=15)
        assert host.delta(42, Counter.CPU_USER) == 3

The agent is a process of the tree, so the gate is trusted from the second sample on.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nrdot.sample.procfs import ProcfsSource
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.procfs import FakeProcfs, unprivileged

if TYPE_CHECKING:
    from nrdot.batch import Batch, Counter, Gauge, Identity

AGENT = 5_000_000  # no pid of a real machine: the kernel's limit is 4,194,304


class SampledHost:
    """Settings are those of ProcfsSource. With `gated` false the agent is not in the tree: no gate.

    With `nobody` the sampler looks with the rights of nobody, while the test changes the tree with its own.
    """

    def __init__(self, *, gated: bool = True, nobody: bool = False, **settings: Any) -> None:
        self.proc = FakeProcfs()
        self.clock = ManualClock()
        self.gated = gated
        self.nobody = nobody
        self.proc.add(1, "init", parent=0)
        if gated:
            self.proc.add(AGENT, "nrdot", own=True)
        self._settings = settings
        self.restart()

    def restart(self) -> None:
        """Another agent, which knows nothing yet."""
        self.source = ProcfsSource(self.proc.root, self.clock, **self._settings)
        self.table = self.source.table

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.proc.close()

    def sample(self, *, after: float = 15.0) -> Batch:
        self.clock.advance(after)
        self.proc.advance(after)
        if self.gated:
            self.proc.run(AGENT)
        with unprivileged() if self.nobody else nullcontext():
            return self.source.sample()

    def row(self, pid: int) -> int:
        """The row of the living process with this pid; KeyError where the sampler knows none."""
        rows = np.flatnonzero(self.table.alive & (self.table.pid == pid)).tolist()
        if len(rows) != 1:
            raise KeyError(pid)
        return int(rows[0])

    def known(self) -> list[int]:
        return sorted(self.table.pid[self.table.alive].tolist())

    def identity(self, pid: int) -> Identity:
        return self.table.identity[self.row(pid)]

    def counter(self, pid: int, counter: Counter) -> int:
        return int(self.table.counters[counter, self.row(pid)])

    def delta(self, pid: int, counter: Counter) -> int:
        """By how much it grew at the last sample."""
        row = self.row(pid)
        return int(self.table.counters[counter, row] - self.table.previous[counter, row])

    def gauge(self, pid: int, gauge: Gauge) -> int:
        return int(self.table.gauges[gauge, self.row(pid)])
