"""Moments as people write them: RFC 3339, what a clock shows, or the next time that it shows it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from nrdot.config.problem import MalformedError, shown
from nrdot.schedule.clock import DAY, MINUTE
from nrdot.schedule.language import EPOCH
from nrdot.schedule.words import parse

if TYPE_CHECKING:
    from nrdot.schedule.clock import ZoneClock
    from nrdot.schedule.language import Clause

YEARS = range(1970, 2200)  # of moments; what is beyond is a slip
_NEXT = re.compile(r"([A-Za-z]+) +([0-9]{1,2}:[0-9]{2})\Z")


def when(text: str, clock: ZoneClock, now: float) -> int:
    """Seconds since the Unix epoch of `2027-01-31T18:00:00Z`, `2027-01-31 18:00` or `Sat 12:00`.

    What names no zone is read from `clock`; a weekday is the next one from now on. Raises MalformedError.
    """
    words = text.strip()
    if words.lower() == "now":
        return int(now)
    found = _NEXT.match(words)
    if found is None:
        return moment(words, clock)
    clause = _weekly(text, f"{found[1]} {found[2]}-24:00")
    today = clock.shown(int(now)) // DAY
    for number in range(today, today + 15):
        if clause.on(number):
            at = clock.first(number * DAY + clause.minutes[0][0] * MINUTE)
            if at >= now:
                return at
    raise AssertionError("every weekday comes within two weeks")


def moment(text: str, clock: ZoneClock) -> int:
    """An RFC 3339 time, or what a clock shows, as seconds since the Unix epoch. Raises MalformedError.

    What a clock shows twice is the first of the two; what it skips is the moment at which it does.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        hint = "write 2027-01-31T18:00:00Z or 2027-01-31 18:00"
        raise MalformedError(f"'{shown(text)}' is not a time", hint) from None
    if time.year not in YEARS:
        hint = f"write a year from {YEARS[0]} to {YEARS[-1]}"
        raise MalformedError(f"'{shown(text)}' is too far away", hint)
    if time.tzinfo is not None:
        return round(time.timestamp())
    days = time.toordinal() - EPOCH
    return clock.first(days * 86_400 + time.hour * 3600 + time.minute * 60 + time.second)


def _weekly(text: str, schedule: str) -> Clause:
    try:
        (clause,) = parse(schedule).clauses
        if not clause.dated:
            return clause
    except MalformedError:
        pass  # what it should have been is the same for both
    hint = "write 2027-01-31T18:00:00Z, 2027-01-31 18:00 or Sat 12:00"
    raise MalformedError(f"'{shown(text)}' is not a time", hint)
