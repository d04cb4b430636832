"""What the agent knows about itself: written by the daemon's thread, read by anybody.

Each field is replaced as a whole, so a reader on another thread sees one value or the next, never half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.agent.delivery.drains import Destination
    from nrdot.clock import Clock

# A tick may be late by this many intervals before the agent is called stuck.
PATIENCE = 3
# Seconds. Below this a slow machine would be called stuck.
SHORTEST_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The table at the last tick, in numbers; who is critical, as of the last whole export."""

    verdicts: tuple[tuple[str, int], ...] = ()
    limited: int = 0
    critical: int = 0  # never-filtered processes
    covered: int = 0  # of them with their own series

    @property
    def coverage(self) -> float:
        return self.covered / self.critical if self.critical else 1.0


class Status:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ticks = {"run": 0, "late": 0, "shed": 0}
        self.reloads = {"applied": 0, "unchanged": 0, "refused": 0}
        self.seen = Seen()
        self.vanished = 0
        self.short = 0  # times that sampling found no descriptor left
        self.unoptimized = 0  # points that every process alone would have been
        self.host_baseline: float | None = None  # CPU seconds of the host before our first sample
        self.host_busy = 0.0  # CPU seconds since then: of the host on processes, by its own account
        self.host_accounted = 0.0  # and of all processes that the table has seen
        self.tick_cpu = 0.0  # seconds
        self.interval = 0.0  # seconds between two ticks, shedding included
        self.alive = clock.monotonic()  # when the daemon's loop last turned
        self.stopping = False
        self.revision = ""
        self.profile: Mapping[str, Any] = {}  # name, rule, level, and factors that are not 1
        self.pushed = 0  # revision of the pushed document in effect; 0 where there is none
        self.origin = ""  # what holds instead of the file: a rollback, the last good one
        self.audit: Mapping[str, Any] = {}  # how far the trail goes, and its copies
        self.config_error = ""  # why the last reload was refused; empty when the newest configuration runs
        self.cadence = ""  # how the cadence was changed for the budget; empty at full cadence
        self.destinations: Sequence[Destination] = ()

    def unhealthy(self) -> str:
        """Why a supervisor should restart the agent, or nothing."""
        silent = self._clock.monotonic() - self.alive
        allowed = max(SHORTEST_PATIENCE, PATIENCE * self.interval)
        return f"no tick for {silent:.0f} s" if silent > allowed else ""

    def unready(self) -> list[str]:
        """Why the agent does not do its work now."""
        reasons = [self.unhealthy()] if self.unhealthy() else []
        if not self.ticks["run"]:
            reasons.append("the first sample is not taken yet")
        if self.stopping:
            reasons.append("stopping")
        return reasons

    def document(self) -> dict[str, Any]:
        """The body of /readyz. A refused configuration or a dead endpoint is shown, but the work goes on."""
        reasons = self.unready()
        return {
            "ready": not reasons,
            "reasons": reasons,
            "config": {
                "revision": self.revision,
                "valid": not self.config_error,
                **({"holds": self.origin} if self.origin else {}),
                **({"error": self.config_error} if self.config_error else {}),
            },
            **({"profile": dict(self.profile)} if self.profile else {}),
            **({"audit": dict(self.audit)} if self.audit else {}),
            "interval": self.interval,
            **({"cadence": self.cadence} if self.cadence else {}),
            "ticks": dict(self.ticks),
            "destinations": [
                destination.document(self._clock.wall_ns()) for destination in self.destinations
            ],
        }
