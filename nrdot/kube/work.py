"""Keys that wait to be worked on. A key waits at most once, and never while it is being worked on.

What changes while its key is being worked on waits again afterwards. A key that failed comes back after a
pause that doubles with each failure in a row, and not before, whatever changes meanwhile.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from nrdot.clock import Clock

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 120.0  # seconds, also where the server names a time to wait


class WorkQueue:
    """Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ready: deque[Hashable] = deque()
        self._waiting: set[Hashable] = set()  # keys of `_ready`
        self._working: set[Hashable] = set()
        self._again: set[Hashable] = set()  # changed while being worked on
        self._later: list[tuple[float, int, Hashable]] = []
        self._due: dict[Hashable, float] = {}  # the earliest time of a key in `_later`
        self._count = 0
        self._failures: dict[Hashable, int] = {}
        self._barred: dict[Hashable, float] = {}  # until when a key that failed rests
        self._condition = Condition()
        self._closed = False

    def add(self, key: Hashable) -> None:
        with self._condition:
            self._add(key)

    def add_after(self, key: Hashable, seconds: float) -> None:
        """At the latest then; an earlier time that was asked for stays."""
        with self._condition:
            self._add_at(key, self._clock.monotonic() + seconds)

    def take(self, longest: float = 1.0) -> Hashable | None:
        """The next key; None when `longest` seconds went by, or at the end."""
        with self._condition:
            deadline = self._clock.monotonic() + longest
            while not self._closed:
                now = self._clock.monotonic()
                self._ripen(now)
                if self._ready:
                    key = self._ready.popleft()
                    self._waiting.discard(key)
                    self._working.add(key)
                    return key
                until = min(deadline, self._later[0][0]) if self._later else deadline
                if now >= deadline:
                    return None
                self._condition.wait(max(until - now, 0.001))
            return None

    def done(self, key: Hashable) -> None:
        with self._condition:
            self._failures.pop(key, None)
            self._barred.pop(key, None)
            self._finish(key)

    def failed(self, key: Hashable, delay: float | None = None) -> float:
        """The key comes back; returns after how many seconds."""
        with self._condition:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            most = min(FIRST_PAUSE * 2 ** min(failures, 16), LONGEST_PAUSE)
            pause = random.uniform(most / 2, most)  # noqa: S311 - no secret
            if delay is not None:
                pause = max(pause, min(delay, LONGEST_PAUSE))
            due = self._barred[key] = self._clock.monotonic() + pause
            self._finish(key)
            self._add_at(key, due)
        return pause

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    @property
    def depth(self) -> int:
        """Keys that could be worked on now, and those that are."""
        with self._condition:
            self._ripen(self._clock.monotonic())
            return len(self._ready) + len(self._working)

    def _add_at(self, key: Hashable, due: float) -> None:
        if self._due.get(key, due + 1) <= due:
            return
        self._due[key] = due
        self._count += 1
        heapq.heappush(self._later, (due, self._count, key))
        self._condition.notify()

    def _add(self, key: Hashable) -> None:
        rests = self._barred.get(key, 0.0)
        if key in self._working:
            self._again.add(key)
        elif rests > self._clock.monotonic():
            self._add_at(key, rests)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.append(key)
            self._condition.notify()

    def _finish(self, key: Hashable) -> None:
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self._add(key)

    def _ripen(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            due, _, key = heapq.heappop(self._later)
            if self._due.get(key) == due:
                del self._due[key]
                self._add(key)
