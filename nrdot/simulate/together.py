"""Outcomes of several captures under one profile, added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.simulate.outcome import Outcome


def together(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """One document: counts are sums, the share of CPU is of all CPU."""
    used = sum(one.cpu_used for one in outcomes)
    return {
        "points": sum(one.points for one in outcomes),
        "points_unoptimized": sum(one.points_unoptimized for one in outcomes),
        "points_same_interval": sum(one.points_same_interval for one in outcomes),
        "series": sum(one.series for one in outcomes),
        "bytes": sum(one.bytes for one in outcomes),
        "critical": {
            "seen": sum(one.critical_seen for one in outcomes),
            "exported": sum(one.critical_exported for one in outcomes),
        },
        "cpu_covered": round(sum(one.cpu_kept for one in outcomes) / used, 4) if used else 1.0,
        "seconds": round(sum(one.seconds for one in outcomes), 3),
        "exports": sum(one.exports for one in outcomes),
    }
