"""Time, as a constructor argument.

`wall_ns` is for stamps that people read and may jump; `monotonic` is for intervals, backoff and deadlines
and never does. Nothing in NRDOT calls the `time` module for either.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from threading import Event


class Clock(Protocol):
    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch."""

    def monotonic(self) -> float:
        """Seconds that only ever grow, from an arbitrary start."""

    def wait(self, event: Event, seconds: float) -> bool:
        """Sleep until `event` is set or `seconds` have passed; True when it is set."""


class SystemClock:
    def wall_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: Event, seconds: float) -> bool:
        return event.wait(max(seconds, 0.0))
