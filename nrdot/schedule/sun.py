"""`follow_the_sun`: while the hours of a region run it gets the profile that stands beside them.

Outside those hours the region is active, and `active_region_handling` holds: its profile and its overrides.
A host without a `region` follows no sun. A region that has no hours is always active.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.config.values import phrases
from nrdot.schedule.clock import between, joined
from nrdot.schedule.holding import Claim, Level
from nrdot.schedule.language import Clause, Schedule
from nrdot.schedule.rules import Recurring
from nrdot.schedule.stretches import Hours

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nrdot.config.schema.settings import Settings
    from nrdot.schedule.clock import Window
    from nrdot.schedule.holding import Claimed
    from nrdot.schedule.stretches import Clocks

LAST = (1 << 40, 0)  # order behind every window


@dataclass(frozen=True, slots=True)
class Sun:
    """The sun over one region."""

    hours: Sequence[Recurring]
    active: Claim | None  # None where an active region has no profile of its own
    overrides: bool  # that hold while the region is active

    def claims(self, start: int, end: int) -> Iterator[Claimed]:
        for one in self.hours:
            yield from one.claims(start, end)
        if self.active is not None:
            for begin, until in self.activity(start, end):
                yield begin, until, LAST, self.active

    def activity(self, start: int, end: int) -> list[Window]:
        """When the region is active."""
        given = (window for one in self.hours for window in one.stretches.windows(start, end))
        return between(joined(given), start, end)


def sun(settings: Settings, region: str | None, clocks: Clocks) -> Sun | None:
    """None where there is none to follow. Raises MalformedError."""
    handling = settings.active_region_handling
    if region is None or not (settings.follow_the_sun or handling.profile or handling.overrides):
        return None
    hours: list[Recurring] = []
    for index, table in enumerate(settings.follow_the_sun):
        for key, window in table.items():
            if window.region.casefold() != region.casefold():
                continue
            path = ("follow_the_sun", index, key)
            claim = Claim(Level.SUN, f"follow_the_sun: {key}, {window.region}", window.profile, path=path)
            hours.append(Recurring(sun_hours(key, clocks), claim, (len(hours), 0)))
    active = Claim(
        Level.SUN,
        f"active_region_handling: {region} is active",
        handling.profile,
        path=("active_region_handling",),
    )
    return Sun(hours, active if handling.profile else None, bool(handling.overrides))


def sun_hours(key: str, clocks: Clocks) -> Hours:
    """Raises MalformedError."""
    name, first, last = phrases.hours(key)
    minutes = ((first, last + phrases.DAY if last < first else last),)
    return Hours(Schedule(key, (Clause(minutes=minutes),)), clocks.named(name))
