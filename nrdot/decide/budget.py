"""The budget of distinct series: what vendors bill is what was active at any time within 20 minutes.

A series that ends goes on counting for 20 minutes, so to trim a kept process makes no room now, and most
newcomers would be gone by the time that it did: they wait until there is room. Who is kept is trimmed where
the kept and the never-filtered alone are over the budget, and for those who waited as long themselves. A
process that is kept again meanwhile goes on with the series that it had, and costs nothing anew.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nrdot.batch import Flags, Ints

ACTIVE_SECONDS = 1200.0
KEPT_BACK = 4  # one of so many places is left to whoever has a better reason than a score or its youth


class SeriesBudget:
    """Counts series. `limit` 0 is no limit; `reserved` are places that groups may take."""

    def __init__(self, limit: int, *, reserved: int, points: int) -> None:
        self.limit = limit
        self._reserved = reserved
        self._points = max(points, 1)
        self._ended: deque[tuple[float, int]] = deque()
        self._ended_series = 0

    def end(self, processes: int, now: float) -> None:
        """Series of so many processes ended for good."""
        if processes:
            self._ended.append((now, processes * self._points))
            self._ended_series += processes * self._points

    def adopt(self, other: SeriesBudget) -> None:
        """Remember what another budget, which this one replaces, saw end."""
        self._ended, self._ended_series = other._ended, other._ended_series

    def places(self, active: int, now: float) -> tuple[int, int]:
        """How many processes may be kept in all, and how many of them new.

        `active` have series, or had them within the 20 minutes and may go on with them.
        """
        if not self.limit:
            return 1 << 40, 1 << 40
        while self._ended and now - self._ended[0][0] > ACTIVE_SECONDS:
            self._ended_series -= self._ended.popleft()[1]
        room = max(self.limit - self._reserved, 0)
        total = room // self._points
        new = max(room - active * self._points - self._ended_series, 0) // self._points
        return total, new

    @staticmethod
    def allowed(going: Flags, begun: Ints, seats: Ints, places: tuple[int, int], *, modest: Flags) -> Flags:
        """Who has one of the `places`, in the order in which they are given.

        `going` are those that have series, `seats` how many places are taken up to each of them. `begun`
        counts the others along the order. The `modest` leave places to others.
        """
        total, new = places
        free = new - total // KEPT_BACK
        if not len(going) or (seats[-1] <= total and begun[-1] <= free):
            return np.ones(len(going), np.bool_)
        flags: Flags = np.where(going, seats <= total, begun <= np.where(modest, free, new))
        return flags

    def needed(self, going: Flags, begun: Ints, seats: Ints, active: int, *, modest: Flags) -> Ints:
        """The limit from which on each would be allowed."""
        limits: Ints = seats * self._points
        new = (~going).nonzero()[0]
        if new.size:
            taken = active * self._points + self._ended_series
            places = begun[new]
            # The fewest places beside those taken of which, less a part of all, so many are left.
            enough = (taken // self._points + KEPT_BACK * (places - 1)) // (KEPT_BACK - 1) + 1
            limits[new] = np.where(modest[new], enough, places) * self._points + taken
        limits += self._reserved
        return limits
