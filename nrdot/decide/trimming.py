"""Places within the budget of series: who gets them, and who waits.

Reasons differ in worth. The never-filtered have their places whatever the budget says; the others get them in
the order anomalies and pods near their limit, the largest, scores, newcomers. A reason that holds now is
before the same one of a while ago.

A series that ends takes its place for twenty minutes more, so room that is made for somebody comes too late
for most. Who waits takes no place from anybody, until it has waited for twenty minutes with a better reason
than somebody who is kept: then it is likely to have one still when that place is free.

A large host has more processes with a score than its budget has places. They would take all of them at the
start, and neither an anomaly nor whoever keeps the processors busy would find one later. So who has nothing
but a score or its youth begins only while more than a quarter of all places is free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.decide import codes
from nrdot.decide.budget import ACTIVE_SECONDS
from nrdot.decide.selection import most_worthy
from nrdot.stages import Reason
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nrdot.batch import Flags, Floats, Ints, Rows, Table
    from nrdot.decide.budget import SeriesBudget
    from nrdot.decide.columns import Columns

_log = Log("decide")

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
_MODEST = np.zeros(len(Reason), np.bool_)  # reasons for which not every free place is given out
_MODEST[[Reason.FEW, Reason.NEW, Reason.SCORE]] = True


class Trimming:
    """Gives out the places of one budget."""

    def __init__(self, budget: SeriesBudget) -> None:
        self.budget = budget
        self.over = False  # the never-filtered alone are more than the budget allows

    def admitted(
        self,
        table: Table,
        living: Rows,
        rows: Rows,
        columns: Columns,
        *,
        now: float,
        room: int,
        spared: float,
    ) -> Rows:
        """Of rows that cannot wait for an export, those for which there is a place beside `room` others.

        `spared` is a share of all places that they leave alone.
        """
        if not rows.size:
            return rows
        active = columns.active(table, living, now)
        total, places = self.budget.places(int(np.count_nonzero(active)), now)
        new = ~columns.active(table, rows, now) | table.changed[rows]
        chosen: Rows = rows[~new | (np.cumsum(new) <= places - room - spared * total)]
        return chosen

    def kept(
        self,
        table: Table,
        rows: Rows,
        reason: NDArray[np.uint8],
        columns: Columns,
        *,
        cpu: Floats,
        now: float,
    ) -> Flags:
        """Which of the rows that have a reason are kept; those that are not get the reason BUDGET.

        `cpu` is the column by which the largest are found.
        """
        # Under other words a process has other series, and those under its old ones are over.
        changed, active = table.changed[rows], columns.active(table, rows, now)
        if np.count_nonzero(changed):
            self.budget.end(int(np.count_nonzero(changed & active)), now)
            columns.left[rows[changed]] = -np.inf
            active &= ~changed
        count = int(np.count_nonzero(active))
        order, rank, modest = _by_worth(table, rows, reason, columns, cpu)
        there = rows[order]
        never = reason[order] == codes.NEVER_FILTERED
        going = active[order]
        begun = (~going).cumsum()
        seats = (going | never).cumsum()
        ripe = now - columns.waiting[there] >= ACTIVE_SECONDS
        if np.count_nonzero(ripe):
            seats += _better(ripe & ~(going | never | modest), rank)
        columns.needs[there] = self.budget.needed(going, begun, seats, count, modest=modest)
        places = self.budget.places(count, now)
        allowed = never | self.budget.allowed(going, begun, seats, places, modest=modest)
        waits = there[:0]
        if np.count_nonzero(allowed) < len(allowed):
            waits = there[~(going | allowed) & (rank > rank[going].min(initial=len(_RANK)))]
            reason[order[~allowed]] = codes.BUDGET
        since = np.minimum(columns.waiting[waits], now)
        columns.waiting[rows] = np.inf
        columns.waiting[waits] = since
        kept = np.zeros(len(rows), np.bool_)
        kept[order[allowed]] = True
        self._tell(int(np.count_nonzero(never)), places[0])
        return kept

    def _tell(self, never_filtered: int, places: int) -> None:
        """Once when the never-filtered alone are more than the budget allows, once when they fit again."""
        over = never_filtered > places
        if over and not self.over:
            _log.warning(
                "the processes that are never filtered are more than the budget has places for: all of them "
                "are exported and no others; raise `budget`",
                processes=never_filtered,
                places=places,
            )
        elif self.over and not over:
            _log.info("the processes that are never filtered are within the budget again")
        self.over = over


def _by_worth(
    table: Table, rows: Rows, reason: NDArray[np.uint8], columns: Columns, cpu: Floats
) -> tuple[NDArray[np.intp], Ints, Flags]:
    """Those that have a reason, in the order in which places are given; its rank, and who is modest."""
    wanting = (reason != codes.BELOW).nonzero()[0]
    there, meaning = rows[wanting], reason[wanting]
    held = meaning == codes.HOLD
    meaning[held] = columns.last_reason[there[held]]
    large = meaning == codes.TOP_CPU
    worth = table.score[there]
    worth[large] = 1.0 + cpu[there[large]]
    has = table.series[there] & ~table.changed[there] & ~large
    rank = _RANK[meaning]
    order = most_worthy(2 * rank - held, has, worth)
    return wanting[order], rank[order], _MODEST[meaning[order]]


def _better(flags: Flags, rank: Ints) -> Ints:
    """How many of the flagged have a better reason than each, where the best come first."""
    counted: Ints = np.concatenate(([0], flags.cumsum()))
    return counted[np.searchsorted(-rank, -rank)]
