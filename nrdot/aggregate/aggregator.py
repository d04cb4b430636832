"""Every increment to exactly one series: the process's own, or its group's.

A row knows up to where its counters are accounted for. At an export the increments since then go to the
process's own series where its verdict is KEEP, else into its group; then everything is accounted for. Since
each increment is added once and never taken back, the sums that a backend sees are the table's, and a
group's counters only grow while members come, go and change verdict.

A series of its own counts from the point where it begins: the birth of the process, our first look at it,
or, for one that is kept again or changed its words, the export before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.aggregate.groups import NONE
from nrdot.aggregate.keys import DROPPED, OTHER
from nrdot.aggregate.sums import gauges_by_slot, sums_by_slot
from nrdot.batch import CHILDREN, Counter, Gauge
from nrdot.stages import Frame, GroupFrame, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nrdot.aggregate.groups import Group, Groups
    from nrdot.aggregate.quiet import Quiet
    from nrdot.batch import Batch, Flags, Ints, Rows, Table
    from nrdot.clock import Clock

SHORTEST_NS = 2_000_000  # a series begins at least so long before its first value
_CPU = slice(Counter.CPU_USER, Counter.CPU_SYSTEM + 1)
_OWN = slice(0, CHILDREN.start)
# As plain numbers, which numpy compares several times as fast as members of an enumeration.
_KEPT, _DROP = int(Verdict.KEEP), int(Verdict.DROP)
_NEWS = np.array([Reason.ANOMALY, Reason.LIMIT, Reason.NEVER_FILTERED])


class ExactAggregator:
    """Settles increments and says which series begin, go on and end."""

    def __init__(
        self,
        groups: Groups,
        clock: Clock,
        *,
        quiet: Quiet | None = None,
    ) -> None:
        """`quiet` leaves out series of which nothing changed."""
        self.groups = groups
        self._quiet = quiet
        self._clock = clock
        self._last_ns = 0
        self._settled_ns = 0  # until when everything is accounted for
        # By row the slot of the group that a backend has it in; NONE where in none.
        self._shown: Ints = np.zeros(0, np.int64)

    def aggregate(self, batch: Batch, due: Rows | None) -> Frame | None:
        table, now = batch.table, batch.time_ns
        if now < self._last_ns:
            self._clock_went_back(table, now)
        self._last_ns = now
        if not self._settled_ns:
            self._settled_ns = now
        self._begin(batch)
        self.groups.name(table, batch.named)
        if due is None:
            return None
        return self._settle_some(batch, due) if due.size else self._settle_all(batch)

    def restart(self, table: Table) -> None:
        """Every series ends and begins anew at the next export: its metrics or attributes are others now."""
        table.changed[:] |= table.series
        self.groups.restart(self._settled_ns)

    def adopt(self, other: ExactAggregator) -> None:
        """Go on with the groups and accounts of another aggregator, which this one replaces."""
        self._last_ns, self._settled_ns = other._last_ns, other._settled_ns
        self._shown = other._shown
        self.groups.adopt(other.groups)
        if self._quiet is not None and other._quiet is not None:
            self._quiet.adopt(other._quiet)

    @staticmethod
    def _begin(batch: Batch) -> None:
        """Newcomers: those that we found running count from now, the others from their birth."""
        table, born, now = batch.table, batch.born, batch.time_ns
        if not born.size:
            return
        found = table.found[born]
        table.accounted[:, born] = np.where(found, table.counters[:, born], 0)
        table.accounted_ns[born] = np.where(found, now, np.minimum(table.born_ns[born], now))

    def _settle_all(self, batch: Batch) -> Frame:
        table, now = batch.table, batch.time_ns
        kept = table.alive & (table.verdict == _KEPT)
        goes_on = kept & table.series & ~table.changed
        ending: Rows = (table.series & ~goes_on).nonzero()[0]
        opening: Rows = (kept & ~goes_on).nonzero()[0]
        steady: Rows = goes_on.nonzero()[0]
        if self._quiet is not None:
            steady = self._quiet.loud(table, steady, now)
            self._quiet.sent(table, np.concatenate([steady, opening]), now)
        self._open(table, opening, now)
        groups = self._settle_groups(table, kept)
        table.series[:] = kept
        # Whole columns: rows without a process are all zeros, and to gather the others takes longer.
        np.copyto(table.accounted, table.counters)
        table.accounted_ns[table.alive | table.dead] = now
        self._settled_ns = now
        return Frame(now, steady, opening, ending, groups)

    def _settle_some(self, batch: Batch, due: Rows) -> Frame:
        """Rows that cannot wait, all of them kept.

        Where one of them is news (an anomaly, a pod near its limit, a newborn that is never filtered), the
        group that it leaves is shown as it stands, so that the two are seen together.
        """
        table, now = batch.table, batch.time_ns
        has, changed = table.series[due], table.changed[due]
        opening = due[~has | changed]
        self._open(table, opening, now)
        table.series[due] = True
        table.changed[due] = False
        table.accounted[_OWN, due] = table.counters[_OWN, due]
        table.accounted_ns[due] = now
        members = np.flatnonzero(table.alive & ~table.series)
        news = due[~has & np.isin(table.reason[due], _NEWS)]
        shown = set(self._slots(table, news).tolist())
        groups = [group for group in self.groups.open.values() if group.slot in shown and group.sent]
        frames = self._frames(table, groups, members, self._slots(table, members))
        return Frame(now, due[has & ~changed], opening, due[has & changed], frames, whole=False)

    @staticmethod
    def _open(table: Table, rows: Rows, now: int) -> None:
        if not rows.size:
            return
        table.base[:, rows] = table.accounted[:, rows]
        table.since_ns[rows] = np.minimum(table.accounted_ns[rows], now - SHORTEST_NS)

    def _settle_groups(self, table: Table, kept: Flags) -> tuple[GroupFrame, ...]:
        groups = self.groups
        rolled = table.alive & ~kept
        members: Rows = rolled.nonzero()[0]
        groups.admit(members[table.verdict[members] != _DROP], self._settled_ns)
        moved, grown = self._grown(table, kept)
        rolled[moved] = True
        slot_of = self._settled(table, rolled.nonzero()[0])
        slots, member_slots = slot_of[moved], slot_of[members]
        self._shown = np.full(table.capacity, NONE)
        self._shown[members] = member_slots
        groups.totals += sums_by_slot(grown, slots, groups.totals.shape[1])
        # A group that has just taken something over has to show it before it may end.
        ended = groups.retire([*member_slots.tolist(), *slots.tolist()], self._clock.monotonic())
        frames = self._frames(table, groups.open.values(), members, member_slots)
        over = [group for group in ended if group.sent]
        if over:
            frames += self._frames(table, over, members, member_slots, ending=True)
        return frames

    @staticmethod
    def _grown(table: Table, kept: Flags) -> tuple[Rows, Ints]:
        """What goes to groups, and of which rows."""
        grown = table.counters - table.accounted
        moved: Rows = np.flatnonzero(grown.any(axis=0))
        grown = grown.take(moved, axis=1)
        # Children that no sample saw belong to the group of their parent, even where the parent is kept.
        children = grown[CHILDREN].copy()
        grown[CHILDREN] = 0
        grown *= ~kept[moved]
        grown[_CPU] += children
        given = grown.any(axis=0)
        return moved[given], grown[:, given]

    def _settled(self, table: Table, rows: Rows) -> Ints:
        """By row the slot of its group; `dropped` and `other` open when the first process needs them."""
        slots = self.groups.locate(rows)
        dropped = table.verdict[rows] == _DROP
        if np.count_nonzero(dropped):
            slots[dropped] = self.groups.ensure(DROPPED, self._settled_ns).slot
        left = slots == NONE
        if np.count_nonzero(left):
            slots[left] = self.groups.ensure(OTHER, self._settled_ns).slot
        slot_of = np.full(table.capacity, NONE)
        slot_of[rows] = slots
        return slot_of

    def _slots(self, table: Table, rows: Rows) -> Ints:
        """Where a backend has rows: in the groups of the last whole export, whatever they are called now.

        Newcomers are in none yet and go where their words belong.
        """
        if (more := table.capacity - len(self._shown)) > 0:
            self._shown = np.pad(self._shown, (0, more), constant_values=NONE)
        slots = self._shown[rows]
        fresh = (slots == NONE).nonzero()[0]
        if fresh.size:
            found = self.groups.locate(rows[fresh])
            if (other := self.groups.open.get(OTHER)) is not None:
                found[found == NONE] = other.slot
            slots[fresh] = found
        return slots

    def _frames(
        self, table: Table, groups: Iterable[Group], members: Rows, slots: Ints, *, ending: bool = False
    ) -> tuple[GroupFrame, ...]:
        placed = slots != NONE
        if np.count_nonzero(placed) < len(placed):
            members, slots = members[placed], slots[placed]
        gauges, readable = gauges_by_slot(table, members, slots, self.groups.totals.shape[1])
        limited = ((gauges[Gauge.PROCESSES] > 0) & (readable == 0)).tolist()
        counters, gauges = self.groups.totals.T.copy(), gauges.T.copy()
        frames = []
        for group in groups:
            slot, key = group.slot, group.key
            frames.append(
                GroupFrame(
                    group.number,
                    key.name,
                    key.kind,
                    group.since_ns,
                    counters[slot],
                    gauges[slot],
                    limited[slot],
                    not group.sent,
                    ending,
                )
            )
            group.sent = True
        return tuple(frames)

    def _clock_went_back(self, table: Table, now: int) -> None:
        """Nothing may end before it begins, so every series begins anew; all that was sent stays counted."""
        table.changed[:] |= table.series
        self._settled_ns = now - SHORTEST_NS
        self.groups.restart(self._settled_ns)
