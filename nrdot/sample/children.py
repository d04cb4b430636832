"""CPU of children that lived and died between two samples.

When a parent reaps a child, the kernel adds the child's CPU (and that of the child's own reaped children) to
the parent's cutime and cstime. What of it we saw while the child lived is already counted in the child's
row. The rest belongs to processes that no sample ever saw, or to the last moments of those that we did see,
and becomes the parent's CHILD counters.

A child may be seen dead one sample before or after the parent's counters show it, so what is owed is carried
for one more sample and then forgiven: a parent that ignores SIGCHLD reaps without being charged, and such
CPU stays unaccounted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import CHILDREN, Counter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nrdot.batch import Ints, Rows, Table

_OWN = slice(Counter.CPU_USER, Counter.CPU_SYSTEM + 1)


class Children:
    """Owed and charged CPU by table row; two columns each, user and system."""

    def __init__(self, table: Table) -> None:
        self._charged = np.zeros((2, table.capacity), np.int64)  # cutime and cstime as last read
        self._owed = np.zeros((2, table.capacity), np.int64)  # of children seen dead, not yet charged
        self._old = np.zeros((2, table.capacity), np.int64)  # owed since the sample before

    def fit(self, capacity: int) -> None:
        for name in ("_charged", "_owed", "_old"):
            column = getattr(self, name)
            if column.shape[1] < capacity:
                setattr(self, name, np.pad(column, ((0, 0), (0, capacity - column.shape[1]))))

    def begin(self, row: int, charged: tuple[int, int]) -> None:
        """A new row; `charged` is what it had reaped before we count."""
        self._charged[:, row] = charged
        self._owed[:, row] = 0
        self._old[:, row] = 0

    def died(self, table: Table, row: int, heir: int) -> None:
        """`heir` is the row of the process that reaped `row`, directly or through dead parents."""
        self._owed[:, heir] += table.counters[_OWN, row] + self._charged[:, row]

    def inherit(self, table: Table, dead: Sequence[int], row_of_pid: Callable[[int], int | None]) -> None:
        """Owe each of the dead to whoever reaped it: its parent, or where that died as well, the parent's."""
        parents = {int(table.pid[row]): int(table.parent[row]) for row in dead}
        for row in dead:
            heir = int(table.parent[row])
            seen: set[int] = set()
            while heir in parents and heir not in seen and row_of_pid(heir) is None:
                seen.add(heir)
                heir = parents[heir]
            if (heir_row := row_of_pid(heir)) is not None:
                self.died(table, row, heir_row)

    def charge(self, table: Table, rows: Rows, charged: Ints) -> None:
        """Parents were read: `charged` holds their cutime and cstime, one row each."""
        growth = np.maximum(charged - self._charged[:, rows], 0)
        self._charged[:, rows] = charged
        if not growth.any():
            return
        old = np.minimum(growth, self._old[:, rows])
        new = np.minimum(growth - old, self._owed[:, rows])
        self._old[:, rows] -= old
        self._owed[:, rows] -= new
        table.counters[CHILDREN, rows] += growth - old - new

    def end_sample(self) -> None:
        """What was owed twice without being charged is forgiven."""
        if self._owed.any() or self._old.any():
            self._old, self._owed = self._owed, self._old
            self._owed[:] = 0
