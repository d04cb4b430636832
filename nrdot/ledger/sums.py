"""The sums of a minute: a table with a row for each thing that is added up and a column for each cell."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from nrdot.ledger.cells import NOBODY

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from nrdot.batch import Floats

_MORE = 32  # columns at a time


class Sum(IntEnum):
    """A row of the table. Those from POINTS_UNOPTIMIZED on stand in the order of the ledger's fields."""

    PROCESS_MILLISECONDS = 0
    RSS_SECONDS = 1
    CPU_TICKS = 2
    POINTS_UNOPTIMIZED = 3
    BYTES_UNOPTIMIZED = 4
    POINTS_INTERVAL = 5
    BYTES_INTERVAL = 6
    POINTS_SUPPRESSED = 7
    BYTES_SUPPRESSED = 8
    POINTS_SENT = 9
    BYTES_SENT = 10
    ACTIVE_UNOPTIMIZED = 11
    ACTIVE_SENT = 12
    HOURLY_UNOPTIMIZED = 13
    HOURLY_SENT = 14
    CRITICAL_SEEN = 15
    CRITICAL_EXPORTED = 16


class Sums:
    """Exact: whole numbers in a float are, up to 2**53."""

    def __init__(self) -> None:
        self._table: Floats = np.zeros((len(Sum), _MORE))

    def add(self, entry: Sum, found: NDArray[Any]) -> None:
        """`found` by cell, from the first on."""
        count = len(found)
        if count > self._table.shape[1]:
            self._fit(count)
        self._table[entry, :count] += found

    def add_one(self, entry: Sum, cell: int, amount: float) -> None:
        self._fit(cell + 1)
        self._table[entry, cell] += amount

    def close(self) -> list[tuple[int, list[int]]]:
        """Each cell that has something to say, and its sums, which begin anew."""
        table = self._table
        table[:, NOBODY] = 0
        lines = np.rint(table.T).astype(np.int64).tolist()
        table.fill(0)
        return [(cell, line) for cell, line in enumerate(lines) if any(line)]

    def _fit(self, count: int) -> None:
        more = count - self._table.shape[1]
        if more > 0:
            self._table = np.pad(self._table, ((0, 0), (0, more + _MORE)))
