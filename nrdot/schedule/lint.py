"""What is legal about time and surely not meant: rules that never hold, that others hide, that are over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nrdot.schedule.clock import DAY
from nrdot.schedule.events import Planned, length_of, phases_of
from nrdot.schedule.overlap import check_overlaps
from nrdot.schedule.rules import Recurring
from nrdot.schedule.shape import shape
from nrdot.schedule.stretches import Hours, Strikes, day_numbers
from nrdot.schedule.timetable import timetable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nrdot.config.problem import Path
    from nrdot.config.reading.load import Report
    from nrdot.config.schema.settings import Settings
    from nrdot.config.schema.timing import Event, TimeRule
    from nrdot.config.settled.configuration import Configuration
    from nrdot.schedule.shape import Shape
    from nrdot.schedule.stretches import Stretches
    from nrdot.schedule.timetable import Timetable

PRIORITY_HINT = "write the one that should decide first, or give it a higher `priority`"


def check_schedules(configuration: Configuration, report: Report, now: float) -> None:
    """Errors where a schedule cannot be read, warnings where it is not what somebody meant."""
    settings = configuration.settings
    table = timetable(configuration, report=lambda path, error: report.error(path, error.message, error.hint))
    rules = [_Rule.of(one, settings, now) for one in table.rules if isinstance(one, Recurring)]
    holidays = day_numbers(settings.holidays)
    able = []
    for rule in rules:
        laid, stated = rule.laid.stretches, rule.stated
        if (
            stated.timezone
            and isinstance(laid, Hours)
            and laid.schedule.zone_name not in {"", stated.timezone}
        ):
            report.warn(
                (*rule.laid.claim.path, "timezone"),
                f"the schedule names a zone itself, and {laid.schedule.zone_name} counts",
                "leave one of them out",
            )
        unable = list(_never(laid, stated, holidays, now))
        for message, hint in unable:
            report.warn(rule.where, message, hint)
        if not unable:
            able.append(rule)
    _compare(able, report)
    _check_events(table, settings, report, now)
    check_overlaps(table, settings, report, now)
    _check_rest(settings, report, now)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A time rule that could be read."""

    laid: Recurring
    stated: TimeRule
    shape: Shape

    @classmethod
    def of(cls, laid: Recurring, settings: Settings, now: float) -> _Rule:
        stated = settings.time_based_rules[int(laid.claim.path[1])]
        return cls(laid, stated, shape(laid.stretches, now))

    @property
    def where(self) -> Path:
        return (*self.laid.claim.path, "schedule" if self.stated.schedule is not None else "cron")

    @property
    def name(self) -> str:
        return f"time_based_rules[{self.laid.claim.path[1]}]"

    @property
    def exception(self) -> bool:
        """For some days only: written first, it is an exception to what follows."""
        return self.shape.dated or self.stated.only_holidays

    def covers(self, other: _Rule) -> bool:
        """Whether this one, deciding first, leaves nothing to the other."""
        if self.stated.only_holidays and not other.stated.only_holidays:
            return False
        if self.stated.except_holidays and not other.stated.except_holidays:
            return False
        return other.shape.inside(self.shape)

    def clashes(self, other: _Rule) -> bool:
        """Whether both want the same moments with the same rank, and not the same for them."""
        mine, theirs = self.stated, other.stated
        apart = (mine.only_holidays and theirs.except_holidays) or (
            mine.except_holidays and theirs.only_holidays
        )
        return (
            self.stated.priority == other.stated.priority
            and self.stated.profile != other.stated.profile
            and not apart
            and not (self.exception and not other.exception)
            and self.shape.meets(other.shape)
        )


def _compare(rules: Sequence[_Rule], report: Report) -> None:
    together = everything = 0, 0  # weeks of those that always hold, and of all; most rules meet neither
    before: list[_Rule] = []  # those that decide some time
    for rule in sorted(rules, key=lambda rule: rule.laid.order):
        near = before if rule.shape.touches(everything) else []
        whole = near if rule.shape.within(everything) else []
        hiding = next((one for one in whole if one.covers(rule)), None)
        if hiding is not None or rule.shape.within(together):
            by = f"{hiding.name} holds" if hiding else "the rules before it hold"
            report.warn(rule.where, f"this rule never decides: {by} whenever it would", PRIORITY_HINT)
            continue
        clash = next((one for one in near if one.clashes(rule)), None)
        if clash is not None:
            report.warn(
                rule.where,
                f"it overlaps with {clash.name} of the same priority, which comes first and decides there",
                "let the two not overlap, or give one a higher `priority`",
            )
        before.append(rule)
        everything = rule.shape.joined(everything)
        if not (rule.exception or rule.stated.except_holidays):
            together = rule.shape.joined(together)


def _never(
    laid: Stretches, stated: TimeRule | None, holidays: frozenset[int], now: float
) -> Iterator[tuple[str, str]]:
    """Why a rule, or a part of it, can never hold."""
    if isinstance(laid, Strikes) and not laid.cron.ever():
        yield "this rule can never hold: no month has such a day", "write a day that exists"
    elif isinstance(laid, Hours):
        yield from _never_hours(laid, now)
    if stated is None:
        return
    if stated.only_holidays and stated.except_holidays:
        yield "this rule can never hold: on holidays only, and never on holidays", "leave one of the two out"
    elif stated.only_holidays and not _any_holiday(laid, holidays):
        yield "this rule can never hold: none of `holidays` is such a day", "list the days in `holidays`"
    elif stated.except_holidays and not holidays:
        yield "there are no `holidays` to except", "list them: holidays: [2027-01-01]"


def _never_hours(laid: Hours, now: float) -> Iterator[tuple[str, str]]:
    clauses = laid.schedule.clauses
    whole = "this rule" if len(clauses) == 1 else "a part of this rule"
    today = datetime.fromtimestamp(now, UTC).date()
    for clause in clauses:
        if all(last <= first for first, last in clause.minutes):
            yield f"{whole} can never hold: its hours end as they begin", "write 00:00-24:00 for a whole day"
        elif not clause.ever:
            yield f"{whole} can never hold: no year has such a date", "write a date that exists"
        elif clause.spans and not clause.dates and all((today - last).days > 1 for _, last in clause.spans):
            yield f"{whole} is over: its dates are past", "remove it"


def _any_holiday(laid: Stretches, holidays: frozenset[int]) -> bool:
    if isinstance(laid, Strikes):
        return any(laid.cron.on(day) for day in holidays)
    return isinstance(laid, Hours) and any(
        clause.on(day) for clause in laid.schedule.clauses for day in holidays
    )


def _check_events(table: Timetable, settings: Settings, report: Report, now: float) -> None:
    stated = list(settings.event_handling.events.items())
    for one in table.events:
        if isinstance(one, Recurring):
            for message, hint in _never(one.stretches, None, frozenset(), now):
                report.warn(one.claim.path, message.replace("this rule", "this season"), hint)
        if not isinstance(one, Planned):
            continue
        name, event = stated[one.place]
        path: Path = ("event_handling", name)
        if event.start is None and event.cron is None:
            continue  # said already: it never begins
        if one.end is not None and one.end <= now:
            report.warn((*path, "start"), "this event is over", "give it a new `start`, or remove it")
        elif not one.states:
            report.warn(path, "this event changes nothing", "give it a `profile` and a `duration`, or phases")
        for message, key, index in _late(event):
            report.warn((*path, "preparation", index, key), message, "give the event a longer `duration`")


def _late(event: Event) -> Iterator[tuple[str, str, int]]:
    """Phases at or behind the end of their event."""
    end = length_of(event)
    late = {key for at, key, phase in phases_of(event) if at >= end and phase.gradual is None}
    for index, table in enumerate(event.preparation):
        for key, phase in table.items():
            says = phase.profile or phase.threshold_scale or phase.budget_scale
            if says and key.replace(" ", "") in late:
                yield "the event ends with this phase, so what it says never holds", key, index


def _check_rest(settings: Settings, report: Report, now: float) -> None:
    handling = settings.active_region_handling
    if settings.region is None and (handling.profile or handling.overrides):
        message = "a host without a region is never in an active one"
        report.warn(("active_region_handling",), message, "set `region`")
    if settings.canary is not None and settings.canary.percent == 0:
        report.warn(("canary", "percent"), "0 percent picks no host", "write a share, or remove `canary`")
    days = day_numbers(settings.holidays)
    if days and max(days) * DAY + 2 * DAY < now:
        report.warn(("holidays",), "every holiday is in the past", "add those to come")
