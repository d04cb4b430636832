"""What an agent says about its node: at once when something turns, else every five minutes.

The time of the report is the node's sign of life, so it is written though no figure changed.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from nrdot.cluster.api import ApiError
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.clock import Clock
    from nrdot.cluster.api import Api

_log = Log("cluster")

USUAL = 300.0  # seconds between two reports of which only figures differ
LEAST = 5.0  # seconds between two reports, whatever happens
LONGEST_PAUSE = 60.0  # seconds between two attempts that fail
# What is told at once when it changes; the rest goes with the next usual report.
URGENT = ("revision", "refused", "error", "covered", "tickDelay")


class Report:
    """`say` may be called from any thread, `turn` from one."""

    def __init__(self, api: Api, path: str, clock: Clock) -> None:
        self.news = Event()
        self._api = api
        self._path = path
        self._clock = clock
        self._lock = Lock()
        self._wanted: dict[str, Any] = {}
        self._sent = -USUAL  # when, on the monotonic clock
        self._failures = 0

    def say(self, said: Mapping[str, Any]) -> None:
        with self._lock:
            before, self._wanted = self._wanted, dict(said)
        if _urgent(before) != _urgent(said):
            self.news.set()

    def turn(self) -> float:
        """Send what is due; after how many seconds to come back at the earliest."""
        if not self.news.is_set() and self._clock.monotonic() - self._sent < USUAL:
            return 0.0
        self.news.clear()  # before it is read, so that what is said from now on is news again
        with self._lock:
            said = dict(self._wanted)
        if not said:
            return 0.0
        now = datetime.fromtimestamp(self._clock.wall_ns() / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            self._api.merge(self._path, {"status": {**said, "reportedAt": now}})
        except ApiError as error:
            return self._failed(error)
        self._failures = 0
        self._sent = self._clock.monotonic()
        return LEAST

    def _failed(self, error: ApiError) -> float:
        """Again later. A cluster without an operator has nobody to tell, and is not asked all the time."""
        if not self._failures:
            _log.warning("the operator cannot be told, and is tried again", error=str(error))
        most = min(LEAST * 2**self._failures, LONGEST_PAUSE)
        self._failures = min(self._failures + 1, 16)
        self.news.set()
        pause = random.uniform(most / 2, most)  # noqa: S311 - so that agents do not come together
        return max(pause, min(error.delay or 0.0, USUAL))


def _urgent(said: Mapping[str, Any]) -> tuple[object, ...]:
    """What turned when this differs. A rollout waits for the first figure, not for each."""
    flat = {**said, **(said.get("critical") or {}), **(said.get("agent") or {})}
    proved = [
        (one["requirement"], one["seen"] > 0, one["exported"] < one["seen"])
        for one in said.get("requirements") or ()
    ]
    exact = (said.get("conservation") or {}).get("exact")
    told = [flat.get(name) is not None for name in ("reduction", "usage")]
    return (told, exact, proved, *(flat.get(key) for key in URGENT))
