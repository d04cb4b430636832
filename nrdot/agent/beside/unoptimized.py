"""What every process alone would be, at the interval of the scraper that NRDOT replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nrdot.agent.telling.status import Status
    from nrdot.pipeline import Tick


class UnoptimizedPoints:
    """Counts into the status; a watcher of the daemon's ticks. A process sends `points` each `interval`."""

    def __init__(self, status: Status, *, points: int, interval: float) -> None:
        self._status = status
        self._points = points
        self._interval = interval
        self._since = 0.0

    def __call__(self, tick: Tick) -> None:
        self._since += tick.batch.seconds
        scrapes, self._since = divmod(self._since, self._interval)
        self._status.unoptimized += int(scrapes) * len(tick.batch.living) * self._points
