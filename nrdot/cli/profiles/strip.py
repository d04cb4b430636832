"""The timeline as people see it: a strip for each day, or each week, and the changes one by one."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from nrdot.cli.output import console, table
from nrdot.cli.profiles.precedence import factors
from nrdot.schedule.clock import DAY
from nrdot.schedule.rules import spoken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.schedule.clock import ZoneClock
    from nrdot.schedule.holding import Holding, Segment

MANY_DAYS = 42  # from here on a row is a week
MOST_ROWS = 60  # of the list of changes
_KNOWN = {"conservative": "green", "balanced": "yellow", "aggressive": "red"}
_OTHERS = ("cyan", "magenta", "blue", "white")
_LABEL = 12


def draw(segments: Sequence[Segment], file: ZoneClock, eyes: ZoneClock, days: int) -> None:
    key = _Key(segments)
    out = console()
    zone = str(eyes.zone)
    out.print(f"Days and hours of {zone}", markup=False)
    if days < MANY_DAYS:
        cells, unit, ruler = 48, DAY // 48, "".join(f"{hour:02}:00 ".ljust(12) for hour in (0, 6, 12, 18))
    else:
        cells, unit, ruler = 84, 7 * DAY // 84, "".join(day.ljust(12) for day in _WEEK)
    out.print(" " * _LABEL + ruler.rstrip(), markup=False)
    span = cells * unit
    first = eyes.shown(int(segments[0].start)) // DAY * DAY
    if span > DAY:
        first -= (first // DAY + 3) % 7 * DAY
    last = eyes.shown(int(segments[-1].end) - 1)
    for begin in range(first, last + 1, span):
        row = Text(f"{_date(begin):<{_LABEL}}")
        moments = (eyes.first(begin + cell * unit + unit // 2) for cell in range(cells))
        for holding, alike in groupby(_at(segments, moment) for moment in moments):
            row.append_text(key.cells(holding, len(list(alike))))
        out.print(row, soft_wrap=True)
    out.print(key.legend())
    _list(segments, file, eyes)


_WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class _Key:
    """A letter and a colour for each profile."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        names = sorted({one.holding.profile for one in segments}, key=lambda name: (name not in _KNOWN, name))
        letters = iter("abcdefghijklmnopqrstuvwxyz0123456789" * len(names))
        free = iter(_OTHERS * len(names))
        self._letters: dict[str, str] = {}
        self._colours: dict[str, str] = {}
        for name in names:
            taken = self._letters.values()
            own = next((letter for letter in name.lower() if letter.isalnum() and letter not in taken), "")
            self._letters[name] = own or next(letters)
            self._colours[name] = _KNOWN.get(name) or next(free)
        self._scaled = any(factors(one.holding) for one in segments)

    def cells(self, holding: Holding | None, count: int) -> Text:
        if holding is None:
            return Text("·" * count, style="dim")
        letter = self._letters[holding.profile]
        shown = letter.upper() if factors(holding) else letter
        return Text(shown * count, style=f"black on {self._colours[holding.profile]}")

    def legend(self) -> Text:
        line = Text(" " * _LABEL)
        for name, letter in self._letters.items():
            line.append(f" {letter} ", style=f"black on {self._colours[name]}").append(f" {name}   ")
        if self._scaled:
            line.append("capital: an event scales threshold or budget", style="dim")
        return line


def _list(segments: Sequence[Segment], file: ZoneClock, eyes: ZoneClock) -> None:
    start, end = int(segments[0].start), int(segments[-1].end)
    two = file.pieces(start, end) != eyes.pieces(start, end)
    more = any(_with(one.holding) for one in segments)
    zones = [str(eyes.zone), str(file.zone)] if two else [str(eyes.zone)]
    shown = table(
        *(f"from ({zone})" for zone in zones), "for", "profile", *(["with"] if more else []), "rule"
    )
    for one in segments[:MOST_ROWS]:
        times = [_minute(one.start, clock) for clock in ([eyes, file] if two else [eyes])]
        beside = [_with(one.holding)] if more else []
        reason = f" ({one.holding.reason})" if one.holding.reason else ""
        length = spoken(one.end - one.start)
        shown.add_row(*times, length, one.holding.profile, *beside, one.holding.rule + reason)
    console().print(shown)
    if len(segments) > MOST_ROWS:
        console().print(f"... and {len(segments) - MOST_ROWS} more; --json has them all", markup=False)


def _at(segments: Sequence[Segment], moment: float) -> Holding | None:
    place = bisect_right(segments, moment, key=lambda one: one.start) - 1
    return segments[place].holding if place >= 0 and moment < segments[place].end else None


def _with(holding: Holding) -> str:
    return ", ".join(
        [*factors(holding), *(["overrides of the active region"] if holding.region_active else [])]
    )


def _date(shown: int) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(seconds=shown)).strftime("%a %d %b")


def _minute(at: float, clock: ZoneClock) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(clock.zone).strftime("%a %Y-%m-%d %H:%M")
