"""Who is needed so that at every sample the kept processes have most of the CPU that was used.

At each sample the fewest are counted as needed that have the wanted share: of the kept the largest, and where
those do not suffice all of them and the largest of the others, which then begin at once. Clock ticks are
coarse, so at most samples many have used the same; of those it is who usually uses more, and so the same are
needed again and again. Who was needed once stays for one export more, and for two more each further time,
within the hold: chance is let go soon, and what is part of the host stays.

A spike may use every place that the budget of series has, and points beyond the allowance. The others, of
whom there are many, keep to the allowance and leave an eighth of the places to spikes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.decide.selection import covering

if TYPE_CHECKING:
    from nrdot.batch import Flags, Floats, Ints, Rows, Table

SPIKE = 0.1  # of the CPU of a sample
SPARED = 0.125  # of the places of the budget, for spikes


class Coverage:
    """Remembers who was needed, since the last export and before."""

    def __init__(self) -> None:
        self.needed: Flags = np.zeros(0, np.bool_)  # since the last export
        self.alone: Flags = np.zeros(0, np.bool_)  # kept for this at the last export, and for nothing else
        self._times: Ints = np.zeros(0, np.int64)  # exports at which each was needed

    def begin(self, capacity: int, born: Rows) -> None:
        """Rows were born; there may be more of them than ever."""
        more = capacity - len(self.needed)
        if more:
            for name in ("needed", "alone", "_times"):
                setattr(self, name, np.pad(getattr(self, name), (0, more)))
        if born.size:
            self.needed[born] = self.alone[born] = False
            self._times[born] = 0

    def look(
        self, table: Table, rows: Rows, *, clock: float, usual: Floats, kept: Flags, share: float
    ) -> tuple[Rows, int]:
        """Of `rows`, who used CPU at this sample, those not kept that are needed, largest first.

        And how many of them are spikes. The sample lasted `clock` ticks of the clock; `usual` and `kept` are
        columns. The kept that are needed are noted.
        """
        # Before its second observation nobody knows when a process used what it has.
        rows = rows[table.observations[rows] > 1]
        used = np.rint(table.cpu[rows] * clock).astype(np.int64)
        ours, others = covering(used, usual[rows], kept[rows], share)
        self.needed[rows[ours]] = True
        if not others.size:
            return others, 0
        return rows[others], int(np.count_nonzero(used[others] >= SPIKE * used.sum()))

    def admit(self, rows: Rows) -> None:
        """Of those that are not kept: they are from now on."""
        self.needed[rows] = True

    def lasting(self, rows: Rows, alone: Flags, interval: float, hold: Floats | float) -> Floats:
        """How long each of `rows`, which have a reason now, stays after it; `alone`: for coverage alone."""
        self._times[rows] += self.needed[rows]
        return np.where(alone, np.minimum((2 * self._times[rows] - 1) * interval, hold), hold)

    def settle(self) -> None:
        """The export is decided."""
        self.needed[:] = False
