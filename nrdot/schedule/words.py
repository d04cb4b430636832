"""Reading the language of schedules. What it cannot read is refused with what to write instead."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from nrdot.config.problem import MalformedError, did_you_mean, shown
from nrdot.config.values.phrases import LAST_MINUTE
from nrdot.config.values.zones import ABBREVIATIONS, zone
from nrdot.schedule.language import EVERY_DAY, MINUTES, WHOLE_DAY, Clause, Schedule

if TYPE_CHECKING:
    from datetime import tzinfo

    from nrdot.schedule.language import Days

LONGEST_TEXT = 1000  # characters
HINT = "for example `Mon-Fri 09:00-18:00`, `Sat-Sun` or `Dec 24-26`"

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_LONGEST_MONTH = 31
_SETS = {
    "weekdays": frozenset(range(5)),
    "weekday": frozenset(range(5)),
    "weekends": frozenset((5, 6)),
    "weekend": frozenset((5, 6)),
    "daily": EVERY_DAY,
    "everyday": EVERY_DAY,
    "always": EVERY_DAY,
}


def _alternatives(names: tuple[str, ...], *more: str) -> str:
    short = [*names, *more, *(name[:3] for name in names)]
    return "|".join(sorted(dict.fromkeys(short), key=len, reverse=True))


_DAY = rf"(?:{_alternatives(_WEEKDAYS, 'tues', 'thur', 'thurs')})\b\.?"
_MONTH = rf"(?:{_alternatives(_MONTHS, 'sept')})\b\.?"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(?![0-9:])"
_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_NUMBER = r"[0-9]{1,2}(?![0-9:])"
# The longer forms come first: each is tried at every place of the text.
_ITEM = re.compile(
    "|".join(
        (
            rf"(?P<stretch>(?P<s1>{_DAY}) (?P<s2>{_CLOCK})-(?P<s3>{_DAY}) (?P<s4>{_CLOCK}))",
            rf"(?P<hours>(?P<h1>{_CLOCK})-(?P<h2>{_CLOCK}))",
            rf"(?P<span>(?P<i1>{_ISO})(?:\.\.|-)(?P<i2>{_ISO}))",
            rf"(?P<iso>{_ISO})",
            rf"(?P<days>(?P<d1>{_DAY})-(?P<d2>{_DAY}))",
            rf"(?P<day>{_DAY})",
            rf"(?P<dates>(?P<m1>{_MONTH}) (?P<m2>{_NUMBER})-(?P<m3>{_MONTH}) (?P<m4>{_NUMBER}))",
            rf"(?P<within>(?P<w1>{_MONTH}) (?P<w2>{_NUMBER})-(?P<w3>{_NUMBER}))",
            rf"(?P<date>(?P<t1>{_MONTH}) (?P<t2>{_NUMBER}))",
            rf"(?P<months>(?P<o1>{_MONTH})-(?P<o2>{_MONTH}))",
            rf"(?P<month>{_MONTH})",
            rf"(?P<also>(?P<a1>{_NUMBER})(?:-(?P<a2>{_NUMBER}))?)",
            rf"(?P<set>{'|'.join(_SETS)})\b",
            r"(?P<comma>,)",
            r"(?P<anew>;)",
            r"(?P<space> )",
        )
    ),
    re.IGNORECASE,
)
_PUNCTUATION = (
    (re.compile("[\u2010-\u2015]"), "-"),
    (re.compile(r"\s+"), " "),
    (re.compile(r" ?(?:-|\bto\b|\buntil\b)(?= ?[0-9A-Za-z]) ?", re.IGNORECASE), "-"),
    (re.compile(r" ?\.\. ?"), ".."),
    (re.compile(r"\bevery day\b", re.IGNORECASE), "daily"),
    (re.compile(r" ?(?:,|\band\b) ?", re.IGNORECASE), ","),
    (re.compile(r" ?; ?"), ";"),
)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]*\Z")
_KNOWN = frozenset((*_WEEKDAYS, *_MONTHS, *_SETS, "tues", "thur", "thurs", "sept", "every", "and", "to"))


@lru_cache(maxsize=4096)  # a file is linted before it is used, and most reloads change little
def parse(text: str) -> Schedule:
    """What a schedule says. Raises MalformedError."""
    if len(text) > LONGEST_TEXT:
        raise MalformedError(f"a schedule of more than {LONGEST_TEXT} characters", "use several rules")
    words, zone_name, where = _without_zone(text.strip())
    for pattern, plain in _PUNCTUATION:
        words = pattern.sub(plain, words)
    if not words:
        raise MalformedError("this schedule names neither days nor hours", HINT)
    reader = _Reader(text)
    at = 0
    while at < len(words):
        found = _ITEM.match(words, at)
        if found is None:
            raise _unread(text, words[at:])
        reader.take(found)
        at = found.end()
    return Schedule(text, reader.done(), where, zone_name)


def _without_zone(text: str) -> tuple[str, str, tzinfo | None]:
    """The text without the zone at one of its ends."""
    first, _, behind = text.partition(" ")
    before, _, last = text.rpartition(" ")
    for word, rest in ((last, before), (first, behind)):
        if _WORD.match(word) and not _calendar(word):
            return rest.strip(" ,"), word, _zone(word)
    return text, "", None


def _calendar(word: str) -> bool:
    begin = re.split(r"[^A-Za-z]", word.lower())[0]
    return begin in _KNOWN or any(begin == name[:3] for name in (*_WEEKDAYS, *_MONTHS))


def _zone(word: str) -> tzinfo:
    try:
        return zone(word)
    except MalformedError:
        if "/" in word or word.upper() in ABBREVIATIONS:
            raise
        message = f"'{shown(word)}' is neither a day, a month nor a time zone"
        raise MalformedError(message, did_you_mean(word.lower(), _KNOWN) or HINT) from None


def _unread(text: str, rest: str, hint: str = "") -> MalformedError:
    where = f" at '{shown(rest)}'" if rest.strip() != text.strip() else ""
    if not hint:
        hint = "write a range, for example 22:30-23:30" if re.match(_CLOCK, rest) else HINT
    return MalformedError(f"'{shown(text)}' is not a schedule{where}", hint)


@dataclass(slots=True)
class _Draft:
    """A clause while it is read."""

    weekdays: set[int] = field(default_factory=set)
    dates: list[Days] = field(default_factory=list)
    spans: list[tuple[date, date]] = field(default_factory=list)
    minutes: list[tuple[int, int]] = field(default_factory=list)
    month: int = 0  # of the date that was read last, for `Dec 24, 26`

    def clause(self) -> Clause:
        return Clause(
            weekdays=frozenset(self.weekdays) or EVERY_DAY,
            dates=tuple(self.dates),
            spans=tuple(self.spans),
            minutes=tuple(self.minutes) or WHOLE_DAY,
        )


class _Reader:
    """Puts the items of a text together."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._done: list[Clause] = []
        self._draft = _Draft()
        self._kinds: list[str] = []  # of the items of this clause: day, date, hours or stretch
        self._comma = False
        self._read = {
            "stretch": self._stretch,
            "hours": self._hours,
            "span": self._span,
            "iso": self._iso,
            "days": self._days,
            "day": self._day,
            "set": self._set,
            "dates": self._dates,
            "within": self._within,
            "date": self._date,
            "months": self._months,
            "month": self._month,
            "also": self._also,
        }

    def take(self, found: re.Match[str]) -> None:
        name = str(found.lastgroup)
        if name == "comma":
            self._comma = True
        elif name == "anew":
            self._close()
        elif name != "space":
            self._read[name](found)
            self._comma = False

    def done(self) -> tuple[Clause, ...]:
        self._close()
        if not self._done:
            raise MalformedError("this schedule names neither days nor hours", HINT)
        return tuple(self._done)

    def _close(self) -> None:
        if self._kinds:
            self._done.append(self._draft.clause())
        self._draft, self._kinds, self._comma = _Draft(), [], False

    def _next(self, kind: str) -> _Draft:
        """The clause that an item of this kind belongs to."""
        last = self._kinds[-1] if self._kinds else ""
        finished = last in {"hours", "stretch"}
        if self._comma and finished and kind != "hours":
            self._close()
        elif self._comma and last == kind:
            pass
        elif (self._comma and last and kind != "hours") or last == "stretch":
            raise self._unclear("a comma goes on with a list of one kind", "put a semicolon between the two")
        elif kind in self._kinds or (kind == "stretch" and {"day", "hours"} & set(self._kinds)):
            raise self._unclear("something is missing between two parts", "put a comma between the two")
        self._kinds.append(kind)
        return self._draft

    def _unclear(self, message: str, hint: str) -> MalformedError:
        return MalformedError(f"'{shown(self._text)}' is not clear: {message}", hint)

    def _stretch(self, found: re.Match[str]) -> None:
        begin, end = _weekday(found["s1"]), _weekday(found["s3"])
        first, last = self._clock(found["s2"]), self._clock(found["s4"])
        days = (end - begin) % 7
        if not days and last <= first:
            days = 7
        draft = self._next("stretch")
        draft.weekdays = {begin}
        draft.minutes = [(first, days * MINUTES + last)]

    def _hours(self, found: re.Match[str]) -> None:
        first, last = self._clock(found["h1"]), self._clock(found["h2"])
        if first == MINUTES:
            raise self._unclear("no day begins at 24:00", "write 00:00")
        self._next("hours").minutes.append((first, last + MINUTES if last < first else last))

    def _days(self, found: re.Match[str]) -> None:
        first, last = _weekday(found["d1"]), _weekday(found["d2"])
        self._next("day").weekdays |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}

    def _day(self, found: re.Match[str]) -> None:
        self._next("day").weekdays.add(_weekday(found["day"]))

    def _set(self, found: re.Match[str]) -> None:
        self._next("day").weekdays |= _SETS[found["set"].lower()]

    def _span(self, found: re.Match[str]) -> None:
        first, last = self._iso_date(found["i1"]), self._iso_date(found["i2"])
        if last < first:
            raise self._unclear(f"{last} is before {first}", "write the earlier date first")
        self._next("date").spans.append((first, last))

    def _iso(self, found: re.Match[str]) -> None:
        day = self._iso_date(found["iso"])
        self._next("date").spans.append((day, day))

    def _dates(self, found: re.Match[str]) -> None:
        self._add_dates(_month(found["m1"]), found["m2"], _month(found["m3"]), found["m4"])

    def _within(self, found: re.Match[str]) -> None:
        month = _month(found["w1"])
        self._add_dates(month, found["w2"], month, found["w3"])

    def _date(self, found: re.Match[str]) -> None:
        month = _month(found["t1"])
        self._add_dates(month, found["t2"], month, found["t2"])

    def _months(self, found: re.Match[str]) -> None:
        self._add_dates(_month(found["o1"]), "1", _month(found["o2"]), str(_LONGEST_MONTH))

    def _month(self, found: re.Match[str]) -> None:
        month = _month(found["month"])
        self._add_dates(month, "1", month, str(_LONGEST_MONTH))

    def _also(self, found: re.Match[str]) -> None:
        month = self._draft.month
        if not (month and self._comma and self._kinds[-1] == "date"):
            english = re.match(r"\s*[ap]\.?m\b", self._text[found.end() :], re.IGNORECASE)
            raise _unread(
                self._text,
                found[0],
                "hours are those of a clock of 24, for example 09:00-17:00"
                if english
                else "write days of a month behind its name, for example Dec 24-26",
            )
        self._add_dates(month, found["a1"], month, found["a2"] or found["a1"])

    def _add_dates(self, month: int, day: str, last_month: int, last_day: str) -> None:
        first, last = self._number(month, day), self._number(last_month, last_day)
        if last_month == month and last < first:
            raise self._unclear(f"{last_day} comes before {day}", "write the earlier day first")
        draft = self._next("date")
        draft.dates.append((first, last))
        draft.month = last_month

    def _number(self, month: int, day: str) -> int:
        if not 1 <= int(day) <= _LONGEST_MONTH:
            raise self._unclear(f"no month has a day {day}", HINT)
        return month * 100 + int(day)

    def _iso_date(self, text: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise self._unclear(f"there is no {text}", "write YYYY-MM-DD") from None

    def _clock(self, text: str) -> int:
        """Minutes since midnight."""
        hour, _, minute = text.partition(":")
        total = int(hour) * 60 + int(minute)
        if int(minute) > LAST_MINUTE or total > MINUTES:
            raise self._unclear(f"{text} is a time of no day", "a day runs from 00:00 to 24:00")
        return total


def _weekday(word: str) -> int:
    return next(number for number, name in enumerate(_WEEKDAYS) if name[:3] == word[:3].lower())


def _month(word: str) -> int:
    return next(number for number, name in enumerate(_MONTHS, start=1) if name[:3] == word[:3].lower())
