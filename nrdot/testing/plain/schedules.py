"""Schedules checked the plain way: look at the clock on the wall at each minute, rule by rule.

Nothing here is shared with what it checks, but the text of the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from nrdot.config.reading.load import load
from nrdot.schedule.timetable import timetable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from nrdot.batch import Flags, Ints
    from nrdot.schedule.holding import Holding, Segment
    from nrdot.schedule.timetable import Timetable

# Both hemispheres, half an hour, three quarters, a change of half an hour, Ramadan, and none at all.
ZONES = (
    "UTC",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Santiago",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Berlin",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HOLIDAYS = ("2026-01-01", "2026-03-29", "2026-11-01", "2026-12-25", "2027-04-05", "2027-12-25")
PROFILES = ("conservative", "balanced", "aggressive")
DEFAULT = "balanced"
DAY = 24 * 60  # minutes
LEAD = DAY  # minutes before the walk, in which something may have begun


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule in the plainest words there are."""

    profile: str
    zone: str
    days: tuple[int, ...]
    first: int = 0  # minute of the day
    last: int = DAY  # beyond midnight where it is more than a day has
    dates: tuple[tuple[int, int], tuple[int, int]] | None = None  # month and day, from and to
    holidays: str = ""  # except or only
    priority: int = 0
    duration: int = 0  # minutes; then `first` and `step` are those of a cron expression
    step: int = 0  # hours between strikes

    @property
    def text(self) -> str:
        """As the configuration writes it."""
        if self.duration:
            hours = f"*/{self.step}" if self.step else str(self.first // 60)
            days = ",".join(str((day + 1) % 7) for day in self.days)
            body = f"cron: '{self.first % 60} {hours} * * {days}', duration: {self.duration}m"
        else:
            last = self.last if self.last <= DAY else self.last - DAY
            words = [", ".join(DAYS[day] for day in self.days), f"{_clock(self.first)}-{_clock(last)}"]
            if self.dates:
                (month, day), (until_month, until_day) = self.dates
                words.insert(0, f"{MONTHS[month - 1]} {day}-{MONTHS[until_month - 1]} {until_day}")
            body = f"schedule: '{' '.join(words)}'"
        limit = f", {self.holidays}_holidays: true" if self.holidays else ""
        beside = f"profile: {self.profile}, timezone: {self.zone}, priority: {self.priority}"
        return f"- {{{body}, {beside}{limit}}}\n"


def random_rules(chooser: Random, zone: str, count: int) -> list[Rule]:
    """Rules of every form, most of them in `zone`, and many of them near the hours at which clocks change."""
    rules = []
    for _ in range(count):
        first = chooser.choice((chooser.randrange(DAY), chooser.randrange(4 * 60), 0))
        length = chooser.choice((chooser.randint(1, 180), chooser.randint(1, DAY)))
        named: dict[str, Any] = {
            "profile": chooser.choice(PROFILES),
            "zone": chooser.choice((zone, zone, chooser.choice(ZONES))),
            "days": tuple(sorted(chooser.sample(range(7), chooser.randint(1, 5)))),
            "holidays": chooser.choice(("", "", "", "except", "only")),
            "priority": chooser.choice((0, 0, 0, 1, 5)),
        }
        if chooser.random() < 0.3:
            step = chooser.choice((0, 1, 3))
            named |= {
                "first": first % 60 if step else first,
                "step": step,
                "duration": chooser.randint(1, 150),
            }
        else:
            named |= {"first": first, "last": min(first + length, first + DAY - 1)}
            if chooser.random() < 0.3:
                named["dates"] = _dates(chooser)
        rules.append(Rule(**named))
    return rules


def configured(rules: Sequence[Rule], text: str = "") -> Timetable:
    """The timetable of a configuration with these rules, or with the text instead."""
    listed = f"holidays: [{', '.join(map(repr, HOLIDAYS))}]\n"
    body = text or ("time_based_rules:\n" + "".join(rule.text for rule in rules) if rules else "")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "nrdot.yaml"
        file.write_text(f"profile: {DEFAULT}\n{listed}{body}")
        return timetable(load(file, {}))


class Walk:
    """Every minute from one moment until before another, on the clocks of every zone that is asked for.

    `probe` is how many minutes apart the zone is asked for its offset: 1 trusts nothing, 15 trusts that
    clocks change at a quarter of an hour.
    """

    def __init__(self, start: int, end: int, probe: int = 15) -> None:
        self._start = start // 60 - LEAD
        self._count = end // 60 - self._start
        self._probe = probe
        self._clocks: dict[str, Ints] = {}

    def decides(self, rules: Sequence[Rule]) -> Ints:
        """For each minute the index of the rule that decides; -1 where none does."""
        found = np.full(self._count, -1)
        ranked = sorted(enumerate(rules), key=lambda pair: (-pair[1].priority, pair[0]))
        for index, rule in reversed(ranked):
            found[self._struck(rule) if rule.duration else self._shown(rule)] = index
        return found[LEAD:]

    def _clock(self, zone: str) -> Ints:
        """What the clock shows, in minutes since 1970-01-01."""
        if zone not in self._clocks:
            where = ZoneInfo(zone)
            minutes = np.arange(self._start, self._start + self._count)
            offsets = [
                datetime.fromtimestamp(60 * minute, UTC).astimezone(where).utcoffset()
                for minute in minutes[:: self._probe].tolist()
            ]
            ahead = [int(offset.total_seconds()) // 60 for offset in offsets if offset is not None]
            self._clocks[zone] = minutes + np.repeat(ahead, self._probe)[: self._count]
        return self._clocks[zone]

    def _shown(self, rule: Rule) -> Flags:
        clock = self._clock(rule.zone)
        day, minute = clock // DAY, clock % DAY
        today, yesterday = self._on(rule, day), self._on(rule, day - 1)
        shown: Flags = (today & (rule.first <= minute) & (minute < rule.last)) | (
            yesterday & (minute < rule.last - DAY)
        )
        return shown

    def _struck(self, rule: Rule) -> Flags:
        clock = self._clock(rule.zone)
        strikes = self._strikes(rule, clock)
        for place in np.flatnonzero(np.diff(clock) > 1).tolist():
            skipped = np.arange(clock[place] + 1, clock[place + 1])
            strikes[place + 1] |= bool(self._strikes(rule, skipped).any())
        so_far = np.cumsum(strikes)
        before = np.concatenate([np.zeros(rule.duration, np.int64), so_far[: -rule.duration]])
        struck: Flags = so_far > before
        return struck

    def _strikes(self, rule: Rule, clock: Ints) -> Flags:
        minute = clock % DAY
        if rule.step:
            hits = (minute % 60 == rule.first % 60) & (minute // 60 % rule.step == 0)
        else:
            hits = minute == rule.first
        strikes: Flags = hits & self._on(rule, clock // DAY)
        return strikes

    def _on(self, rule: Rule, days: Ints) -> Flags:
        """Whether the rule begins anything on days since 1970-01-01."""
        first = int(days.min())
        known = [_on(rule, date(1970, 1, 1) + timedelta(day)) for day in range(first, int(days.max()) + 1)]
        on: Flags = np.array(known)[days - first]
        return on


def segments_by_minute(segments: Sequence[Segment]) -> tuple[list[Holding], Ints]:
    """The holdings of segments, and for each minute the place of its holding."""
    lengths = [round(one.end - one.start) // 60 for one in segments]
    return [one.holding for one in segments], np.repeat(np.arange(len(segments)), lengths)


def _on(rule: Rule, day: date) -> bool:
    if day.weekday() not in rule.days:
        return False
    if rule.holidays and (day.isoformat() in HOLIDAYS) != (rule.holidays == "only"):
        return False
    if rule.dates is None:
        return True
    first, last = rule.dates
    here = (day.month, day.day)
    return first <= here <= last if first <= last else here >= first or here <= last


def _dates(chooser: Random) -> tuple[tuple[int, int], tuple[int, int]]:
    """Two dates, the second of them in a later month or in the next year."""
    first, last = chooser.sample(range(1, 13), 2)
    return (first, chooser.randint(1, 28)), (last, chooser.randint(1, 28))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
