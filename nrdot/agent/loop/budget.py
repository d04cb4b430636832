"""What the agent may cost: a part of one core, averaged over a minute, kept by ticking less often.

Only ticks can be left out, so the cadence is halved until the average fits or the cap is reached, and
doubled again once the average shows that the faster one would fit with room to spare. After each change a
new average begins: what was spent before says nothing about the cadence now.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MINUTE = 60.0
# How far the cadence may go down: eight times the interval, or to two minutes where that is longer.
LARGEST_STRETCH = 8
LONGEST_INTERVAL = 120.0
# The faster cadence must fit into this part of the budget, or the next minute would take it back.
ROOM = 0.8


@dataclass(frozen=True, slots=True)
class Change:
    """A new cadence, to be said once. The same as before: even the slowest one does not fit."""

    stretch: int
    before: int
    cores: float  # what the agent used on average
    limit: float


class Budget:
    """Fed after each tick with the CPU seconds that the process has used so far."""

    def __init__(self, limit: float, interval: float) -> None:
        self.limit = limit  # cores; 0 is no limit
        self.stretch = 1
        self._largest = LARGEST_STRETCH
        while 2 * self._largest * interval <= LONGEST_INTERVAL:
            self._largest *= 2
        self._hopeless = False
        self.cores: float | None = None  # the last average over a whole minute
        self._spent: deque[tuple[float, float]] = deque()

    def observe(self, now: float, cpu: float) -> Change | None:
        """`now` in monotonic seconds. The first call only begins the average: the start itself is free."""
        self._spent.append((now, cpu))
        while len(self._spent) > 1 and now - self._spent[1][0] >= MINUTE:
            self._spent.popleft()
        began, spent = self._spent[0]
        used = cpu - spent
        whole = now - began >= MINUTE
        if whole:
            self.cores = used / (now - began)
        if self.limit <= 0:
            return None
        # A minute's allowance gone before the minute is over: no need to watch the rest of it.
        average = used / max(now - began, MINUTE)
        if average > self.limit and self.stretch < self._largest:
            return self._change(self.stretch * 2, average, now, cpu)
        if average > self.limit and not self._hopeless:
            self._hopeless = True
            return self._change(self.stretch, average, now, cpu)
        if whole and self.stretch > 1 and 2 * average <= ROOM * self.limit:
            return self._change(self.stretch // 2, average, now, cpu)
        return None

    def _change(self, stretch: int, average: float, now: float, cpu: float) -> Change:
        change = Change(stretch, self.stretch, average, self.limit)
        self._hopeless = self._hopeless and stretch == self.stretch
        self.stretch = stretch
        self._spent.clear()
        self._spent.append((now, cpu))
        return change
