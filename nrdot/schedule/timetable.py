"""The timetable: every rule about time of one configuration, and which of them decides when.

Rules are laid out a day at a time, so between two changes a question costs a comparison.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from nrdot.config.problem import MalformedError, spell
from nrdot.errors import ConfigError
from nrdot.schedule.clock import DAY
from nrdot.schedule.events import planned, season
from nrdot.schedule.holding import Claim, Holding, Level, Segment
from nrdot.schedule.layers import marked, overlaid, strongest
from nrdot.schedule.rules import time_rule
from nrdot.schedule.stretches import Clocks, day_numbers
from nrdot.schedule.sun import sun

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nrdot.config.problem import Path
    from nrdot.config.schema.profiles import Profile
    from nrdot.config.settled.configuration import Configuration
    from nrdot.schedule.clock import Window, ZoneClock
    from nrdot.schedule.holding import Claimed, Source
    from nrdot.schedule.sun import Sun

FOR_EVER = float("inf")
PERCENT = 100.0

Report = Callable[["Path", MalformedError], None]
Read = TypeVar("Read")
ACTIVE = Claim(Level.SUN, "the region is active")


class Timetable:
    """What holds when, on one host. The same answers for the same questions, always."""

    def __init__(
        self,
        default: Claim,
        profiles: Mapping[str, Profile],
        clock: ZoneClock,
        *,
        events: Sequence[Source] = (),
        over: Sun | None = None,
        rules: Sequence[Source] = (),
    ) -> None:
        self.clock = clock  # of the configuration's own zone
        self.default = default
        self._profiles = profiles
        self.events = events
        self._sun = over
        self.rules = rules
        self._page: list[Segment] = []
        self._starts: list[float] = []
        if not self.changes:
            active = over is not None and over.overrides
            self._page = [Segment(-FOR_EVER, FOR_EVER, self._holding(None, default, active=active))]
            self._starts = [-FOR_EVER]

    @property
    def changes(self) -> bool:
        """Whether it can ever say two different things."""
        hours = self._sun is not None and bool(self._sun.hours or self._sun.active)
        return bool(self.events or hours or self.rules)

    def holds(self, at: float) -> Holding:
        """What holds at a moment, in seconds since the Unix epoch."""
        return self.segment(at).holding

    def segment(self, at: float) -> Segment:
        """The same with how long it is sure to hold, which is until midnight UTC at most."""
        if not (self._page and self._page[0].start <= at < self._page[-1].end):
            start = int(at // DAY) * DAY
            self._page = self.between(start, start + DAY)
            self._starts = [one.start for one in self._page]
        return self._page[bisect_right(self._starts, at) - 1]

    def between(self, start: int, end: int) -> list[Segment]:
        """Everything that holds from one moment until before another."""
        layers = (
            strongest(_claims(self.events, start, end), start, end),
            strongest(self._sun.claims(start, end) if self._sun else (), start, end),
            strongest(_claims(self.rules, start, end), start, end),
            marked(self._active(start, end), ACTIVE, start, end),
        )
        found: list[Segment] = []
        for begin, until, (event, over, rule, active) in overlaid(layers):
            holding = self._holding(event, over or rule or self.default, active=active is not None)
            if found and found[-1].holding == holding:
                found[-1] = replace(found[-1], end=until)
            else:
                found.append(Segment(begin, until, holding))
        return found

    def claims(self, at: float) -> dict[Level, Claim]:
        """Who wants something at a moment, level by level, the strongest first."""
        start = int(at)
        levels = {
            Level.EVENT: _claims(self.events, start, start + 1),
            Level.SUN: self._sun.claims(start, start + 1) if self._sun else (),
            Level.TIME: _claims(self.rules, start, start + 1),
        }
        found = {level: strongest(claims, start, start + 1)[0][2] for level, claims in levels.items()}
        present = {level: claim for level, claim in found.items() if claim is not None}
        return {**present, self.default.level: self.default}

    def _active(self, start: int, end: int) -> Sequence[Window]:
        return self._sun.activity(start, end) if self._sun and self._sun.overrides else ()

    def _holding(self, event: Claim | None, base: Claim, *, active: bool) -> Holding:
        profile = base.profile or self.default.profile or ""
        below = base.level in {Level.DEFAULT, Level.CANARY}
        if event is None:
            return Holding(
                profile, base.rule, base.level, scoped=below, region_active=active, reason=base.reason
            )
        chosen = event.profile or profile
        threshold = _faded(event, event.threshold_scale, self._threshold(chosen), self._threshold(profile))
        budget = _faded(event, event.budget_scale, self._budget(chosen), self._budget(profile))
        return Holding(
            chosen,
            event.rule,
            Level.EVENT,
            threshold_scale=threshold,
            budget_scale=budget,
            scoped=below and event.profile is None,
            region_active=active,
            reason=event.reason,
        )

    def _threshold(self, name: str) -> float:
        return self._profiles[name].threshold

    def _budget(self, name: str) -> float:
        return float(self._profiles[name].budget)


def timetable(
    configuration: Configuration,
    *,
    host_id: str = "",
    region: str | None = None,
    report: Report | None = None,
) -> Timetable:
    """Every rule about time of a configuration, as one host sees it; `region` takes the place of the file's.

    Raises ConfigError for the first rule that cannot be read, or tells `report` of each and leaves it out.
    """
    settings = configuration.settings
    clocks = Clocks(settings.timezone)
    holidays = day_numbers(settings.holidays)
    found = _Found(configuration.file, report)
    handling = settings.event_handling
    place = count()
    for name, event in handling.events.items():
        found.add(("event_handling", name), partial(planned, next(place), name, event, clocks), found.events)
    for index, table in enumerate(handling.seasonal_events):
        for name, one in table.items():
            build = partial(season, next(place), index, name, one, clocks)
            found.add(("event_handling", "seasonal_events", index, name), build, found.events)
    for index, rule in enumerate(settings.time_based_rules):
        path: Path = ("time_based_rules", index)
        found.add(path, partial(time_rule, index, rule, clocks, holidays), found.rules)
    over: list[Sun] = []
    found.add(("follow_the_sun",), partial(sun, settings, region or settings.region, clocks), over)
    return Timetable(
        default_claim(configuration, host_id),
        configuration.profiles,
        clocks.usual,
        events=found.events,
        over=over[0] if over else None,
        rules=found.rules,
    )


class _Found:
    """Rules that could be read, and what to do about the others."""

    def __init__(self, file: str, report: Report | None) -> None:
        self._file = file
        self._report = report
        self.events: list[Source] = []
        self.rules: list[Source] = []

    def add(self, path: Path, build: Callable[[], Read | None], to: list[Read]) -> None:
        try:
            rule = build()
        except MalformedError as error:
            where = (*path, error.field) if error.field else path
            if self._report is None:
                place = ": ".join(part for part in (self._file, spell(where)) if part)
                raise ConfigError(f"{place}: {error}; {error.hint}") from None
            self._report(where, error)
        else:
            if rule is not None:
                to.append(rule)


def default_claim(configuration: Configuration, host_id: str) -> Claim:
    """The profile of a host outside all hours; the canary's on the hosts that it picks."""
    canary = configuration.settings.canary
    if canary is not None and host_id and picks(host_id, canary.percent):
        rule = f"canary: {canary.percent:g} % of hosts"
        return Claim(Level.CANARY, rule, canary.profile, path=("canary",))
    return Claim(Level.DEFAULT, "default", configuration.settings.profile, path=("profile",))


def picks(host_id: str, percent: float) -> bool:
    """Whether a host is among so many percent: the same hosts at every start, and more of them with more."""
    digest = hashlib.blake2b(host_id.encode(), digest_size=8, person=b"nrdot.canary").digest()
    return int.from_bytes(digest, "big") / 2**64 * PERCENT < percent


def _claims(sources: Iterable[Source], start: int, end: int) -> Iterator[Claimed]:
    for source in sources:
        yield from source.claims(start, end)


def _faded(claim: Claim, scale: float, own: float, below: float) -> float:
    """The factor for `own`, on the way from `scale` times it to what lies below."""
    if not claim.fade or not own or not below:  # no factor leads to 0 or away from it; 0 is no limit
        return scale
    return round(scale + (below / own - scale) * claim.fade, 4)
