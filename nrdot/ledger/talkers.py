"""Who used most in an hour, by executable name: those with series of their own, and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Gauge
from nrdot.ledger.rows import Talker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nrdot.batch import Flags, Floats, Ints, Rows, Table

SHOWN = 20  # names of each kind in an hour
NAMES = 1024  # that are told apart; what is beyond them is one
OTHERS = "*"
_CPU, _RSS, _PROCESSES, _POINTS = range(4)


class Talkers:
    def __init__(self) -> None:
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._of_row: Ints = np.zeros(0, np.int64)
        self._sums = np.zeros((4, 64))  # by name, twice: not kept, kept
        self._exports = 0

    def fit(self, capacity: int) -> None:
        more = capacity - len(self._of_row)
        if more > 0:
            self._of_row = np.pad(self._of_row, (0, more))

    def name(self, row: int, name: str) -> None:
        number = self._numbers.get(name)
        if number is None:
            if len(self._names) >= NAMES:
                name = OTHERS
            number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
            if 2 * len(self._names) > self._sums.shape[1]:
                self._sums = np.pad(self._sums, ((0, 0), (0, 64)))
        self._of_row[row] = number

    def export(self, table: Table, kept: Flags, ticks: Ints, points: Ints) -> None:
        """An export of everything: by row who is kept, what it and its children used, and what it sent."""
        self._exports += 1
        places = 2 * self._of_row + kept
        self._add(_CPU, places, ticks[0])
        if ticks[1].any():
            self._add(_CPU, 2 * self._of_row, ticks[1])
        self._add(_RSS, places, table.gauges[Gauge.RSS] * table.alive)
        self._add(_PROCESSES, places, table.alive)
        self._add(_POINTS, places, points * table.alive)

    def close(self, hz: int) -> list[Talker]:
        """The hour is over: its largest by CPU, then by memory; a second has `hz` clock ticks."""
        self._sums[_CPU] /= hz
        exports = max(self._exports, 1)
        found = []
        for kept in (1, 0):
            sums = self._sums[:, kept : 2 * len(self._names) : 2]
            order = np.lexsort((-sums[_RSS], -sums[_CPU]))[:SHOWN]
            found += [self._talker(number, sums[:, number], exports, kept) for number in order.tolist()]
        # Numbers stay while their processes live, so only the sums begin anew.
        self._sums[:] = 0
        self._exports = 0
        return [talker for talker in found if talker.processes or talker.cpu_seconds]

    def forget(self, rows: Rows) -> None:
        """Only the names of these rows are wanted from now on."""
        old, numbers = self._names, self._of_row
        self._names, self._numbers, self._sums = [], {}, np.zeros((4, 64))
        self._of_row = np.zeros_like(numbers)
        for row in rows.tolist():
            self.name(row, old[numbers[row]])

    @property
    def full(self) -> bool:
        return len(self._names) >= NAMES

    def _talker(self, number: int, sums: Floats, exports: int, kept: int) -> Talker:
        return Talker(
            name=self._names[number],
            verdict="keep" if kept else "roll_up",
            processes=round(float(sums[_PROCESSES]) / exports, 2),
            cpu_seconds=round(float(sums[_CPU]), 3),
            rss=round(float(sums[_RSS]) / exports),
            points_sent=round(float(sums[_POINTS])),
        )

    def _add(self, what: int, places: Ints, weights: NDArray[np.generic]) -> None:
        self._sums[what] += np.bincount(places, weights, self._sums.shape[1])
