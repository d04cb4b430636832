"""Events, seasons and hours of the sun that hold at once, so that the order in the file decides.

An event decides before a season wherever the two stand, so only those of one kind are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations, islice
from typing import TYPE_CHECKING

from nrdot.config.problem import MalformedError
from nrdot.schedule.clock import DAY
from nrdot.schedule.events import Planned
from nrdot.schedule.rules import Recurring
from nrdot.schedule.shape import shape
from nrdot.schedule.stretches import Clocks
from nrdot.schedule.sun import sun_hours

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nrdot.config.problem import Path
    from nrdot.config.reading.load import Report
    from nrdot.config.schema.settings import Settings
    from nrdot.schedule.clock import ZoneClock
    from nrdot.schedule.holding import Claim
    from nrdot.schedule.shape import Shape
    from nrdot.schedule.timetable import Timetable

MONTH = 31 * DAY
AHEAD = 12 * MONTH  # how far is looked
CLAIMS = 4000  # that are laid out, of all events together; what comes every hour is not followed for a year
HINT = "let the two not overlap, or write first the one that should decide"


def check_overlaps(table: Timetable, settings: Settings, report: Report, now: float) -> None:
    """Warnings at the one that does not decide, once for each."""
    for kind in (Planned, Recurring):
        held = [_Held(one) for one in table.events if isinstance(one, kind)]
        _check_held(held, table.clock, report, int(now))
    _check_sun(settings, report, now)


class _Held:
    """An event or a season."""

    def __init__(self, source: Planned | Recurring) -> None:
        self.source = source
        if isinstance(source, Planned):
            self.exception = source.once is not None or (source.cron is not None and not source.cron.weekly)
        else:
            self.exception = shape(source.stretches, 0).dated

    def stretches(self, now: int, most: int) -> Iterable[_Stretch]:
        """The first so many, a month at a time; what reaches into the next month comes again in it."""
        claims = (
            claim
            for month in range(now, now + AHEAD, MONTH)
            for claim in self.source.claims(month, month + MONTH)
        )
        for begin, until, order, claim in islice(claims, most):
            wish = (claim.profile, claim.threshold_scale, claim.budget_scale, claim.fade)
            yield _Stretch(max(begin, now), until, order, claim, wish, self)


@dataclass(frozen=True, slots=True)
class _Stretch:
    begin: int
    until: int
    order: tuple[int, int]
    claim: Claim
    wish: tuple[object, ...]
    of: _Held

    def clashes(self, other: _Stretch) -> bool:
        """Whether this one decides where the other would have wanted something else.

        What is for some days only, written first, is an exception to what follows.
        """
        return self.of is not other.of and (other.of.exception or not self.of.exception)


def _check_held(held: Sequence[_Held], clock: ZoneClock, report: Report, now: int) -> None:
    if len(held) < 2:
        return
    most = max(CLAIMS // len(held), 1)
    laid = [stretch for one in held for stretch in one.stretches(now, most)]
    told: set[int] = set()
    going: list[_Stretch] = []
    for new in sorted(laid, key=lambda one: one.begin):
        going = [one for one in going if one.until > new.begin and id(one.of) not in told]
        if id(new.of) in told:
            continue
        for one in (one for one in going if one.wish != new.wish):
            first, second = sorted((one, new), key=lambda stretch: stretch.order)
            if id(second.of) not in told and first.clashes(second):
                told.add(id(second.of))
                at = datetime.fromtimestamp(new.begin, UTC).astimezone(clock.zone)
                report.warn(
                    second.claim.path,
                    f"{first.claim.rule} holds at the same time, from {at:%Y-%m-%d %H:%M %Z} on, "
                    "comes first and decides there",
                    HINT,
                )
        going.append(new)


def _check_sun(settings: Settings, report: Report, now: float) -> None:
    regions: dict[str, list[tuple[Path, str, str, Shape]]] = {}
    clocks = Clocks(settings.timezone)
    for index, windows in enumerate(settings.follow_the_sun):
        for key, window in windows.items():
            try:
                laid = shape(sun_hours(key, clocks), now)
            except MalformedError:
                continue  # an error, which is told where the hours are read
            path: Path = ("follow_the_sun", index, key)
            regions.setdefault(window.region.casefold(), []).append((path, key, window.profile, laid))
    for hours in regions.values():
        told: set[Path] = set()
        for (_, first, wanted, laid), (path, _, profile, other) in combinations(hours, 2):
            if path not in told and wanted != profile and laid.meets(other):
                told.add(path)
                report.warn(path, f"it overlaps with {first}, which comes first and decides there", HINT)
