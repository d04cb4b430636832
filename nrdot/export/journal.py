"""What became of the requests to one destination, for /readyz, the self-metrics and the log.

A log line is written when something changes, never for each request: an outage of a day is two lines, or
one more for each new reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from nrdot.clock import Clock
    from nrdot.errors import Permanent, Retryable
    from nrdot.stages import Delivery

_log = Log("export")
OUTCOMES = ("delivered", "held", "dropped", "refused")
_ON_ITS_WAY = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class DestinationState:
    """A destination at one moment."""

    circuit: str  # closed, open, half-open
    last_success_ns: int | None  # wall clock
    last_error: str  # of the present outage; empty while requests go through
    last_refusal: str  # why the last request was refused for good; empty once one is taken
    kept: bool  # what failed waits; else it was dropped
    alarm: bool  # somebody must mend something
    overdue: bool  # what waits has waited longer than the limit
    requests: dict[str, int]  # by outcome: delivered, held, dropped, refused
    payload_bytes: int  # delivered, before compression
    wire_bytes: int  # the same as sent: the bodies of the requests

    @property
    def ratio(self) -> float | None:
        """How many times smaller compression made it; None before the first delivery."""
        return self.payload_bytes / self.wire_bytes if self.wire_bytes else None

    def __str__(self) -> str:
        if not self.last_error:
            if self.last_refusal:
                return f"refused, to the dead letters: {self.last_refusal}"
            return "delivering" if self.last_success_ns else "nothing sent yet"
        alarm = "needs attention, " if self.alarm else ""
        return f"{'held' if self.kept else 'dropping'}, {alarm}circuit {self.circuit}: {self.last_error}"


@dataclass(slots=True)
class Journal:
    """Written by one drain thread, read by any."""

    destination: str
    clock: Clock
    _requests: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    _last_success_ns: int | None = None
    _last_error: str = ""
    _last_refusal: str = ""
    _kept: bool = True
    _last_partial: str | None = None
    _alarm: bool = False
    _held_since: float | None = None  # monotonic
    _late_since: float | None = None  # monotonic
    _overdue: bool = False
    _payload_bytes: int = 0
    _wire_bytes: int = 0

    def delivered(self, delivery: Delivery, payload_bytes: int) -> None:
        self._requests["delivered"] += 1
        self._payload_bytes += payload_bytes
        self._wire_bytes += delivery.wire_bytes
        self._last_success_ns = self.clock.wall_ns()
        self._last_refusal = ""
        self._works_again()
        if (delivery.rejected_points or delivery.message) and delivery.message != self._last_partial:
            self._last_partial = delivery.message
            _log.warning(
                "the destination took a request but not all of it",
                destination=self.destination,
                points_rejected=delivery.rejected_points,
                reason=delivery.message,
            )

    def held(self, error: Retryable, *, kept: bool = True) -> None:
        """The request failed; what was in it waits, or is dropped where nobody wants it sent again."""
        self._requests["held" if kept else "dropped"] += 1
        if self._held_since is None:
            self._held_since = self.clock.monotonic()
        text = str(error)
        if text != self._last_error:
            if not kept:
                _log.warning(
                    "data is dropped: batching.retry_on_failure is off",
                    destination=self.destination,
                    reason=text,
                )
            elif error.alarm:
                _log.error(
                    "data is held until somebody mends this", destination=self.destination, reason=text
                )
            else:
                _log.warning("data is held and sent again", destination=self.destination, reason=text)
        self._last_error, self._alarm, self._kept = text, error.alarm, kept

    def refused(self, error: Permanent, points: int) -> None:
        """`points` went to the dead letters."""
        self._requests["refused"] += 1
        self._works_again()
        self._last_refusal = str(error)
        _log.warning(
            "a record goes to the dead letters",
            destination=self.destination,
            points=points,
            reason=str(error),
        )

    def waits(self, seconds: float, limit: float) -> None:
        """How long the oldest record has waited; past the limit that is worth a line, and so is the end.

        Not at once: what is old and on its way out, as a dead letter sent again, is no reason for alarm.
        """
        now = self.clock.monotonic()
        late = seconds > limit
        self._late_since = (now if self._late_since is None else self._late_since) if late else None
        overdue = self._late_since is not None and now - self._late_since >= _ON_ITS_WAY
        if overdue and not self._overdue:
            _log.error(
                "records wait too long",
                destination=self.destination,
                oldest_seconds=round(seconds),
                limit_seconds=round(limit),
                reason=self._last_error or "more come in than go out",
            )
        elif self._overdue and not overdue:
            _log.info("no record waits too long any more", destination=self.destination)
        self._overdue = overdue

    def state(self, circuit: str) -> DestinationState:
        return DestinationState(
            circuit=circuit,
            last_success_ns=self._last_success_ns,
            last_error=self._last_error,
            last_refusal=self._last_refusal,
            kept=self._kept,
            alarm=self._alarm or bool(self._last_refusal),
            overdue=self._overdue,
            requests=dict(self._requests),
            payload_bytes=self._payload_bytes,
            wire_bytes=self._wire_bytes,
        )

    def _works_again(self) -> None:
        if self._held_since is not None:
            seconds = round(self.clock.monotonic() - self._held_since, 1)
            _log.info("the destination works again", destination=self.destination, outage_seconds=seconds)
        self._held_since, self._last_error, self._alarm = None, "", False
