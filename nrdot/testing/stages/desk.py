"""Verdicts without an agent: a policy over an invented host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nrdot.batch import Counter
from nrdot.decide.budget import SeriesBudget
from nrdot.decide.policy import Policy
from nrdot.stages import Reason, Verdict
from nrdot.testing.hosts.invented import InventedHost

if TYPE_CHECKING:
    from nrdot.batch import Rows, Table
    from nrdot.decide.rules import Rules
    from nrdot.testing.hosts.invented import InventedProcess


class Desk:
    """`step` samples and decides, `export` until everything is due."""

    def __init__(self, processes: int = 30, *, rules: Rules, limit: int = 0, **settings: Any) -> None:
        self.host = InventedHost()
        for number in range(processes):
            self.host.begin(100 + number, f"worker-{number}")
        self.budget = SeriesBudget(limit, reserved=0, points=7)
        self.policy = Policy([rules], self.budget, export_interval=60.0, interval=15.0, **settings)
        self.scores: dict[int, float] = {}
        self.critical: set[int] = set()
        self.points = 0  # that all exports came to
        self.step()

    def step(self) -> Rows | None:
        """What is due."""
        self.batch = batch = self.host.sample()
        table = batch.table
        for process in self.host.processes:
            table.score[process.row] = self.scores.get(process.pid, 0.1)
            table.never_filtered[process.row] = process.pid in self.critical
        due = self.policy.decide(batch)
        if due is not None:
            rows = due if due.size else np.flatnonzero(table.alive | table.dead)
            self._pay(table, rows)
            table.series[rows] = table.alive[rows] & (table.verdict[rows] == Verdict.KEEP)
            table.changed[rows] = False
            if not due.size:
                table.release()
        return due

    def export(self) -> None:
        for _ in range(4):
            due = self.step()
            if due is not None and not due.size:
                return
        raise AssertionError("four samples of 15 s must end in an export")

    def _pay(self, table: Table, rows: Rows) -> None:
        """Seven points for who is kept, as many for who was, and two zeros for who begins."""
        kept, had = table.verdict[rows] == Verdict.KEEP, table.series[rows]
        points = 7 * np.count_nonzero(kept | had) + 2 * np.count_nonzero(kept & ~had)
        self.points += int(points)
        self.policy.sent(int(points))

    def use(self, **ticks: int) -> None:
        """Clock ticks of CPU from now until the next sample, by pid: `_110=5`."""
        for pid, amount in ticks.items():
            self.host.run(self.process(int(pid.strip("_"))), Counter.CPU_USER, amount)

    def process(self, pid: int) -> InventedProcess:
        return next(process for process in self.host.processes if process.pid == pid)

    def reason(self, pid: int) -> Reason:
        return Reason(int(self.host.table.reason[self.process(pid).row]))

    def kept(self) -> set[int]:
        table = self.host.table
        return {p.pid for p in self.host.processes if table.verdict[p.row] == Verdict.KEEP}


class Alarming:
    """`policy.Anomalies` that a test names by their rows."""

    def __init__(self) -> None:
        self.rows: Rows = np.zeros(0, np.intp)

    def observe(self, _batch: object) -> Rows:
        return self.rows

    def adopt(self, other: Alarming) -> None:
        self.rows = other.rows
