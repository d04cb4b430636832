"""Cron expressions with a duration: minute, hour, day of the month, month, weekday.

The expression is read by croniter. It strikes whenever the clock of its zone shows its time, so twice in the
hour that repeats; what would have struck in the missing hour strikes when that hour has been skipped. The
duration is time that goes by, whatever clocks show.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from nrdot.config.problem import MalformedError, shown
from nrdot.schedule.clock import DAY, MINUTE
from nrdot.schedule.language import EPOCH, LENGTHS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nrdot.schedule.clock import Window, ZoneClock

LONGEST_TEXT = 500  # characters
FIELDS = 5
HINT = "five fields, for example `0 9 * * 1-5`: minute, hour, day of the month, month, weekday"
MONTHS = 12
LAST = "l"  # croniter's word for the last day or the last weekday of a month


@dataclass(frozen=True)
class Cron:
    """When an expression strikes."""

    text: str
    minutes: tuple[int, ...]  # of a day, in order
    months: frozenset[int]
    days: frozenset[int] | None  # of a month; None is any
    last_day: bool
    weekdays: frozenset[int] | None  # 0 is Monday; None is any
    nth: frozenset[tuple[int, int | str]]  # weekday and which one of the month; LAST is the last

    def on(self, number: int) -> bool:
        """Whether it strikes on this day, counted from 1970-01-01."""
        day = date.fromordinal(number + EPOCH)
        if day.month not in self.months:
            return False
        if self.days is None and not self.last_day:
            return self._weekday(day)
        in_month = day.day in (self.days or ()) or (self.last_day and _is_last(day))
        # Where both are given, either is enough: so it has always been with cron.
        return in_month or (self._by_weekday and self._weekday(day))

    def strikes(self, clock: ZoneClock, start: int, end: int) -> Iterator[int]:
        """The moments from `start` until before `end`."""
        for moment, _ in self._runs(clock, start, end, None, self._single):
            yield moment

    def windows(
        self,
        clock: ZoneClock,
        start: int,
        end: int,
        duration: int,
        days: Callable[[int], bool] | None = None,
    ) -> Iterator[Window]:
        """What lasts `duration` from each strike, where that reaches between `start` and `end`.

        `days` may refuse days of the clock.
        """
        for first, last in self._runs(clock, start - duration, end, days, self._merged(duration)):
            yield first, last + duration

    def ever(self) -> bool:
        """Whether there is a day, in any year, on which it strikes."""
        if self.days is None or self.last_day or self._by_weekday:
            return True
        return any(day <= LENGTHS[month - 1] for month in self.months for day in self.days)

    @property
    def weekly(self) -> bool:
        """Whether one week is like the other."""
        return self.days is None and not (self.last_day or self.nth) and len(self.months) == MONTHS

    def _runs(
        self,
        clock: ZoneClock,
        start: int,
        end: int,
        days: Callable[[int], bool] | None,
        merged: tuple[tuple[int, int], ...],
    ) -> Iterator[Window]:
        """First and last strike of each run. On days that are cut, a strike is a run of its own."""
        before: tuple[int, int] | None = None
        for begin, until, offset in clock.pieces(start - 1, end):
            low, high = begin + offset, until + offset
            if before is not None and low > before[1]:
                skipped = range(before[1] // DAY, (low - 1) // DAY + 1)
                if any(before[1] <= at < low for at in self._shown(skipped, days)):
                    yield begin, begin
            before = offset, high
            for number in range(low // DAY, (high - 1) // DAY + 1):
                if not self._allowed(number, days):
                    continue
                midnight = number * DAY
                whole = low <= midnight and midnight + DAY <= high
                for first, last in merged if whole else self._single:
                    at = midnight + first * MINUTE
                    if max(low, start + offset) <= at < high:
                        yield at - offset, midnight + last * MINUTE - offset

    def _shown(self, numbers: range, days: Callable[[int], bool] | None) -> Iterator[int]:
        """What a clock would show at each strike of these days."""
        for number in numbers:
            if self._allowed(number, days):
                for minute in self.minutes:
                    yield number * DAY + minute * MINUTE

    def _allowed(self, number: int, days: Callable[[int], bool] | None) -> bool:
        return self.on(number) and (days is None or days(number))

    @cached_property
    def _single(self) -> tuple[tuple[int, int], ...]:
        return tuple((at, at) for at in self.minutes)

    def _merged(self, duration: int) -> tuple[tuple[int, int], ...]:
        """Strikes of one day that come before what the one before began has ended."""
        if duration not in self._merges:
            found: list[tuple[int, int]] = []
            for at in self.minutes:
                if found and (at - found[-1][1]) * MINUTE <= duration:
                    found[-1] = found[-1][0], at
                else:
                    found.append((at, at))
            self._merges[duration] = tuple(found)
        return self._merges[duration]

    @cached_property
    def _merges(self) -> dict[int, tuple[tuple[int, int], ...]]:
        return {}

    @property
    def _by_weekday(self) -> bool:
        return self.weekdays is not None or bool(self.nth)

    def _weekday(self, day: date) -> bool:
        weekday = day.weekday()
        if self.nth:
            which = (day.day + 6) // 7
            return (weekday, which) in self.nth or (
                (weekday, LAST) in self.nth and day.day + 7 > _length(day)
            )
        return self.weekdays is None or weekday in self.weekdays


@lru_cache(maxsize=4096)
def parse_cron(text: str) -> Cron:
    """Raises MalformedError."""
    from croniter import croniter  # a sixth of the agent's imports, and few configurations need it
    from croniter.croniter import CroniterError

    words = text.split()
    if len(text) > LONGEST_TEXT or (len(words) != FIELDS and not text.strip().startswith("@")):
        raise MalformedError(f"'{shown(text)}' is not a cron expression", HINT)
    parts = re.split(r"[\s,/-]+", text.lower())
    if any(part.startswith(("r", "h")) for part in parts) or (
        len(words) == FIELDS and "w" in words[2].lower()
    ):
        raise MalformedError(f"'{shown(text)}' does not say on which minute of which day", HINT)
    try:
        fields, nth = croniter.expand(text)
    except (CroniterError, ValueError, KeyError) as error:
        raise MalformedError(f"'{shown(text)}' is not a cron expression: {error}", HINT) from None
    minutes, hours, days, months, weekdays = fields
    if nth and "*" not in days:
        hint = "give each a rule of its own"
        raise MalformedError(f"'{shown(text)}' has both a day of the month and a certain weekday of it", hint)
    return Cron(
        text=text,
        minutes=tuple(
            sorted({hour * 60 + minute for hour in _all(hours, 24) for minute in _all(minutes, 60)})
        ),
        months=frozenset(_all(months, MONTHS + 1)) - {0},
        days=None if "*" in days else frozenset(int(day) for day in days if day != LAST),
        last_day=LAST in days,
        weekdays=None if "*" in weekdays else frozenset((int(day) - 1) % 7 for day in weekdays),
        nth=frozenset(((int(day) - 1) % 7, which) for day, each in nth.items() for which in each),
    )


def _all(values: Sequence[int | str], count: int) -> set[int]:
    return set(range(count)) if "*" in values else {int(value) for value in values}


def _length(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _is_last(day: date) -> bool:
    return day.day == _length(day)
