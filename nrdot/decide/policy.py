"""Verdicts: which processes are exported one by one, and why.

KEEP is the union of: never filtered, score at or above the threshold, among the largest users of CPU, memory
or I/O, of a pod near its limit, anomalous, newly born. A process enters KEEP at once and leaves it only when
its last reason is older than the hold time. Then the budget of series trims, never the never-filtered.
Verdicts change at exports; between two exports only what cannot wait is exported: an anomaly, a pod near its
limit, the birth of a never-filtered process, a large user of CPU without whom the kept ones cover too little,
and processes that want every sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nrdot.batch import Gauge, distinct
from nrdot.decide.columns import Columns
from nrdot.decide.consumers import CPU, IO, Consumption
from nrdot.decide.limits import PodLimits
from nrdot.decide.selection import largest, most_worthy, newest
from nrdot.stages import Reason, Verdict
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from nrdot.batch import Batch, Flags, Floats, Identity, Rows, Table
    from nrdot.decide.budget import SeriesBudget

_log = Log("decide")

NEWCOMERS = 20  # processes that may be in their grace at a time
FEW = 3  # processes for which a group is not worth its own series

# What the budget gives up first has the lowest rank.
_RANK = np.zeros(len(Reason), np.int64)
for _place, _reasons in enumerate(
    (
        (Reason.FEW,),
        (Reason.NEW,),
        (Reason.SCORE, Reason.VISIBLE),
        (Reason.TOP_CPU, Reason.TOP_MEMORY, Reason.TOP_IO),
        (Reason.ANOMALY, Reason.LIMIT),
        (Reason.NEVER_FILTERED,),
    ),
    start=1,
):
    _RANK[list(_reasons)] = _place


@dataclass(frozen=True, slots=True)
class Rules:
    """What one profile says of verdicts."""

    threshold: float
    top_cpu: int
    top_memory: int
    top_io: int
    hold: float  # seconds
    grace: float  # seconds
    cpu_coverage: float = 0.0  # of the CPU of each sample, that the kept ones are to have
    visible: bool = False  # keep every process
    drop: Callable[[Identity, str, float], bool] | None = None  # identity, class and score


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
    ) -> None:
        """`first_export`: seconds after the first sample, so that hosts do not all export at once."""
        self.rules = rules
        self._grace = np.array([one.grace for one in rules])
        self._threshold = np.array([one.threshold for one in rules])
        self._visible = np.array([one.visible for one in rules])
        self._held = np.array([one.hold for one in rules])
        self.budget = budget
        self.observe = observe
        self.over_budget = False  # the never-filtered alone are more than the budget allows
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
        self._limits = PodLimits()

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
        # Half a tick of slack: one that comes a little early is still the one that exports. A capture's ticks
        # may be closer together than the agent's, and half of its interval would then be several of them.
        if self._since_export + min(self._interval, batch.seconds) / 2 >= self._export_interval:
            self._since_export = 0.0
            self._judge(batch)
            return np.zeros(0, np.intp)
        urgent = self._urgent(batch, anomalous, near)
        return urgent if urgent.size else None

    def demand(self) -> None:
        """Everything is due at the next sample."""
        self._since_export = self._export_interval

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
        self.over_budget = other.over_budget
        self.budget.adopt(other.budget)
        if self.anomalies is not None and other.anomalies is not None:
            self.anomalies.adopt(other.anomalies)

    def _begin(self, batch: Batch) -> None:
        """Rows that were born, renamed, or ended."""
        table, columns, died = batch.table, self._columns, batch.died
        self.budget.end(int(np.count_nonzero(columns.active(table, died, self._now))), self._now)
        columns.left[died] = -np.inf
        columns.begin(batch.born)
        for row in batch.named.tolist():
            number = int(table.class_id[row])
            columns.scope[row] = self._scope_of(table.identity[row], self._class_name(number))

    def _urgent(self, batch: Batch, anomalous: Rows, near: Rows) -> Rows:
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
        large = self._admitted(batch, self._uncovered(batch), room=len(fresh))
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

    def _admitted(self, batch: Batch, rows: Rows, room: int = 0) -> Rows:
        """Of rows that cannot wait, those for which the budget has a place beside `room` others."""
        if not rows.size:
            return rows
        table = batch.table
        active = self._columns.active(table, batch.living, self._now)
        _, places = self.budget.places(int(np.count_nonzero(active)), self._now)
        new = ~self._columns.active(table, rows, self._now)
        return rows[~new | (np.cumsum(new) <= places - room)]

    def _uncovered(self, batch: Batch) -> Rows:
        """Large users of CPU that are not kept, where those who are do not cover enough of it."""
        table, living = batch.table, batch.living
        if self.observe:
            return living[:0]
        kept = table.verdict == Verdict.KEEP
        found = []
        for number, rules in enumerate(self.rules):
            if rules.cpu_coverage and not rules.visible:  # a baseline is exported as a scraper would
                here = living[self._columns.scope[living] == number]
                found.append(self.consumption.uncovered(table, here, kept, rules.cpu_coverage))
        rows = np.concatenate(found) if found else living[:0]
        return rows[~self._given_up(table, rows)] if rows.size else rows

    def _judge(self, batch: Batch) -> None:
        table, columns = batch.table, self._columns
        rows = batch.living
        reason = self._reasons(batch, rows)
        qualified = reason != Reason.BELOW
        lasting = rows[qualified & (reason != Reason.NEW)]
        columns.last_reason[rows[qualified]] = reason[qualified]
        columns.until[lasting] = self._now + self._hold(lasting)
        held = ~qualified & table.series[rows] & (columns.until[rows] > self._now)
        reason[held] = Reason.HOLD
        rolled = reason == Reason.BELOW
        if np.count_nonzero(rolled) < FEW:
            reason[rolled] = Reason.FEW
        dropped = self._given_up(table, rows) & (reason != Reason.NEVER_FILTERED)
        reason[dropped] = Reason.BELOW  # they take no place from others
        kept = self._within_budget(table, rows, reason)
        verdict = np.where(kept, Verdict.KEEP, Verdict.ROLL_UP).astype(np.uint8)
        verdict[dropped], reason[dropped] = Verdict.DROP, Reason.DROPPED
        if self.observe:
            columns.would_keep[rows] = verdict == Verdict.KEEP
            verdict[:], reason[:] = Verdict.KEEP, Reason.VISIBLE
        columns.left[rows[table.series[rows] & (verdict != Verdict.KEEP)]] = self._now
        table.verdict[rows] = verdict
        table.reason[rows] = reason

    def _reasons(self, batch: Batch, rows: Rows) -> NDArray[np.uint8]:
        """The strongest reason of each row to be kept; BELOW where there is none."""
        table, columns = batch.table, self._columns
        self.consumption.settle(batch)
        cpu, io = self.consumption.demand[CPU, rows], self.consumption.demand[IO, rows]
        memory = table.gauges[Gauge.RSS, rows]
        scope, kept = columns.scope[rows], table.series[rows]
        age = (batch.time_ns - table.born_ns[rows]) / 1e9
        reason = np.full(len(rows), Reason.BELOW, np.uint8)
        eligible = ~table.found[rows] & (table.observations[rows] > 1) & ~table.never_filtered[rows]
        reason[newest(age, self._grace[scope], eligible, kept, NEWCOMERS)] = Reason.NEW
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

    def _within_budget(self, table: Table, rows: Rows, reason: NDArray[np.uint8]) -> Flags:
        """Which of the rows that have a reason are kept; those that are not get the reason BUDGET."""
        columns = self._columns
        # Under other words a process has other series, and those under its old ones are over.
        changed, active = table.changed[rows], columns.active(table, rows, self._now)
        self.budget.end(int(np.count_nonzero(changed & active)), self._now)
        columns.left[rows[changed]] = -np.inf
        active &= ~changed
        count = int(np.count_nonzero(active))
        total, new = self.budget.places(count, self._now)
        order = self._by_worth(table, rows, reason)
        never = reason[order] == Reason.NEVER_FILTERED
        newcomer = ~active[order]
        allowed = never | ((np.arange(len(order)) < total) & (~newcomer | (np.cumsum(newcomer) <= new)))
        kept = np.zeros(len(rows), np.bool_)
        kept[order[allowed]] = True
        columns.needs[rows[order]] = self.budget.needed(newcomer, count)
        reason[order[~allowed]] = Reason.BUDGET
        self._tell(int(np.count_nonzero(never)), total)
        return kept

    def _tell(self, never_filtered: int, places: int) -> None:
        """Once when the never-filtered alone are more than the budget allows, once when they fit again."""
        over = never_filtered > places
        if over and not self.over_budget:
            _log.warning(
                "the processes that are never filtered are more than the budget has places for: all of them "
                "are exported and no others; raise `budget`",
                processes=never_filtered,
                places=places,
            )
        elif self.over_budget and not over:
            _log.info("the processes that are never filtered are within the budget again")
        self.over_budget = over

    def _by_worth(self, table: Table, rows: Rows, reason: NDArray[np.uint8]) -> NDArray[np.intp]:
        """Those that have a reason, in the order in which the budget gives them places.

        A reason that holds now is before the same one of a while ago, so who is larger need not wait for the
        end of a hold.
        """
        wanting = np.flatnonzero(reason != Reason.BELOW)
        there = rows[wanting]
        held = reason[wanting] == Reason.HOLD
        meaning = np.where(held, self._columns.last_reason[there], reason[wanting])
        large = meaning == Reason.TOP_CPU
        cpu = self.consumption.demand[CPU, there]
        worth = np.where(large, 1.0 + cpu, table.score[there])
        has = table.series[there] & ~table.changed[there] & ~large
        return wanting[most_worthy(2 * _RANK[meaning] - held, has, worth)]

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
