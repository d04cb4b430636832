"""Time that stands still until a test moves it.

Whoever waits on this clock moves it: `wait` returns at once, with the time that it would have taken gone by.
What is to happen in between is said beforehand with `at`.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

NOON_NS = 1_795_262_400_000_000_000  # a Saturday, 12:00 UTC: a multiple of every interval in use


class ManualClock:
    """For one thread; a test that needs more threads takes the system's clock."""

    def __init__(self, wall_ns: int = NOON_NS, monotonic: float = 1000.0) -> None:
        self._wall_ns = wall_ns
        self._monotonic = monotonic
        self._agenda: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()

    def wall_ns(self) -> int:
        return self._wall_ns

    def monotonic(self) -> float:
        return self._monotonic

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Call `action` once `seconds` from now have gone by."""
        heapq.heappush(self._agenda, (self._monotonic + seconds, next(self._order), action))

    def advance(self, seconds: float) -> None:
        """Let time pass, with everything that was planned for it."""
        end = self._monotonic + seconds
        while self._agenda and self._agenda[0][0] <= end:
            self._next()
        self._move(end)

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator would; intervals do not notice."""
        self._wall_ns += round(seconds * 1e9)

    def wait(self, event: Event, seconds: float) -> bool:
        end = self._monotonic + max(seconds, 0.0)
        while self._agenda and self._agenda[0][0] <= (self._monotonic if event.is_set() else end):
            self._next()
        if not event.is_set():
            self._move(end)
        return event.is_set()

    def _next(self) -> None:
        moment, _, action = heapq.heappop(self._agenda)
        self._move(max(moment, self._monotonic))
        action()

    def _move(self, moment: float) -> None:
        self._wall_ns += round((moment - self._monotonic) * 1e9)
        self._monotonic = moment
