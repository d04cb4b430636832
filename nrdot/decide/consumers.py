"""Who uses the processors and the storage: since the last export, and usually.

The largest are found by the mean of two rates: the one since the last export, in which a burst counts at
once, and the usual one, in which chance does not shuffle those who use little. Who has series already counts
for a little more, so that two who use the same do not change places at every export.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Counter

if TYPE_CHECKING:
    from nrdot.batch import Batch, Floats, Ints

CPU, IO = 0, 1
USUAL_SECONDS = 600.0  # the memory of the usual rate
STAY = 1.3  # how much more counts who has series
_CPU = slice(Counter.CPU_USER, Counter.CPU_SYSTEM + 1)
_IO = slice(Counter.READ, Counter.WRITTEN + 1)


class Consumption:
    """Remembers what each row used, and when."""

    def __init__(self) -> None:
        self.demand: Floats = np.zeros((2, 0))  # what the largest were found by: cores, and bytes a second
        self.usual: Floats = np.zeros((2, 0))
        self._watched: Floats = np.zeros(0)  # seconds
        self._used_at: Ints = np.zeros((_IO.stop, 0), np.int64)  # counters at the last export
        self._seconds = 0.0  # since the last export

    def observe(self, batch: Batch) -> None:
        """Take one sample into the history."""
        table, rows, born, seconds = batch.table, batch.living, batch.born, batch.seconds
        self._fit(table.capacity)
        self._used_at[:, born] = np.where(table.found[born], table.counters[: _IO.stop, born], 0)
        self.usual[:, born] = 0.0
        self._watched[born] = 0.0
        self._seconds += seconds
        if not seconds:
            return
        # A young history weighs all its samples alike, an old one forgets.
        watched = self._watched[rows] + seconds
        share = np.maximum(1 - math.exp(-seconds / USUAL_SECONDS), seconds / watched)
        self._watched[rows] = watched
        for kind, rate in ((CPU, table.cpu), (IO, table.io)):
            usual = self.usual[kind, rows]
            self.usual[kind, rows] = usual + share * (rate[rows] - usual)

    def settle(self, batch: Batch) -> None:
        """An export: say what everybody uses, and begin to count anew."""
        table = batch.table
        used = np.maximum(table.counters[: _IO.stop] - self._used_at, 0)
        recent = np.vstack([used[_CPU].sum(axis=0) / batch.host.hz, used[_IO].sum(axis=0)])
        recent /= max(self._seconds, batch.seconds) or 1.0
        demand = (recent + self.usual) / 2
        self.demand = np.where(table.series, STAY * demand, demand)
        self._used_at[:] = table.counters[: _IO.stop]
        self._seconds = 0.0

    def _fit(self, capacity: int) -> None:
        more = capacity - len(self._watched)
        if more:
            for name in ("demand", "usual", "_watched", "_used_at"):
                column = getattr(self, name)
                setattr(self, name, np.pad(column, [(0, 0)] * (column.ndim - 1) + [(0, more)]))
