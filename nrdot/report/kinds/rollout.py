"""A deployment plan: what an inventory makes of starting small, proving it, and going on region by region.

Development and test first; then, region after region from the least critical to the most, a fifth of the
production hosts as a canary and the rest when its gate is passed. Every gate can be checked with a command.
Only then a tighter profile, where nothing is critical.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nrdot.report.kinds.inventory import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.report.kinds.inventory import Group

CANARY = 0.2
_PRODUCTION = ("prod", "live")
_PROFILES = {"low": "aggressive", "medium": "balanced", "high": "conservative"}
_GATES = (
    "nrdot report --kind compliance: no requirement is missed",
    "nrdot.coverage.critical is 1 on every host",
    "nrdot.agent.cpu.time stays within agent.cpu_budget",
    "points delivered = points produced - what waits (nrdot buffer status)",
)


def plan(groups: Sequence[Group]) -> dict[str, Any]:
    trial = [group for group in groups if not _production(group)]
    production = [group for group in groups if _production(group)]
    phases = [_baseline(groups)]
    if trial:
        phases.append(_trial(trial))
    for region in sorted({group.region for group in production}, key=lambda name: _order(production, name)):
        phases += _region(region, [group for group in production if group.region == region])
    if any(group.criticality != "high" for group in groups):
        phases.append(_optimize(groups))
    _count_weeks(phases)
    return {
        "hosts": sum(group.hosts for group in groups),
        "regions": len({group.region for group in groups}),
        "weeks": phases[-1]["to_week"],
        "every_gate": list(_GATES),
        "phases": phases,
        "notes": [
            (
                "A gate that is not passed stops the plan there: roll back by putting the earlier "
                "configuration in place, agents take it within seconds."
            ),
            "Environments whose name begins with prod or live are production; all others go first.",
        ],
    }


def _production(group: Group) -> bool:
    return group.environment.lower().startswith(_PRODUCTION)


def _order(groups: Sequence[Group], region: str) -> tuple[int, int, str]:
    """The least critical region first, then the smallest: what is learned there costs least."""
    here = [group for group in groups if group.region == region]
    worst = max(LEVELS.index(group.criticality) for group in here)
    return worst, sum(group.hosts for group in here), region


def _baseline(groups: Sequence[Group]) -> dict[str, Any]:
    tags = _tags(groups)
    steps = ["mode: observe on a few hosts of each kind", "nrdot report --kind criticality: the heat map"]
    if tags:
        steps.append(f"write classes with `requirement` for {', '.join(tags)}; nrdot profile lint")
    sample = sum(min(group.hosts, max(1, math.ceil(group.hosts * 0.01))) for group in groups)
    gates = ["a week of ledger without gaps", "every requirement has a rule (nrdot report --kind compliance)"]
    return _phase("baseline, everywhere", 1, sample, profile="observe", steps=steps, gates=gates)


def _trial(groups: Sequence[Group]) -> dict[str, Any]:
    names = sorted({group.environment for group in groups})
    steps = [f"{', '.join(names)} in {', '.join(sorted({group.region for group in groups}))}"]
    steps.append("rehearse the rollback once")
    gates = [*_GATES, *_validations(groups)]
    return _phase("dev and test", 1, _hosts(groups), profile="conservative", steps=steps, gates=gates)


def _region(region: str, groups: Sequence[Group]) -> list[dict[str, Any]]:
    hosts = _hosts(groups)
    canary = min(hosts, sum(max(1, math.ceil(group.hosts * CANARY)) for group in groups))
    share = (
        f"{CANARY:.0%}" if len(groups) == 1 else f"{CANARY:.0%} of each of {len(groups)} groups, one at least"
    )
    gates = [*_GATES, *_validations(groups)]
    phases = [
        _phase(
            f"{region}: canary",
            1,
            canary,
            profile="conservative",
            steps=[f"{canary:,} of {hosts:,} production hosts ({share}), chosen by a hash of host.id"],
            gates=[*gates, "saving on the canary within the range that nrdot report gives"],
        )
    ]
    rest = hosts - canary
    if rest:
        steps = [
            "the rest of the region",
            "dashboards and alerts give the same answers (nrdot profile lint --dashboards)",
        ]
        phases.append(_phase(f"{region}: all", 1, rest, profile="conservative", steps=steps, gates=gates))
    return phases


def _optimize(groups: Sequence[Group]) -> dict[str, Any]:
    """Profiles by what hosts are worth; the critical ones stay as they are."""
    chosen = [group for group in groups if group.criticality != "high"]
    steps = [
        f"{_PROFILES[level]} on {_hosts(there):,} hosts of {level} criticality"
        for level in LEVELS
        if (there := [group for group in chosen if group.criticality == level])
    ]
    steps.append("nrdot simulate CAPTURE --profile balanced first, on a capture of each kind of host")
    gates = [*_GATES, "no incident of the weeks before would have been missed"]
    return _phase("tighter profiles", 2, _hosts(chosen), profile="by criticality", steps=steps, gates=gates)


def _phase(
    name: str, weeks: int, hosts: int, *, profile: str, steps: list[str], gates: list[str]
) -> dict[str, Any]:
    return {
        "name": name,
        "from_week": 0,
        "to_week": weeks,
        "hosts": hosts,
        "profile": profile,
        "steps": steps,
        "gates": gates,
    }


def _count_weeks(phases: list[dict[str, Any]]) -> None:
    week = 1
    for phase in phases:
        phase["from_week"], phase["to_week"] = week, week + phase["to_week"] - 1
        week = phase["to_week"] + 1


def _validations(groups: Sequence[Group]) -> list[str]:
    return [f"{tag} validated: nrdot report --kind compliance shows it met" for tag in _tags(groups)]


def _tags(groups: Sequence[Group]) -> list[str]:
    return sorted({tag for group in groups for tag in group.compliance})


def _hosts(groups: Sequence[Group]) -> int:
    return sum(group.hosts for group in groups)
