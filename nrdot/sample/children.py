"""CPU of children that lived and died between two samples.

When a parent reaps a child, the kernel adds the child's CPU (and that of the child's own reaped children) to
the parent's cutime and cstime. What of it we saw while the child lived is already counted in the child's
row. The rest belongs to processes that no sample ever saw, or to the last moments of those that we did see,
and becomes the parent's CHILD counters.

The counters show a child before it leaves /proc, but a parent may have been read a moment before its child
was found gone. So what is owed is carried for one more sample and then forgiven: a parent that ignores
SIGCHLD reaps without being charged, and such CPU stays unaccounted.

Where child and parent both ended between two samples, nobody knows who went first: the parent may have reaped
the child and then its own parent both of them, or the child went to an ancestor that takes orphans. What such
a child is owed for is set against whichever of those ancestors is charged, so that the sum is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import CHILDREN, Counter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nrdot.batch import Ints, Rows, Table

    Doubts = dict[tuple[int, ...], Ints]

_OWN = slice(Counter.CPU_USER, Counter.CPU_SYSTEM + 1)
_NOTHING = np.zeros(2, np.int64)


class Children:
    """Owed and charged CPU by table row; two columns each, user and system."""

    def __init__(self, table: Table) -> None:
        self._charged = np.zeros((2, table.capacity), np.int64)  # cutime and cstime as last read
        self._owed = np.zeros((2, table.capacity), np.int64)  # of children seen dead, not yet charged
        self._old = np.zeros((2, table.capacity), np.int64)  # owed since the sample before
        self._doubts: Doubts = {}  # owed to one of these rows, nobody knows which
        self._old_doubts: Doubts = {}

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

    def grown(self, rows: Rows, charged: Ints) -> Rows:
        """Which of `rows` reaped since they were last charged."""
        grown: Rows = rows[(charged > self._charged[:, rows]).any(axis=0)]
        return grown

    def inherit(self, table: Table, dead: Sequence[int], row_of_pid: Callable[[int], int | None]) -> None:
        """Owe each of the dead to whoever reaped it: its parent, or where that died as well, an ancestor."""
        parents = {int(table.pid[row]): int(table.parent[row]) for row in dead}
        for row in dead:
            heir = first = int(table.parent[row])
            seen: set[int] = set()
            while heir in parents and heir not in seen and row_of_pid(heir) is None:
                seen.add(heir)
                heir = parents[heir]
            if (heir_row := row_of_pid(heir)) is None:
                continue
            owed = table.counters[_OWN, row] + self._charged[:, row]
            line = (heir_row,) if heir == first else _line(table, heir_row, row_of_pid)
            if len(line) == 1:
                self._owed[:, heir_row] += owed
            elif owed.any():
                self._doubts[line] = self._doubts.get(line, _NOTHING) + owed

    def charge(self, table: Table, rows: Rows, charged: Ints) -> None:
        """Parents were read: `charged` holds their cutime and cstime, one row each, no row twice."""
        growth = np.maximum(charged - self._charged[:, rows], 0)
        self._charged[:, rows] = charged
        if not growth.any():
            return
        for owed in (self._old, self._owed):
            paid = np.minimum(growth, owed[:, rows])
            owed[:, rows] -= paid
            growth -= paid
        if self._doubts or self._old_doubts:
            self._settle(rows, growth)
        table.counters[CHILDREN, rows] += growth

    def _settle(self, rows: Rows, growth: Ints) -> None:
        for index in np.flatnonzero(growth.any(axis=0)).tolist():
            row = int(rows[index])
            for doubts in (self._old_doubts, self._doubts):
                for line in [line for line in doubts if row in line]:
                    paid = np.minimum(growth[:, index], doubts[line])
                    doubts[line] -= paid
                    growth[:, index] -= paid

    def end_sample(self) -> None:
        """What was owed twice without being charged is forgiven."""
        self._old_doubts, self._doubts = self._doubts, {}
        if self._owed.any() or self._old.any():
            self._old, self._owed = self._owed, self._old
            self._owed[:] = 0


def _line(table: Table, row: int, row_of_pid: Callable[[int], int | None]) -> tuple[int, ...]:
    """A row and all its living ancestors: orphans go to one of them."""
    line: dict[int, None] = {}
    at: int | None = row
    while at is not None and at not in line:
        line[at] = None
        at = row_of_pid(int(table.parent[at]))
    return tuple(line)
