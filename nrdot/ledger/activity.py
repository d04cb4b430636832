"""Which series a vendor has on its bill now: active in the last 20 minutes, and distinct within the hour.

A process has one set of series for as long as its words stay; renamed, it begins others, while the old ones
stay on the bill until they have been silent for long enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from nrdot.batch import Floats, Identity, Ints, Rows

ACTIVE = 1200.0  # seconds
NEVER = -1e12


@dataclass(slots=True)
class _Group:
    cell: int
    series: int
    last: float
    hour: int


class Activity:
    """Of what one side sent: NRDOT, or the scraper that it replaces. Times are seconds on a steady clock."""

    def __init__(self) -> None:
        self._last: Floats = np.zeros(0)  # when each row was sent last
        self._hour: Ints = np.zeros(0, np.int64)  # clock hour in which it was counted last
        self._series: Ints = np.zeros(0, np.int64)
        self._groups: dict[int, _Group] = {}
        self._gone: list[tuple[float, int, int]] = []  # time, cell, series of old words

    def fit(self, capacity: int) -> None:
        more = capacity - len(self._last)
        if more > 0:
            self._last = np.pad(self._last, (0, more), constant_values=NEVER)
            self._hour = np.pad(self._hour, (0, more), constant_values=-1)
            self._series = np.pad(self._series, (0, more))

    def sent(self, rows: Rows, series: Ints, now: float, hour: int) -> Rows:
        """Rows were sent; the places in `rows` of those that were not sent yet in this hour."""
        self._last[rows] = now
        self._series[rows] = series
        fresh: Rows = (self._hour[rows] != hour).nonzero()[0]
        self._hour[rows[fresh]] = hour
        return fresh

    def sent_group(self, key: int, cell: int, series: int, now: float, hour: int) -> bool:
        """A group was sent; whether for the first time in this hour."""
        group = self._groups.get(key)
        if group is None:
            self._groups[key] = _Group(cell, series, now, hour)
            return True
        fresh = group.hour != hour
        group.series, group.last, group.hour = series, now, hour
        return fresh

    def end(self, row: int, cell: int, now: float) -> None:
        """The row's words are others from now on, or another process has the row."""
        last = float(self._last[row])
        if now - last < ACTIVE:
            self._gone.append((last, cell, int(self._series[row])))
        self._last[row] = NEVER
        self._hour[row] = -1

    def active(self, cells: Ints, count: int, now: float) -> NDArray[Any]:
        """Series by cell, where `cells` are those of the rows."""
        found: NDArray[Any] = np.bincount(cells, self._series * (self._last > now - ACTIVE), count)
        if self._gone:
            # Not in the order of time: a row that was silent for long may end today.
            self._gone = [entry for entry in self._gone if now - entry[0] < ACTIVE]
            for _, cell, series in self._gone:
                found[cell] += series
        for key, group in list(self._groups.items()):
            if now - group.last < ACTIVE:
                found[group.cell] += group.series
            else:
                del self._groups[key]
        return found

    def used(self) -> set[int]:
        """Cells that are remembered beside those of the rows."""
        return {cell for _, cell, _ in self._gone} | {group.cell for group in self._groups.values()}

    def renumber(self, numbers: Ints) -> None:
        self._gone = [(last, int(numbers[cell]), series) for last, cell, series in self._gone]
        for group in self._groups.values():
            group.cell = int(numbers[group.cell])


def alike(identity: Identity, other: Identity) -> bool:
    """Whether a backend sees the same words; command lines stay on the host unless somebody exports them."""
    return identity is other or (
        (identity.name, identity.command, identity.executable, identity.user, identity.owner)
        == (other.name, other.command, other.executable, other.user, other.owner)
    )
