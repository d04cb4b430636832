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
    from nrdot.batch import Batch, Floats, Ints, Table

CPU, IO = 0, 1
_PARTS = ((Counter.CPU_USER, Counter.CPU_SYSTEM), (Counter.READ, Counter.WRITTEN))  # of each
USUAL_SECONDS = 600.0  # the memory of the usual rate
STAY = 1.3  # how much more counts who has series


class Consumption:
    """Remembers what each row used, and when."""

    def __init__(self) -> None:
        self.demand: Floats = np.zeros((2, 0))  # what the largest were found by: cores, and bytes a second
        self.usual: Floats = np.zeros((2, 0))
        self._watched: Floats = np.zeros(0)  # seconds
        self._used_at: Ints = np.zeros((2, 0), np.int64)  # clock ticks and bytes, as of the last export
        self._seconds = 0.0  # since the last export

    def observe(self, batch: Batch) -> None:
        """Take one sample into the history."""
        table, born, seconds = batch.table, batch.born, batch.seconds
        self._fit(table.capacity)
        if born.size:
            self._used_at[:, born] = _used(table)[:, born] * table.found[born]
            self.usual[:, born] = 0.0
            self._watched[born] = 0.0
        self._seconds += seconds
        if not seconds:
            return
        # Whole columns: to gather the living takes longer, and a row without a process begins anew with the
        # next one. A young history weighs all its samples alike, an old one forgets.
        self._watched += seconds
        share = np.maximum(1 - math.exp(-seconds / USUAL_SECONDS), seconds / self._watched)
        for kind, rate in ((CPU, table.cpu), (IO, table.io)):
            step = rate - self.usual[kind]
            step *= share
            self.usual[kind] += step

    def settle(self, batch: Batch) -> None:
        """An export: say what everybody uses, and begin to count anew."""
        table = batch.table
        used = _used(table)
        grown = used - self._used_at
        seconds = max(self._seconds, batch.seconds) or 1.0
        demand = np.empty_like(self.usual)
        np.divide(grown[CPU], batch.host.hz, out=demand[CPU])
        demand[IO] = grown[IO]
        demand /= seconds
        demand += self.usual
        demand /= 2
        np.multiply(demand, STAY, out=demand, where=table.series)
        self.demand = demand
        self._used_at = used
        self._seconds = 0.0

    def _fit(self, capacity: int) -> None:
        more = capacity - len(self._watched)
        if more:
            for name in ("demand", "usual", "_watched", "_used_at"):
                column = getattr(self, name)
                setattr(self, name, np.pad(column, [(0, 0)] * (column.ndim - 1) + [(0, more)]))


def _used(table: Table) -> Ints:
    """Clock ticks and bytes of each row until now."""
    used: Ints = np.empty((2, table.capacity), np.int64)
    for kind, (one, other) in enumerate(_PARTS):
        np.add(table.counters[one], table.counters[other], out=used[kind])
    return used
