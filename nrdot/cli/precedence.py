"""Who decides at a moment, level by level: what `profile show --at` and `profile timeline --at` tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.config.configuration import Configuration
    from nrdot.decide.schedule_clock import ZoneClock
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


@dataclass(frozen=True, slots=True)
class Moment:
    """What holds at one moment, on a host of the file's region that no canary picked."""

    stated: Configuration
    table: Timetable
    at: int

    @property
    def holding(self) -> Holding:
        return self.table.holds(self.at)

    @property
    def configuration(self) -> Configuration:
        """As it holds then."""
        from nrdot.agent.timetable import effective

        return effective(self.stated, self.holding)

    def document(self) -> dict[str, Any]:
        levels = [
            {"level": rung.level, "says": rung.says, "decides": rung.decides}
            for rung in rungs(self.stated, self.table, self.at)
        ]
        return {
            "at": stamp(self.at, self.table.clock),
            "holding": document(self.holding),
            "precedence": levels,
        }

    def tell(self, eyes: ZoneClock | None = None) -> None:
        """The rule that decides, and what each level says."""
        from nrdot.cli.output import console
        from nrdot.cli.output import table as grid

        there = stamp(self.at, self.table.clock)
        here = stamp(self.at, eyes) if eyes else there
        beside = f" ({here} here)" if here[-6:] != there[-6:] else ""
        holding = self.holding
        scales = (("threshold", holding.threshold_scale), ("budget", holding.budget_scale))
        factors = "".join(f", {name} x{scale:.3g}" for name, scale in scales if scale != 1.0)
        console().print(f"{there}{beside}: {holding.profile}{factors}, by {holding.rule}", markup=False)
        shown = grid("", "level", "says")
        for rung in rungs(self.stated, self.table, self.at):
            shown.add_row("►" if rung.decides else "", rung.level, rung.says or "-")
        console().print(shown)


def moment(configuration: Configuration, text: str) -> Moment:
    """Raises UsageError where the text is not a time."""
    from nrdot.decide.schedule_timetable import timetable

    table = timetable(configuration)
    return Moment(configuration, table, time_of(text, table))


def time_of(text: str, table: Timetable) -> int:
    """Seconds since the Unix epoch, in the file's zone where the text names none. Raises UsageError."""
    from nrdot.clock import SystemClock
    from nrdot.config.problem import MalformedError
    from nrdot.decide.schedule_when import when
    from nrdot.errors import UsageError

    try:
        return when(text, table.clock, SystemClock().wall_ns() / 1e9)
    except MalformedError as error:
        raise UsageError(f"{error}; {error.hint}") from None


def stamp(at: float, clock: ZoneClock) -> str:
    """RFC 3339 in a zone."""
    return datetime.fromtimestamp(at, UTC).astimezone(clock.zone).isoformat()


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
