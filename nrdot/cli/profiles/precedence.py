"""Who decides at a moment, level by level: what `profile show --at` and `profile timeline --at` tell."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.config.settled.configuration import Configuration
    from nrdot.schedule.clock import ZoneClock
    from nrdot.schedule.holding import Holding
    from nrdot.schedule.timetable import Timetable
    from nrdot.simulate.moment import Moment


@dataclass(frozen=True, slots=True)
class Rung:
    """One level, the strongest first."""

    level: str
    says: str  # empty where it says nothing now
    decides: bool  # which profile the host has


def rungs(moment: Moment) -> Iterator[Rung]:
    from nrdot.schedule.holding import Level

    settings, default = moment.stated.settings, moment.table.default
    claims, decider = moment.table.claims(moment.at), moment.decider
    never = [name for name, rule in settings.process_classification.items() if rule.never_filtered]
    forced = [override.process for override in settings.overrides if override.force_collect]
    yield Rung("never filtered", f"classes {', '.join(never)}" if never else "", decides=False)
    yield Rung("force_collect", ", ".join(forced), decides=False)
    for level in (Level.EVENT, Level.SUN, Level.TIME):
        claim = claims.get(level)
        said = f"{claim.rule}: {claim.profile or 'no profile, but factors'}" if claim else ""
        yield Rung(level.replace("_", " "), said, decides=claim is not None and claim == decider)
    scopes = [f"scopes[{index}]: {scope.profile}" for index, scope in enumerate(settings.scopes)]
    aside = "" if moment.holding.scoped or not scopes else " (set aside now)"
    yield Rung("scope", ", ".join(scopes) + aside, decides=False)
    yield Rung(default.level, f"{default.rule}: {default.profile}", decides=decider is default)


def precedence(moment: Moment) -> dict[str, Any]:
    """For scripts."""
    return {
        "at": stamp(moment.at, moment.table.clock),
        "holding": document(moment.holding),
        "precedence": [
            {"level": rung.level, "says": rung.says, "decides": rung.decides} for rung in rungs(moment)
        ],
    }


def tell(moment: Moment, eyes: ZoneClock | None = None) -> None:
    """The rule that decides, and what each level says."""
    from nrdot.cli.output import console
    from nrdot.cli.output import table as grid

    there = stamp(moment.at, moment.table.clock)
    here = stamp(moment.at, eyes) if eyes else there
    beside = f" ({here} here)" if here[-6:] != there[-6:] else ""
    holding = moment.holding
    said = ", ".join([holding.profile, *factors(holding)])
    console().print(f"{there}{beside}: {said}, by {holding.rule}", markup=False)
    shown = grid("", "level", "says")
    for rung in rungs(moment):
        shown.add_row("►" if rung.decides else "", rung.level, rung.says or "-")
    console().print(shown)


def factors(holding: Holding) -> list[str]:
    """By what an event multiplies, for people."""
    scales = (("threshold", holding.threshold_scale), ("budget", holding.budget_scale))
    return [f"{name} x{scale:.3g}" for name, scale in scales if scale != 1.0]


def moment_of(
    configuration: Configuration, text: str, *, host: str = "", region: str | None = None
) -> Moment:
    """What holds at one moment, on a host of the file's region that no canary picked where none is named.

    Raises UsageError where the text is not a time.
    """
    from nrdot.clock import SystemClock
    from nrdot.simulate.moment import moment

    with _usage():
        return moment(configuration, text, SystemClock().wall_ns() / 1e9, host=host, region=region)


def time_of(text: str, table: Timetable) -> int:
    """Seconds since the Unix epoch, in the file's zone where the text names none. Raises UsageError."""
    from nrdot.clock import SystemClock
    from nrdot.schedule.when import when

    with _usage():
        return when(text, table.clock, SystemClock().wall_ns() / 1e9)


@contextmanager
def _usage() -> Iterator[None]:
    from nrdot.config.problem import MalformedError
    from nrdot.errors import UsageError

    try:
        yield
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
