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
from nrdot.decide import codes
from nrdot.decide.allowance import Allowance
from nrdot.decide.columns import Columns
from nrdot.decide.consumers import CPU, IO, Consumption
from nrdot.decide.coverage import SPARED, Coverage
from nrdot.decide.limits import PodLimits
from nrdot.decide.selection import largest, newest
from nrdot.decide.trimming import Trimming

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from nrdot.batch import Batch, Flags, Identity, Rows, Table
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
        near = self._limits.near(batch)
        for flags, rows in ((columns.anomalous, anomalous), (columns.near_limit, near)):
            flags[:] = False
            flags[rows] = True
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
        # Under other words a process would begin a further series, which `decide` has to find a place for.
        own = table.alive & table.series & ~table.changed & (table.verdict == codes.KEPT)
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
        since = other._since_export
        self._since_export = since if same else max(self._since_export, since)
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
        if died.size:
            self.budget.end(int(np.count_nonzero(columns.active(table, died, self._now))), self._now)
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
        wanted = (table.alive & self._every_sample(table.capacity)).nonzero()[0]
        self._keep(table, born, codes.NEVER_FILTERED)
        # Places count those who have series, and these have none yet.
        begun = len(born)
        tight = self._admitted(batch, self._unkept(table, near), room=begun)
        self._keep(table, tight, codes.LIMIT)
        unlike = self._admitted(batch, self._unkept(table, anomalous), room=begun + len(tight))
        self._keep(table, unlike, codes.ANOMALY)
        fresh = np.concatenate([tight, unlike])
        large = self._admitted(batch, large, room=begun + len(fresh))
        self._keep(table, large, codes.TOP_CPU)
        columns.until[fresh] = self._now + self._of(self._held, fresh)
        wanted = wanted[table.verdict[wanted] == codes.KEPT]
        anyway = ~table.changed[wanted] | table.never_filtered[wanted] | self.observe
        further = self._admitted(batch, wanted[~anyway], room=begun + len(fresh) + len(large))
        due = distinct(table.capacity, np.concatenate([born, fresh, large, wanted[anyway], further]))
        # Under other words a process has other series, and those under its old ones are over.
        over = table.changed[due] & columns.active(table, due, self._now)
        self.budget.end(int(np.count_nonzero(over)), self._now)
        return due

    def _unkept(self, table: Table, rows: Rows) -> Rows:
        """Without those whose detail the profile gives up: an export would end them at once."""
        rows = rows[table.verdict[rows] != codes.KEPT]
        return rows[~self._given_up(table, rows)]

    def _keep(self, table: Table, rows: Rows, reason: int) -> None:
        table.verdict[rows] = codes.KEPT
        table.reason[rows] = reason
        self._columns.last_reason[rows] = reason

    def _admitted(self, batch: Batch, rows: Rows, room: int = 0, spared: float = 0.0) -> Rows:
        return self._trimming.admitted(
            batch.table, batch.living, rows, self._columns, now=self._now, room=room, spared=spared
        )

    def _lacking(self, batch: Batch) -> Rows:
        """Users of CPU without whom the kept ones cover too little of this sample, where there is room."""
        table, columns, coverage = batch.table, self._columns, self.coverage
        kept = columns.would_keep if self.observe else table.verdict == codes.KEPT
        users, usual = (table.cpu > 0).nonzero()[0], self.consumption.usual[CPU]
        clock = batch.seconds * batch.host.hz
        found = []
        for number, rules in enumerate(self.rules):
            if not rules.cpu_coverage or rules.visible:  # a baseline is exported as a scraper would
                continue
            here = users[self._within(number, users)]
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
        series = table.series[rows]
        reason[(reason == codes.BELOW) & series & (columns.until[rows] > self._now)] = codes.HOLD
        self._afford(rows, reason)
        rolled = reason == codes.BELOW
        if np.count_nonzero(rolled) < FEW:
            reason[rolled] = codes.FEW
        dropped = self._given_up(table, rows) & (reason != codes.NEVER_FILTERED)
        reason[dropped] = codes.BELOW  # they take no place from others
        cpu = self.consumption.demand[CPU]
        kept = self._trimming.kept(table, rows, reason, columns, cpu=cpu, now=self._now)
        verdict = np.full(len(rows), codes.ROLLED_UP, np.uint8)
        verdict[kept] = codes.KEPT
        verdict[dropped], reason[dropped] = codes.DROP, codes.DROPPED
        self.allowance.settle(int(np.count_nonzero(kept)))
        if self.observe:
            columns.would_keep[rows] = verdict == codes.KEPT
            verdict[:], reason[:] = codes.KEPT, codes.VISIBLE
        columns.left[rows[series & (verdict != codes.KEPT)]] = self._now
        table.verdict[rows] = verdict
        table.reason[rows] = reason

    def _last(self, rows: Rows, reason: NDArray[np.uint8]) -> None:
        """Whoever has a reason now stays for a while after it, newcomers aside."""
        columns, coverage = self._columns, self.coverage
        needed, young = coverage.needed[rows], reason == codes.NEW
        alone = needed & (reason == codes.BELOW)
        # Where places are few, who is needed is worth as much as the largest, whatever else speaks for it.
        reason[needed & (alone | young | (reason == codes.SCORE))] = codes.TOP_CPU
        qualified = (reason != codes.BELOW).nonzero()[0]
        lasting = qualified[~young[qualified]]
        those, there = rows[qualified], rows[lasting]
        columns.last_reason[those] = reason[qualified]
        coverage.alone[those] = alone[qualified]
        every = max(self._export_interval, self._interval)
        hold = coverage.lasting(there, alone[lasting], every, self._of(self._held, there))
        columns.until[there] = self._now + hold
        coverage.settle()

    def _afford(self, rows: Rows, reason: NDArray[np.uint8]) -> None:
        """Coverage gets by with the points that are left: who is held or uses less goes first."""
        if self.allowance.unlimited:
            return
        self.allowance.earn(len(rows))
        wanting = reason != codes.BELOW
        alone = (wanting & self.coverage.alone[rows]).nonzero()[0]
        places = self.allowance.places() - int(np.count_nonzero(wanting)) + len(alone)
        if len(alone) > places:
            order = np.lexsort((-self.consumption.demand[CPU, rows[alone]], reason[alone] == codes.HOLD))
            reason[alone[order[max(places, 0) :]]] = codes.BELOW

    def _reasons(self, batch: Batch, rows: Rows) -> NDArray[np.uint8]:
        """The strongest reason of each row to be kept; BELOW where there is none."""
        table, columns = batch.table, self._columns
        self.consumption.settle(batch)
        # Who is seen for the first time may be gone at the next: a storm of short jobs would fill the budget.
        seen = table.observations[rows] > 1
        demand, kept = self.consumption.demand, table.series[rows]
        cpu, io, memory = demand[CPU][rows], demand[IO][rows], table.gauges[Gauge.RSS][rows]
        unseen = ~seen
        cpu[unseen] = io[unseen] = memory[unseen] = 0
        age = (batch.time_ns - table.born_ns[rows]) / 1e9
        reason = np.full(len(rows), codes.BELOW, np.uint8)
        never = table.never_filtered[rows]
        filtered = seen & ~never
        eligible = filtered & ~table.found[rows]
        reason[newest(age, self._of(self._grace, rows), eligible, kept, NEWCOMERS)] = codes.NEW
        if self.pod_grace:
            born = columns.pod_born_ns[rows]
            of_pods = (born > 0) & filtered
            age = (batch.time_ns - born) / 1e9
            reason[newest(age, self.pod_grace, of_pods, kept, POD_NEWCOMERS)] = codes.NEW
        reason[table.score[rows] >= self._of(self._threshold, rows)] = codes.SCORE
        reason[self._of(self._visible, rows)] = codes.VISIBLE
        for number, rules in enumerate(self.rules):
            here = self._within(number, rows)
            there, having = reason[here], kept[here]
            there[largest(io[here], rules.top_io, having)] = codes.TOP_IO
            there[largest(memory[here], rules.top_memory, having)] = codes.TOP_MEMORY
            there[largest(cpu[here], rules.top_cpu, having)] = codes.TOP_CPU
            reason[here] = there
        reason[columns.near_limit[rows]] = codes.LIMIT
        reason[columns.anomalous[rows]] = codes.ANOMALY
        reason[never] = codes.NEVER_FILTERED
        return reason

    def _given_up(self, table: Table, rows: Rows) -> Flags:
        """Profiles that give detail up: such processes are summed into one group."""
        flags = np.zeros(len(rows), np.bool_)
        for number, rules in enumerate(self.rules):
            if rules.drop is None:
                continue
            for index in (self._columns.scope[rows] == number).nonzero()[0].tolist():
                row = int(rows[index])
                class_name = self._class_name(int(table.class_id[row]))
                flags[index] = rules.drop(table.identity[row], class_name, float(table.score[row]))
        return flags

    def _of(self, settings: NDArray[Any], rows: Rows) -> Any:
        """The setting of each row's profile; where there is but one profile, its own for all."""
        return settings[0] if len(settings) == 1 else settings[self._columns.scope[rows]]

    def _within(self, number: int, rows: Rows) -> Rows | slice:
        """Where in `rows` those of one profile are."""
        if len(self.rules) == 1:
            return slice(None)
        places: Rows = np.flatnonzero(self._columns.scope[rows] == number)
        return places
