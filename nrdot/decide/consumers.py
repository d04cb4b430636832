"""Who uses the processors and the storage: since the last export, usually, and at this very sample.

The largest are found by the mean of two rates: the one since the last export, in which a burst counts at
once, and the usual one, in which chance does not shuffle those who use little. Who has series already counts
for a little more, so that two who use the same do not change places at every export.

Between two exports somebody new may do most of the work: a connection to a database, a job, a build. Where
the kept have less than the wanted share of the CPU of a sample, the largest of the others are named.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Counter

if TYPE_CHECKING:
    from nrdot.batch import Batch, Flags, Floats, Ints, Rows, Table

CPU, IO = 0, 1
USUAL_SECONDS = 600.0  # the memory of the usual rate
STAY = 1.3  # how much more counts who has series
# What a large user of CPU is: of the sample at which it is seen, and, where it was there before the last
# export, of all since then. Less is chance: clock ticks are coarse, and a daemon that wakes up once a minute
# has all its CPU in one sample.
LARGE, LASTING = 0.04, 0.01

_CPU = slice(Counter.CPU_USER, Counter.CPU_SYSTEM + 1)
_IO = slice(Counter.READ, Counter.WRITTEN + 1)
_NOBODY: Rows = np.zeros(0, np.intp)


class Consumption:
    """Remembers what each row used, and when."""

    def __init__(self) -> None:
        self.demand: Floats = np.zeros((2, 0))  # what the largest were found by: cores, and bytes a second
        self._usual: Floats = np.zeros((2, 0))
        self._watched: Floats = np.zeros(0)  # seconds
        self._used_at: Ints = np.zeros((_IO.stop, 0), np.int64)  # counters at the last export
        self._seconds = 0.0  # since the last export

    def observe(self, batch: Batch) -> None:
        """Take one sample into the history."""
        table, rows, born, seconds = batch.table, batch.living, batch.born, batch.seconds
        self._fit(table.capacity)
        self._used_at[:, born] = np.where(table.found[born], table.counters[: _IO.stop, born], 0)
        self._usual[:, born] = 0.0
        self._watched[born] = 0.0
        self._seconds += seconds
        if not seconds:
            return
        # A young history weighs all its samples alike, an old one forgets.
        watched = self._watched[rows] + seconds
        share = np.maximum(1 - math.exp(-seconds / USUAL_SECONDS), seconds / watched)
        self._watched[rows] = watched
        for kind, rate in ((CPU, table.cpu), (IO, table.io)):
            usual = self._usual[kind, rows]
            self._usual[kind, rows] = usual + share * (rate[rows] - usual)

    def settle(self, batch: Batch) -> None:
        """An export: say what everybody uses, and begin to count anew."""
        table = batch.table
        used = np.maximum(table.counters[: _IO.stop] - self._used_at, 0)
        recent = np.vstack([used[_CPU].sum(axis=0) / batch.host.hz, used[_IO].sum(axis=0)])
        recent /= max(self._seconds, batch.seconds) or 1.0
        demand = (recent + self._usual) / 2
        self.demand = np.where(table.series, STAY * demand, demand)
        self._used_at[:] = table.counters[: _IO.stop]
        self._seconds = 0.0

    def uncovered(self, table: Table, rows: Rows, kept: Flags, target: float) -> Rows:
        """Of `rows`, those whose CPU at this sample is missing in what the kept ones cover, largest first.

        A process counts from its second observation on: before it, nobody knows when it used what it has.
        """
        rows = rows[table.observations[rows] > 1]
        used = np.maximum((table.counters[_CPU, rows] - table.previous[_CPU, rows]).sum(axis=0), 0)
        total = int(used.sum())
        missing = target * total - int(used[kept[rows]].sum())
        if missing <= 0:
            return _NOBODY
        lately = np.maximum((table.counters[_CPU, rows] - self._used_at[_CPU, rows]).sum(axis=0), 0)
        young = self._watched[rows] < self._seconds
        large = ~kept[rows] & (used >= LARGE * total) & (young | (lately >= LASTING * lately.sum()))
        order = np.flatnonzero(large)
        order = order[np.argsort(-used[order], kind="stable")]
        enough = int(np.searchsorted(np.cumsum(used[order]), missing)) + 1
        chosen: Rows = rows[order[:enough]]
        return chosen

    def _fit(self, capacity: int) -> None:
        more = capacity - len(self._watched)
        if more:
            for name in ("demand", "_usual", "_watched", "_used_at"):
                column = getattr(self, name)
                setattr(self, name, np.pad(column, [(0, 0)] * (column.ndim - 1) + [(0, more)]))
