"""What was measured beside what is sent: whether exports add up, told while they are made.

The sums that an aggregator keeps are not used here. What is measured is what the table's counters grow by
from sample to sample; what is sent is read from each frame as the encoder reads it: the value of each series
of a process, and of each group, less what was sent of it before. After an export of everything that is due
both have grown by the same, to the last tick and byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import CHILDREN, Counter

if TYPE_CHECKING:
    from nrdot.batch import Batch, Ints, Rows, Table
    from nrdot.stages import Aggregator, Frame

_OWN = slice(0, CHILDREN.start)
_CPU = slice(Counter.CPU_USER, Counter.CPU_SYSTEM + 1)


class Balance:
    """Of one agent, over all its configurations. Owned by the pipeline's thread."""

    def __init__(self) -> None:
        self.exports = 0  # of everything that was due
        self.off: Ints = np.zeros(
            CHILDREN.start, np.int64
        )  # by counter: what was sent too little or too much
        self._open: Ints = np.zeros(CHILDREN.start, np.int64)  # measured, and not sent yet
        self._sent: Ints = np.zeros((CHILDREN.start, 0), np.int64)  # counters of rows as they were sent
        self._groups: dict[int, Ints] = {}

    def mark(self) -> tuple[int, Ints]:
        """Where it stands now."""
        return self.exports, self.off.copy()

    def begin(self, mark: tuple[int, Ints]) -> None:
        """Judge what came since then."""
        self.exports -= mark[0]
        self.off -= mark[1]

    @property
    def words(self) -> str:
        """Empty where everything adds up."""
        return ", ".join(
            f"{counter.name.lower()} by {amount}"
            for counter, amount in zip(Counter, self.off.tolist(), strict=False)
            if amount
        )

    def see(self, batch: Batch, frame: Frame | None) -> None:
        """One turn of the aggregator, before rows of the dead are released."""
        table = batch.table
        if batch.seconds:  # a glance between two samples measures nothing that the next one does not
            self._measure(table)
        if frame is None:
            return
        self._settle(table, frame)
        if frame.whole:
            self.exports += 1
            self.off += np.abs(self._open)
            self._open[:] = 0

    def _measure(self, table: Table) -> None:
        grown = table.counters.sum(axis=1) - table.previous.sum(axis=1)
        self._open += grown[_OWN]
        self._open[_CPU] += grown[CHILDREN]  # a group shows them as its own

    def _settle(self, table: Table, frame: Frame) -> None:
        if (more := table.capacity - self._sent.shape[1]) > 0:
            self._sent = np.pad(self._sent, ((0, 0), (0, more)))
        opening, steady = frame.opening, frame.steady
        self._open -= self._taken(table, opening, table.base[_OWN, opening])
        self._open -= self._taken(table, steady, self._sent[:, steady])
        for group in frame.groups:
            before = self._groups.pop(group.key, None)
            values = group.counters[_OWN]
            self._open -= values if before is None or group.opening else values - before
            if not group.ending:
                self._groups[group.key] = values

    def _taken(self, table: Table, rows: Rows, before: Ints) -> Ints:
        now = table.counters[_OWN, rows]
        self._sent[:, rows] = now
        grown: Ints = (now - before).sum(axis=1)
        return grown


class Balanced:
    """`stages.Aggregator`: another one, with a balance that looks on."""

    def __init__(self, inner: Aggregator, balance: Balance) -> None:
        self._inner = inner
        self._balance = balance

    def aggregate(self, batch: Batch, due: Rows | None) -> Frame | None:
        frame = self._inner.aggregate(batch, due)
        self._balance.see(batch, frame)
        return frame
