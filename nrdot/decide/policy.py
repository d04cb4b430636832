"""Verdicts: which processes are exported one by one, and why.

KEEP is the union of: never filtered, score at or above the threshold, among the largest users of CPU, memory
or I/O, of a pod near its limit, anomalous, newly born. A process enters KEEP at once and leaves it only when
its last reason is older than the hold time. Then the budget of series trims, never the never-filtered.
Verdicts change at exports; between two exports only what cannot wait is exported: an anomaly, a pod near its
limit, the birth of a never-filtered process, a large user of CPU without whom the kept ones cover too little,
and processes that want every sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nrdot.batch import Gauge, distinct
from nrdot.decide.allowance import Allowance
from nrdot.decide.columns import Columns
from nrdot.decide.consumers import CPU, IO, Consumption
from nrdot.decide.coverage import SPARED, Coverage
from nrdot.decide.limits import PodLimits
from nrdot.decide.selection import largest, newest
from nrdot.decide.trimming import Trimming
from nrdot.stages import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from nrdot.batch import Batch, Flags, Floats, Identity, Rows, Table
    from nrdot.decide.budget import SeriesBudget
    from nrdot.decide.rules import Rules

NEWCOMERS = 20  # processes that may be in their grace at a time
POD_NEWCOMERS = 200  # processes that may be in the grace of their pod at a time
FEW = 3  # processes for which a group is not worth its own series


class Anomalies(Protocol):
    """Knows which processes left the band of their own history."""

    def observe(self, batch: Batch) -> Rows:
        """Look at one sample; rows that are anomalous now."""

    def adopt(self, other: Any) -> None:
        """Go on with the history of another one, which this one replaces."""


class Policy:
    """The Decider. `rules[0]` is the host's profile; `scope_of` names another one for some processes."""

    def __init__(
        self,
        rules: Sequence[Rules],
        budget: SeriesBudget,
        *,
        export_interval: float,
        interval: float,
        scope_of: Callable[[Identity, str], int] = lambda _identity, _class: 0,
        class_name: Callable[[int], str] = lambda _number: "",
        anomalies: Anomalies | None = None,
        every_sample: Callable[[int], Flags] = lambda capacity: np.zeros(capacity, np.bool_),
        observe: bool = False,
        first_export: float = 0.0,
        allowance: Allowance | None = None,
        pod_grace: float = 0.0,
    ) -> None:
        """`first_export`: seconds after the first sample, so that hosts do not all export at once.

        Without an `allowance` coverage may cost what the budget has places for. `pod_grace`: seconds for
        which the processes of a new pod are kept, whatever the profile's own grace.
        """
        self.rules = rules
        self._grace = np.array([one.grace for one in rules])
        self._threshold = np.array([one.threshold for one in rules])
        self._visible = np.array([one.visible for one in rules])
        self._held = np.array([one.hold for one in rules])
        self.budget = budget
        self.observe = observe
        self.allowance = allowance or Allowance()
        self._trimming = Trimming(budget)
        self._interval = interval
        self._export_interval = export_interval
        self._scope_of = scope_of
        self._class_name = class_name
        self.anomalies = anomalies
        self._every_sample = every_sample
        self._now = 0.0  # seconds since the first sample
        self._since_export = export_interval - first_export if first_export else 0.0
        self._columns = Columns(0)
        self.consumption = Consumption()
        self.coverage = Coverage()
        self._limits = PodLimits()
        self.pod_grace = pod_grace

    @property
    def remembered(self) -> Columns:
        """What is known of each row beside the table: for whoever explains verdicts, and read only."""
        return self._columns

    @property
    def now(self) -> float:
        """Seconds since the first sample."""
        return self._now

    def decide(self, batch: Batch) -> Rows | None:
        table, columns = batch.table, self._columns
        columns.fit(table.capacity)
        self._now += batch.seconds
        self._since_export += batch.seconds
        self._begin(batch)
        self.consumption.observe(batch)
        anomalous = self.anomalies.observe(batch) if self.anomalies else np.zeros(0, np.intp)
        columns.anomalous[:] = False
        columns.anomalous[anomalous] = True
        near = self._limits.near(batch)
        columns.near_limit[:] = False
        columns.near_limit[near] = True
        if batch.first:
            return None
        large = self._lacking(batch)
        # Half a tick of slack: one that comes a little early is still the one that exports. A capture's ticks
        # may be closer together than the agent's, and half of its interval would then be several of them.
        if self._since_export + min(self._interval, batch.seconds) / 2 >= self._export_interval:
            self._since_export = 0.0
            self._judge(batch)
            return np.zeros(0, np.intp)
        urgent = self._urgent(batch, anomalous, near, large)
        return urgent if urgent.size else None

    def demand(self) -> None:
        """Everything is due at the next sample."""
        self._since_export = self._export_interval

    def sent(self, points: int) -> None:
        """What was decided came to so many points."""
        if not self.observe:
            self.allowance.pay(points)

    def steadfast(self, table: Table) -> Rows:
        own = table.alive & table.series & (table.verdict == Verdict.KEEP)
        rows: Rows = np.flatnonzero(own & self._every_sample(table.capacity))
        return rows

    def would_keep(self, rows: Rows) -> Flags:
        """The verdicts behind `mode: observe`."""
        return self._columns.would_keep[rows]

    def adopt(self, other: Policy) -> None:
        """Go on where another policy, which this one replaces, has come to."""
        self._now, self._columns = other._now, other._columns
        # With another interval this host finds its own place in it: the profile of many hosts changes at the
        # same minute, and they would export together ever after.
        same = self._export_interval == other._export_interval
        own = 0.0 if same else self._since_export
        self._since_export = max(own, other._since_export)
        self.consumption = other.consumption
        self.coverage = other.coverage
        self._trimming.over = other._trimming.over
        self.budget.adopt(other.budget)
        self.allowance.adopt(other.allowance)
        if self.anomalies is not None and other.anomalies is not None:
            self.anomalies.adopt(other.anomalies)

    def _begin(self, batch: Batch) -> None:
        """Rows that were born, renamed, or ended."""
        table, columns, died = batch.table, self._columns, batch.died
        self.budget.end(int(np.count_nonzero(columns.active(table, died, self._now))), self._now)
        columns.left[died] = -np.inf
        columns.begin(batch.born)
        self.coverage.begin(table.capacity, batch.born)
        for row in batch.named.tolist():
            number = int(table.class_id[row])
            columns.scope[row] = self._scope_of(table.identity[row], self._class_name(number))
            columns.pod_born_ns[row] = table.identity[row].owner.pod_born_ns

    def _urgent(self, batch: Batch, anomalous: Rows, near: Rows, large: Rows) -> Rows:
        """Rows that are exported between two exports."""
        table, columns = batch.table, self._columns
        born = batch.born[table.never_filtered[batch.born]]
        wanted = np.flatnonzero(table.alive & self._every_sample(table.capacity))
        self._keep(table, born, Reason.NEVER_FILTERED)
        tight = self._admitted(batch, near[table.verdict[near] != Verdict.KEEP])
        self._keep(table, tight, Reason.LIMIT)
        unlike = anomalous[table.verdict[anomalous] != Verdict.KEEP]
        unlike = self._admitted(batch, unlike, room=len(tight))
        self._keep(table, unlike, Reason.ANOMALY)
        fresh = np.concatenate([tight, unlike])
        large = self._admitted(batch, large, room=len(fresh))
        self._keep(table, large, Reason.TOP_CPU)
        columns.until[fresh] = self._now + self._hold(fresh)
        wanted = wanted[table.verdict[wanted] == Verdict.KEEP]
        due = distinct(table.capacity, np.concatenate([born, fresh, large, wanted]))
        # Under other words a process has other series, and those under its old ones are over.
        self.budget.end(int(np.count_nonzero(table.series[due] & table.changed[due])), self._now)
        return due

    def _keep(self, table: Table, rows: Rows, reason: Reason) -> None:
        table.verdict[rows] = Verdict.KEEP
        table.reason[rows] = reason
        self._columns.last_reason[rows] = reason

    def _admitted(self, batch: Batch, rows: Rows, room: int = 0, spared: float = 0.0) -> Rows:
        return self._trimming.admitted(
            batch.table, batch.living, rows, self._columns, now=self._now, room=room, spared=spared
        )

    def _lacking(self, batch: Batch) -> Rows:
        """Users of CPU without whom the kept ones cover too little of this sample, where there is room."""
        table, columns, coverage = batch.table, self._columns, self.coverage
        kept = columns.would_keep if self.observe else table.verdict == Verdict.KEEP
        users, usual = np.flatnonzero(table.cpu > 0), self.consumption.usual[CPU]
        clock = batch.seconds * batch.host.hz
        found = []
        for number, rules in enumerate(self.rules):
            if not rules.cpu_coverage or rules.visible:  # a baseline is exported as a scraper would
                continue
            here = users if len(self.rules) == 1 else users[columns.scope[users] == number]
            share = rules.cpu_coverage
            lacking, spikes = coverage.look(table, here, clock=clock, usual=usual, kept=kept, share=share)
            if lacking.size:
                small = lacking[spikes : max(spikes, self.allowance.newcomers())]
                small = self._admitted(batch, small, room=spikes, spared=SPARED)
                found += [self._admitted(batch, lacking[:spikes]), small]
        if not found:
            return users[:0]
        rows = np.concatenate(found)
        rows = rows[~self._given_up(table, rows)]
        coverage.admit(rows)
        return rows[:0] if self.observe else rows

    def _judge(self, batch: Batch) -> None:
        table, columns = batch.table, self._columns
        rows = batch.living
        reason = self._reasons(batch, rows)
        self._last(rows, reason)
        held = (reason == Reason.BELOW) & table.series[rows] & (columns.until[rows] > self._now)
        reason[held] = Reason.HOLD
        self._afford(rows, reason)
        rolled = reason == Reason.BELOW
        if np.count_nonzero(rolled) < FEW:
            reason[rolled] = Reason.FEW
        dropped = self._given_up(table, rows) & (reason != Reason.NEVER_FILTERED)
        reason[dropped] = Reason.BELOW  # they take no place from others
        cpu = self.consumption.demand[CPU]
        kept = self._trimming.kept(table, rows, reason, columns, cpu=cpu, now=self._now)
        verdict = np.where(kept, Verdict.KEEP, Verdict.ROLL_UP).astype(np.uint8)
        verdict[dropped], reason[dropped] = Verdict.DROP, Reason.DROPPED
        self.allowance.settle(int(np.count_nonzero(kept)))
        if self.observe:
            columns.would_keep[rows] = verdict == Verdict.KEEP
            verdict[:], reason[:] = Verdict.KEEP, Reason.VISIBLE
        columns.left[rows[table.series[rows] & (verdict != Verdict.KEEP)]] = self._now
        table.verdict[rows] = verdict
        table.reason[rows] = reason

    def _last(self, rows: Rows, reason: NDArray[np.uint8]) -> None:
        """Whoever has a reason now stays for a while after it, newcomers aside."""
        columns, coverage = self._columns, self.coverage
        alone = coverage.needed[rows] & (reason == Reason.BELOW)
        reason[alone] = Reason.TOP_CPU
        qualified = reason != Reason.BELOW
        lasting = qualified & (reason != Reason.NEW)
        there, every = rows[lasting], max(self._export_interval, self._interval)
        columns.last_reason[rows[qualified]] = reason[qualified]
        coverage.alone[rows[qualified]] = alone[qualified]
        hold = coverage.lasting(there, alone[lasting], every, self._hold(there))
        columns.until[there] = self._now + hold
        coverage.settle()

    def _afford(self, rows: Rows, reason: NDArray[np.uint8]) -> None:
        """Coverage gets by with the points that are left: who is held or uses less goes first."""
        if self.allowance.unlimited:
            return
        self.allowance.earn(len(rows))
        wanting = reason != Reason.BELOW
        alone = np.flatnonzero(wanting & self.coverage.alone[rows])
        places = self.allowance.places() - int(np.count_nonzero(wanting)) + len(alone)
        if len(alone) > places:
            order = np.lexsort((-self.consumption.demand[CPU, rows[alone]], reason[alone] == Reason.HOLD))
            reason[alone[order[max(places, 0) :]]] = Reason.BELOW

    def _reasons(self, batch: Batch, rows: Rows) -> NDArray[np.uint8]:
        """The strongest reason of each row to be kept; BELOW where there is none."""
        table, columns = batch.table, self._columns
        self.consumption.settle(batch)
        # Who is seen for the first time may be gone at the next: a storm of short jobs would fill the budget.
        seen = table.observations[rows] > 1
        cpu, io = self.consumption.demand[CPU, rows] * seen, self.consumption.demand[IO, rows] * seen
        scope, kept = columns.scope[rows], table.series[rows]
        memory = table.gauges[Gauge.RSS, rows] * seen
        age = (batch.time_ns - table.born_ns[rows]) / 1e9
        reason = np.full(len(rows), Reason.BELOW, np.uint8)
        eligible = ~table.found[rows] & seen & ~table.never_filtered[rows]
        reason[newest(age, self._grace[scope], eligible, kept, NEWCOMERS)] = Reason.NEW
        if self.pod_grace:
            born = columns.pod_born_ns[rows]
            of_pods = (born > 0) & seen & ~table.never_filtered[rows]
            grace = np.full(len(rows), self.pod_grace)
            young = newest((batch.time_ns - born) / 1e9, grace, of_pods, kept, POD_NEWCOMERS)
            reason[young] = Reason.NEW
        reason[table.score[rows] >= self._threshold[scope]] = Reason.SCORE
        reason[self._visible[scope]] = Reason.VISIBLE
        for number, rules in enumerate(self.rules):
            here = np.flatnonzero(scope == number)
            for usage, count, word in (
                (io, rules.top_io, Reason.TOP_IO),
                (memory, rules.top_memory, Reason.TOP_MEMORY),
                (cpu, rules.top_cpu, Reason.TOP_CPU),
            ):
                reason[here[largest(usage[here], count, kept[here])]] = word
        reason[columns.near_limit[rows]] = Reason.LIMIT
        reason[columns.anomalous[rows]] = Reason.ANOMALY
        reason[table.never_filtered[rows]] = Reason.NEVER_FILTERED
        return reason

    def _given_up(self, table: Table, rows: Rows) -> Flags:
        """Profiles that give detail up: such processes are summed into one group."""
        flags = np.zeros(len(rows), np.bool_)
        for number, rules in enumerate(self.rules):
            if rules.drop is None:
                continue
            for index in np.flatnonzero(self._columns.scope[rows] == number).tolist():
                row = int(rows[index])
                class_name = self._class_name(int(table.class_id[row]))
                flags[index] = rules.drop(table.identity[row], class_name, float(table.score[row]))
        return flags

    def _hold(self, rows: Rows) -> Floats:
        holds: Floats = self._held[self._columns.scope[rows]]
        return holds
