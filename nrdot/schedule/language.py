"""The language of schedules: which days, which dates, which hours.

    Mon-Fri 09:00-18:00 America/New_York      hours of certain days
    Sat-Sun                                   whole days
    Mon, Wed 22:00-06:00                      over midnight: of the day on which it begins
    Fri 18:00-Mon 08:00                       one stretch across days
    Mon-Fri 09:00-12:00, 13:00-18:00, Sat 10:00-14:00
    Dec 24-26; Dec 31-Jan 1; Jun-Aug          dates of every year
    2027-01-04..2027-01-08 08:00-20:00        dates of one year
    Jun-Aug Mon-Fri 09:00-17:00               days within dates

A space narrows, a comma goes on with the list, a semicolon begins anew. The zone stands last or first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from nrdot.schedule.clock import DAY, MINUTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo

    from nrdot.schedule.clock import Window

MINUTES = 24 * 60  # of a day
WHOLE_DAY = ((0, MINUTES),)
EVERY_DAY = frozenset(range(7))
LONGEST = 8  # days that one stretch may reach
LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # of the months, at most
EPOCH = date(1970, 1, 1).toordinal()

Days = tuple[int, int]  # the first and the last, as month * 100 + day


@dataclass(frozen=True, slots=True)
class Clause:
    """Days on which something begins, and the minutes of it, counted from midnight of that day."""

    weekdays: frozenset[int] = EVERY_DAY  # 0 is Monday
    dates: tuple[Days, ...] = ()  # of every year; with `spans` empty too: every date
    spans: tuple[tuple[date, date], ...] = ()  # of one year
    minutes: tuple[tuple[int, int], ...] = WHOLE_DAY

    @property
    def dated(self) -> bool:
        return bool(self.dates or self.spans)

    @property
    def ever(self) -> bool:
        """Whether there is a day, in any year, on which this says anything."""
        if all(last <= first for first, last in self.minutes):
            return False
        return not self.dated or bool(self.spans) or any(_exists(*days) for days in self.dates)

    def on(self, number: int) -> bool:
        """Whether something begins on this day, counted from 1970-01-01."""
        if (number + 3) % 7 not in self.weekdays:
            return False
        return not self.dated or self.within(date.fromordinal(number + EPOCH))

    def within(self, day: date) -> bool:
        """Whether the dates allow this day, whatever weekday it is."""
        here = day.month * 100 + day.day
        return any(
            first <= here <= last if first <= last else here >= first or here <= last
            for first, last in self.dates
        ) or any(first <= day <= last for first, last in self.spans)


@dataclass(frozen=True)
class Schedule:
    """What a text says. `zone` is None where it names none."""

    text: str
    clauses: tuple[Clause, ...]
    zone: tzinfo | None = None
    zone_name: str = ""

    def shown(self, start: int, end: int, days: Callable[[int], bool] | None = None) -> Iterator[Window]:
        """The stretches that the clock shows between `start` and `end`, in whole; `days` may refuse days."""
        for number in range(start // DAY - self._reach, (end - 1) // DAY + 1):
            if days is not None and not days(number):
                continue
            midnight = number * DAY
            for clause in self.clauses:
                if clause.on(number):
                    for first, last in clause.minutes:
                        if last > first:
                            yield midnight + first * MINUTE, midnight + last * MINUTE

    @cached_property
    def _reach(self) -> int:
        """Days before the first one of which something may still go on."""
        latest = max((last for clause in self.clauses for _, last in clause.minutes), default=0)
        return max(0, (latest - 1) // MINUTES)


def _exists(first: int, last: int) -> bool:
    """Whether some year has a date of this stretch; `Feb 30` and its like are in none."""
    month, day = divmod(first, 100)
    return first > last or last // 100 > month or day <= LENGTHS[month - 1]
