"""When the next request may go: backoff, circuit and rate, on the monotonic clock only.

    closed ──5 failures──► open ──wait over──► half-open ──success──► closed
                            ▲                      │
                            └───────failure────────┘

Every failure is followed by a wait. With full jitter it is drawn evenly between zero and a bound that
doubles with each failure, so that agents which failed together do not come back together. What a server
asks for with Retry-After is waited for in full, up to `RETRY_AFTER_CAP`, and the jitter comes on top of it:
"0" does not start a storm, and "30" does not bring all agents back at the same second. While the circuit is
not closed, requests are probes and carry little.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from nrdot.clock import Clock

RETRY_AFTER_CAP = 300.0  # seconds


class Circuit(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Pace:
    """The pace of one destination. Used by its drain thread; `hurry`, `circuit` and `failures` are for any.

    `first` and `longest` bound the jitter, in seconds. `threshold` failures in a row open the circuit.
    `rate` is in points a second and keeps a backlog from flooding an endpoint that has just come back; what
    an agent produces from tick to tick stays far below it. `probe` is how many points a probe carries.
    """

    def __init__(
        self,
        clock: Clock,
        random: Random,
        *,
        first: float = 1.0,
        longest: float = 60.0,
        threshold: int = 5,
        rate: float = 50_000.0,
        probe: int = 500,
    ) -> None:
        self._clock = clock
        self._random = random
        self._first = first
        self._longest = longest
        self._threshold = threshold
        self._rate = rate
        self._probe = probe
        self._next = clock.monotonic()
        self.failures = 0  # in a row

    @property
    def circuit(self) -> Circuit:
        if self.failures < self._threshold:
            return Circuit.CLOSED
        return Circuit.OPEN if self.wait() > 0 else Circuit.HALF_OPEN

    def wait(self) -> float:
        """Seconds until the next request may go; 0 when it may go now."""
        return max(self._next - self._clock.monotonic(), 0.0)

    def hurry(self) -> None:
        """No wait is worth it any more, but for failures from now on."""
        self._rate = float("inf")
        self._next = self._clock.monotonic()

    def share(self, points: int) -> int:
        """How many of `points` the next request may carry."""
        return points if self.failures < self._threshold else min(points, self._probe)

    def succeeded(self, points: int) -> None:
        """The endpoint took a request, or refused it for what it held: either way it works."""
        self.failures = 0
        self._next = self._clock.monotonic() + points / self._rate

    def failed(self, delay: float | None) -> None:
        """The endpoint took nothing; `delay` is what it asked for in seconds."""
        bound = min(self._longest, self._first * 2.0 ** min(self.failures, 32))
        self.failures += 1
        asked = min(max(delay or 0.0, 0.0), RETRY_AFTER_CAP)
        self._next = self._clock.monotonic() + asked + self._random.uniform(0.0, bound)


def offset(host_id: str, interval: float) -> float:
    """Where in the interval this host exports, in seconds from its start.

    The same for a host at every start and spread evenly over hosts, so that thousands of agents do not
    strike at once.
    """
    digest = hashlib.blake2b(host_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 * interval
