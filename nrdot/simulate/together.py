"""Outcomes of several captures under one profile, added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nrdot.simulate.money import Hourly, margins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.score.business import UnmatchedOverride
    from nrdot.simulate.money import Priced
    from nrdot.simulate.outcome import Outcome


def together(outcomes: Sequence[Outcome], meters: Sequence[Priced] = ()) -> dict[str, Any]:
    """One document: counts are sums, the share of CPU is of all CPU. Without meters the shipped ones hold."""
    meters = meters or margins()
    used = sum(one.cpu_used for one in outcomes)
    return {
        "points": sum(one.points for one in outcomes),
        "points_unoptimized": sum(one.points_unoptimized for one in outcomes),
        "points_same_interval": sum(one.points_same_interval for one in outcomes),
        "series": sum(one.series for one in outcomes),
        "series_hourly": round(sum(one.series_hourly[1] for one in outcomes), 1),
        "series_hourly_unoptimized": round(sum(one.series_hourly[0] for one in outcomes), 1),
        "bytes": sum(one.bytes for one in outcomes),
        "bytes_unoptimized": sum(one.bytes_unoptimized for one in outcomes),
        "critical": {
            "seen": sum(one.critical_seen for one in outcomes),
            "exported": sum(one.critical_exported for one in outcomes),
        },
        "cpu_covered": round(sum(one.cpu_kept for one in outcomes) / used, 4) if used else 1.0,
        "seconds": round(sum(one.seconds for one in outcomes), 3),
        "exports": sum(one.exports for one in outcomes),
        "processes": round(sum(one.processes_seen / max(one.exports, 1) for one in outcomes), 1),
        "incidents": {
            "present": sum(one.incidents for one in outcomes),
            "seen": sum(one.incidents_seen for one in outcomes),
        },
        "hosts": len(outcomes),
        "cost": cost(outcomes, meters),
        "savings": savings(outcomes, meters),
    }


def cost(outcomes: Sequence[Outcome], meters: Sequence[Priced]) -> dict[str, float]:
    """Money a month by meter, of what would be sent."""
    rates = [sent(one) for one in outcomes]
    return {meter.key: round(sum(map(meter.monthly, rates)), 2) for meter in meters}


def savings(outcomes: Sequence[Outcome], meters: Sequence[Priced]) -> dict[str, float]:
    """Money a month by meter, of the hosts together: each as if its capture went on for a month."""
    rates = [(unoptimized(one), sent(one)) for one in outcomes]
    return {
        meter.key: round(sum(meter.monthly(before) - meter.monthly(after) for before, after in rates), 2)
        for meter in meters
    }


def unoptimized(one: Outcome) -> Hourly:
    return Hourly.over(one.seconds, one.points_unoptimized, one.bytes_unoptimized, one.series_hourly[0])


def sent(one: Outcome) -> Hourly:
    return Hourly.over(one.seconds, one.points, one.bytes, one.series_hourly[1])


def unmatched(outcomes: Sequence[Outcome]) -> list[UnmatchedOverride]:
    """The overrides that no process of any capture answered to."""
    first, *others = outcomes
    missing = [{one.override for one in outcome.unmatched} for outcome in others]
    return [one for one in first.unmatched if all(one.override in overrides for overrides in missing)]
