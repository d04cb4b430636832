"""When to tick: a grid of moments on the monotonic clock, laid once so that it meets the wall clock.

A moment that was missed is gone: it is counted, never made up for by two ticks in a row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nrdot.clock import Clock

# Past this part of the interval a tick is skipped: its rates would be skewed and the next one is near.
TOLERANCE = 0.5
# Seconds. The first tick takes the baseline; a second one on its heels would measure nothing but noise.
BASELINE = 0.5

# Of an interval: a moment that has come must not look as if it were about to.
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Turn:
    """What to do now, and which moments went by since the turn before without a tick."""

    run: bool
    glance: bool = False  # a tick is shed now: a look at those that are exempt from it
    late: int = 0  # the agent or the machine was busy or asleep
    shed: int = 0  # left out on purpose, to stay within the CPU budget


WAIT = Turn(run=False)


class Beat:
    """The moments `first + k * interval`; of them those where `stretch` divides k are meant to run."""

    def __init__(self, clock: Clock, interval: float) -> None:
        self._clock = clock
        self.interval = interval
        self.stretch = 1
        wait = -clock.wall_ns() % round(interval * 1e9) / 1e9
        if wait < min(BASELINE, interval / 2):
            wait += interval
        self._first = clock.monotonic() + wait
        self._last = -1

    def remaining(self) -> float:
        """Seconds until the next moment; not above zero once it has come."""
        return self._first + (self._last + 1) * self.interval - self._clock.monotonic()

    def take(self) -> Turn:
        """Decide about the moment that has come, and move on."""
        if self.remaining() > 0:
            return WAIT
        position = (self._clock.monotonic() - self._first) / self.interval + ROUNDING
        current = max(math.floor(position), self._last + 1)
        in_time, shed = position - current < TOLERANCE, current % self.stretch != 0
        run = in_time and not shed
        passed = current - self._last
        meant = current // self.stretch - self._last // self.stretch
        self._last = current
        return Turn(run, glance=in_time and shed, late=meant - run, shed=passed - meant)
