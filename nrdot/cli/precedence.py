"""Who decides at a moment, level by level: what `profile show --at` and `profile timeline --at` tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.config.configuration import Configuration
    from nrdot.decide.schedule_holding import Holding
    from nrdot.decide.schedule_timetable import Timetable


@dataclass(frozen=True, slots=True)
class Rung:
    """One level, the strongest first."""

    level: str
    says: str  # empty where it says nothing now
    decides: bool  # which profile the host has


def rungs(configuration: Configuration, table: Timetable, at: float) -> Iterator[Rung]:
    from nrdot.decide.schedule_holding import Level

    settings = configuration.settings
    claims, holding = table.claims(at), table.holds(at)
    never = [name for name, rule in settings.process_classification.items() if rule.never_filtered]
    forced = [override.process for override in settings.overrides if override.force_collect]
    yield Rung("never filtered", f"classes {', '.join(never)}" if never else "", decides=False)
    yield Rung("force_collect", ", ".join(forced), decides=False)
    decider = holding.level
    if decider is Level.EVENT and claims[decider].profile is None:
        # It scales thresholds and budgets; the profile comes from below.
        decider = next(level for level in (Level.SUN, Level.TIME, table.default.level) if level in claims)
    for level in (Level.EVENT, Level.SUN, Level.TIME):
        claim = claims.get(level)
        said = f"{claim.rule}: {claim.profile or 'no profile, but factors'}" if claim else ""
        yield Rung(level.replace("_", " "), said, decides=decider is level)
    scopes = [f"scopes[{index}]: {scope.profile}" for index, scope in enumerate(settings.scopes)]
    aside = "" if holding.scoped or not scopes else " (set aside now)"
    yield Rung("scope", ", ".join(scopes) + aside, decides=False)
    default = table.default
    yield Rung(default.level, f"{default.rule}: {default.profile}", decides=decider is default.level)


def document(holding: Holding) -> dict[str, Any]:
    """A holding for scripts."""
    return {
        "profile": holding.profile,
        "rule": holding.rule,
        "level": str(holding.level),
        "threshold_scale": holding.threshold_scale,
        "budget_scale": holding.budget_scale,
        "scopes": holding.scoped,
        "region_active": holding.region_active,
        "reason": holding.reason,
    }
