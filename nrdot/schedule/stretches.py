"""Stretches of time as configurations write them: a schedule, or a cron expression with a duration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol, TypeVar

from nrdot.config.problem import MalformedError
from nrdot.config.values.zones import zone
from nrdot.schedule.clock import ZoneClock
from nrdot.schedule.cron import parse_cron
from nrdot.schedule.language import EPOCH
from nrdot.schedule.words import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import tzinfo

    from nrdot.schedule.clock import Window
    from nrdot.schedule.cron import Cron
    from nrdot.schedule.language import Schedule


SHORTEST = 60  # seconds
LONGEST = 366 * 86_400  # seconds
Value = TypeVar("Value")


class Stretches(Protocol):
    """Windows that come again, or come once."""

    def windows(self, start: int, end: int) -> Iterator[Window]:
        """Those that reach between `start` and `end`, in any order; they may reach beyond and overlap."""


class Clocks:
    """One clock for each zone of a configuration."""

    def __init__(self, name: str) -> None:
        """`name` is the zone of whatever names none. Raises MalformedError."""
        self._clocks: dict[tzinfo, ZoneClock] = {}
        self.usual = self.named(name)

    def named(self, name: str | None) -> ZoneClock:
        return self.usual if name is None else self.of(zone(name))

    def of(self, where: tzinfo) -> ZoneClock:
        return self._clocks.setdefault(where, ZoneClock(where))


@dataclass(frozen=True, slots=True)
class Hours:
    """A schedule on the clock of its zone."""

    schedule: Schedule
    clock: ZoneClock
    days: Callable[[int], bool] | None = None

    def windows(self, start: int, end: int) -> Iterator[Window]:
        pieces = self.clock.pieces(start, end)
        if not pieces:
            return iter(())
        low = min(begin + offset for begin, _, offset in pieces)
        high = max(until + offset for _, until, offset in pieces)
        shown = self.schedule.shown(low, high, self.days)
        if len(pieces) == 1:  # the usual case, and the hot one
            offset = pieces[0][2]
            return ((max(a - offset, start), min(b - offset, end)) for a, b in shown if b > low)
        return self.clock.moments(shown, pieces)


@dataclass(frozen=True, slots=True)
class Strikes:
    """What begins with each strike of an expression."""

    cron: Cron
    duration: int  # seconds
    clock: ZoneClock
    days: Callable[[int], bool] | None = None

    def windows(self, start: int, end: int) -> Iterator[Window]:
        return self.cron.windows(self.clock, start, end, self.duration, self.days)


def stretches(
    clocks: Clocks,
    *,
    schedule: str | None,
    cron: str | None,
    duration: float | None,
    timezone: str | None,
    days: Callable[[int], bool] | None = None,
) -> Stretches:
    """Raises MalformedError whose `field` is the culprit."""
    clock = _field("timezone", lambda: clocks.named(timezone))
    if schedule is not None:
        said = _field("schedule", lambda: parse(schedule))
        return Hours(said, clocks.of(said.zone) if said.zone else clock, days)
    if duration is not None and not SHORTEST <= duration <= LONGEST:
        words = "longer than a year" if duration > LONGEST else "less than a minute"
        raise MalformedError(f"this lasts {words}", "write from 1m to 366d", field="duration")
    if cron is None or duration is None:
        raise MalformedError("neither a `schedule` nor a `cron` with its `duration`", "write one of them")
    return Strikes(_field("cron", lambda: parse_cron(cron)), round(duration), clock, days)


def _field(name: str, read: Callable[[], Value]) -> Value:
    try:
        return read()
    except MalformedError as error:
        raise MalformedError(error.message, error.hint, field=name) from None


def day_numbers(dates: Iterable[str]) -> frozenset[int]:
    """Dates, YYYY-MM-DD, as days since 1970-01-01. Raises MalformedError."""
    try:
        return frozenset(date.fromisoformat(one).toordinal() - EPOCH for one in dates)
    except ValueError as error:
        raise MalformedError(f"a holiday is not a date: {error}", "write YYYY-MM-DD") from None
