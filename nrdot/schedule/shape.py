"""The shape of a rule: its minutes of a week as one number, so that hundreds can be compared with each other.

Bit n is the n-th minute since Monday 00:00 UTC. Clocks that are set forward and back make two weeks of it,
one of now and one half a year later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from nrdot.schedule.clock import DAY, MINUTE
from nrdot.schedule.language import EVERY_DAY, LENGTHS, MINUTES
from nrdot.schedule.stretches import Hours, Strikes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, tzinfo

    from nrdot.schedule.language import Clause
    from nrdot.schedule.stretches import Stretches

WEEK = 7 * MINUTES
FULL = (1 << WEEK) - 1
HALF_YEAR = 182 * DAY


@dataclass(frozen=True, slots=True)
class Shape:
    """What a rule would claim of any week, dates and holidays aside."""

    weeks: tuple[int, int]
    dated: bool  # some weeks are not like the others
    zone: tzinfo
    clauses: tuple[Clause, ...] = ()  # none where it is a cron expression

    def meets(self, other: Shape) -> bool:
        """Whether the two want some moment of some week."""
        return self.touches(other.weeks) and (
            not (self.dated and other.dated) or _dates_meet(self.clauses, other.clauses)
        )

    def within(self, weeks: tuple[int, int]) -> bool:
        """Whether nothing is left of it outside these weeks."""
        return not any(mine & ~theirs for mine, theirs in zip(self.weeks, weeks, strict=True))

    def touches(self, weeks: tuple[int, int]) -> bool:
        """Whether it wants any minute of these weeks."""
        return any(mine & theirs for mine, theirs in zip(self.weeks, weeks, strict=True))

    def joined(self, weeks: tuple[int, int]) -> tuple[int, int]:
        """These weeks with its own."""
        return self.weeks[0] | weeks[0], self.weeks[1] | weeks[1]

    def inside(self, other: Shape) -> bool:
        """Whether the other holds whenever it does."""
        if not other.dated:
            return self.within(other.weeks)
        return (
            bool(self.clauses)
            and self.zone == other.zone
            and all(any(_inside(mine, theirs) for theirs in other.clauses) for mine in self.clauses)
        )


def shape(stretches: Stretches, now: float) -> Shape:
    if isinstance(stretches, Strikes):
        return _struck(stretches, now)
    if isinstance(stretches, Hours):
        clauses = stretches.schedule.clauses
        local = _union(
            _span(weekday, first, last)
            for clause in clauses
            for weekday in clause.weekdays
            for first, last in clause.minutes
        )
        return Shape(
            _weeks(stretches, local, now),
            any(clause.dated for clause in clauses),
            stretches.clock.zone,
            clauses,
        )
    raise TypeError(f"{stretches} has no shape")


def _struck(strikes: Strikes, now: float) -> Shape:
    cron, length = strikes.cron, -(-strikes.duration // MINUTE)
    local = _union(
        _span(weekday, at, at + min(length, WEEK))
        for weekday in (EVERY_DAY if cron.weekdays is None else cron.weekdays)
        for at in cron.minutes
    )
    return Shape(_weeks(strikes, local, now), not cron.weekly, strikes.clock.zone)


def _weeks(stretches: Hours | Strikes, local: int, now: float) -> tuple[int, int]:
    """A week of the clock as weeks of UTC."""
    clock = stretches.clock
    first, second = (clock.shown(moment) - moment for moment in (int(now), int(now) + HALF_YEAR))
    return _turned(local, first // MINUTE), _turned(local, second // MINUTE)


def _turned(week: int, by: int) -> int:
    by %= WEEK
    return ((week >> by) | (week << (WEEK - by))) & FULL


def _span(weekday: int, first: int, last: int) -> int:
    begin, length = weekday * MINUTES + first, min(max(last - first, 0), WEEK)
    bits = ((1 << length) - 1) << begin
    return (bits | bits >> WEEK) & FULL


def _union(parts: Iterable[int]) -> int:
    whole = 0
    for part in parts:
        whole |= part
    return whole


def _inside(mine: Clause, theirs: Clause) -> bool:
    return (
        mine.weekdays <= theirs.weekdays
        and not _minutes(mine) & ~_minutes(theirs)
        and (not theirs.dated or (mine.dated and _dates_inside(mine, theirs)))
    )


def _minutes(clause: Clause) -> int:
    return _union(((1 << max(last - first, 0)) - 1) << first for first, last in clause.minutes)


def _dates_inside(mine: Clause, theirs: Clause) -> bool:
    yearly = _yearly(theirs)
    return _yearly(mine) <= yearly and all(
        _days_of(first, last) <= yearly or any(begin <= first and last <= end for begin, end in theirs.spans)
        for first, last in mine.spans
    )


def _dates_meet(mine: Iterable[Clause], theirs: Iterable[Clause]) -> bool:
    """The dates of cron expressions are taken to meet any others."""
    pairs = [(one, other) for one in mine for other in theirs]
    return not pairs or any(_pair_meets(one, other) for one, other in pairs)


def _pair_meets(one: Clause, other: Clause) -> bool:
    if not (one.dated and other.dated):
        return True
    here, there = _yearly(one), _yearly(other)
    return (
        bool(here & there)
        or any(begin <= last and first <= end for first, last in one.spans for begin, end in other.spans)
        or any(_days_of(*span) & there for span in one.spans)
        or any(_days_of(*span) & here for span in other.spans)
    )


def _yearly(clause: Clause) -> frozenset[int]:
    """Dates of every year, as month * 100 + day."""
    return frozenset(
        day
        for first, last in clause.dates
        for day in ALL_DATES
        if (first <= day <= last if first <= last else day >= first or day <= last)
    )


def _days_of(first: date, last: date) -> frozenset[int]:
    days = (first + timedelta(number) for number in range(min((last - first).days + 1, 366)))
    return frozenset(day.month * 100 + day.day for day in days)


ALL_DATES = tuple(
    month * 100 + day for month, days in enumerate(LENGTHS, start=1) for day in range(1, days + 1)
)
