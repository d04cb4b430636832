"""Events with phases around their start, and seasons.

A phase changes what it names from its moment on; what it does not name stays as the phase before left it.
An event ends when its duration is over, or with its last phase where that comes later. A gradual phase ends
it step by step: threshold and budget walk back to what holds without the event, and with the last step its
profile goes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from nrdot.config.problem import MalformedError
from nrdot.config.values import phrases
from nrdot.config.values.units import offset
from nrdot.schedule.clock import DAY, MINUTE
from nrdot.schedule.cron import parse_cron
from nrdot.schedule.holding import Claim, Level
from nrdot.schedule.rules import Recurring, spoken
from nrdot.schedule.stretches import stretches
from nrdot.schedule.when import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nrdot.config.schema.timing import Event, Phase, Season
    from nrdot.schedule.clock import ZoneClock
    from nrdot.schedule.cron import Cron
    from nrdot.schedule.holding import Claimed
    from nrdot.schedule.stretches import Clocks

OFTEN = 24  # starts a day, of an event that recurs
LONGEST = 31 * DAY  # seconds that an event which recurs may reach before its start, and behind it
STEPS = 8  # of a gradual return, where it is long enough for that many minutes


@dataclass(frozen=True, slots=True)
class State:
    """What an event wants from one moment until another, in seconds from its start."""

    begin: int
    until: int
    claim: Claim


@dataclass(frozen=True, slots=True)
class Planned:
    """An event that begins once, at each strike, or (without both) never."""

    states: Sequence[State]
    place: int  # in the file
    once: int | None = None
    cron: Cron | None = None
    clock: ZoneClock | None = None

    def claims(self, start: int, end: int) -> Iterator[Claimed]:
        for begin in self.starts(start, end):
            for state in self.states:
                if begin + state.begin < end and begin + state.until > start:
                    # Of two occurrences that overlap, the later one decides.
                    yield begin + state.begin, begin + state.until, (self.place, -begin), state.claim

    def starts(self, start: int, end: int) -> Iterator[int]:
        """The starts of whatever reaches between two moments."""
        if not self.states:
            return
        if self.once is not None:
            yield self.once
        elif self.cron is not None and self.clock is not None:
            first, last = self.states[0].begin, self.states[-1].until
            yield from self.cron.strikes(self.clock, start - last, end - first)

    @property
    def end(self) -> int | None:
        """When it is over for good."""
        return None if self.once is None or not self.states else self.once + self.states[-1].until


def planned(place: int, name: str, event: Event, clocks: Clocks) -> Planned:
    """Raises MalformedError whose `field` is the culprit."""
    clock = clocks.named(event.timezone)
    states = tuple(states_of(name, event))
    try:
        if event.start is not None:
            return Planned(states, place, once=moment(event.start, clock))
        if event.cron is not None:
            return Planned(states, place, cron=_recurring(event.cron, states), clock=clock)
    except MalformedError as error:
        field = "start" if event.start is not None else "cron"
        raise MalformedError(error.message, error.hint, field=field) from None
    return Planned((), place)


def _recurring(text: str, states: Sequence[State]) -> Cron:
    """Raises MalformedError where events would pile up."""
    cron = parse_cron(text)
    if len(cron.minutes) > OFTEN:
        raise MalformedError("an event recurs at most every hour", "what comes more often is a time rule")
    if states and max(-states[0].begin, states[-1].until) > LONGEST:
        hint = "for what lasts longer write seasonal_events with dates"
        raise MalformedError("an event that recurs reaches a month before and behind its start at most", hint)
    return cron


def phases_of(event: Event) -> list[tuple[int, str, Phase]]:
    """In the order of time. Raises MalformedError."""
    found = [
        (round(offset(key)), key.replace(" ", ""), phase)
        for table in event.preparation
        for key, phase in table.items()
    ]
    return sorted(found, key=lambda one: one[0])


def length_of(event: Event) -> int:
    """Seconds from the start to the end of an event."""
    phases = phases_of(event)
    for at, _, phase in phases:
        if phase.gradual is not None:
            return at + round(phase.gradual)
    return max(round(event.duration or 0), max((at for at, _, _ in phases), default=0))


def states_of(name: str, event: Event) -> Iterator[State]:
    """What the event wants, phase by phase. Raises MalformedError."""
    path = ("event_handling", name)
    base = Claim(Level.EVENT, f"event_handling.{name}", path=path, reason=event.reason)
    end = length_of(event)
    turns = phases_of(event)
    marks = sorted({*(at for at, _, _ in turns), 0, end})
    claim = base
    for begin, until in pairwise(mark for mark in marks if mark <= end):
        if begin == 0 and event.profile is not None:
            claim = replace(claim, profile=event.profile, rule=f"{base.rule} T+0h")
        gradual = None
        for at, key, phase in turns:
            if at == begin:
                claim = _turned(claim, phase, f"{base.rule} {key}")
                gradual = phase.gradual if phase.gradual is not None else gradual
        if gradual is not None:
            yield from _fading(claim, begin, end)
            return
        if not claim.idle:
            yield State(begin, until, claim)


def _turned(claim: Claim, phase: Phase, rule: str) -> Claim:
    changed = replace(
        claim,
        profile=claim.profile if phase.profile is None else phase.profile,
        threshold_scale=phase.threshold_scale or claim.threshold_scale,
        budget_scale=phase.budget_scale or claim.budget_scale,
    )
    same = changed == claim and phase.gradual is None
    return claim if same else replace(changed, rule=rule, reason=phase.note or claim.reason)


def _fading(claim: Claim, begin: int, end: int) -> Iterator[State]:
    """The way back, in steps of whole minutes."""
    if claim.idle:
        return
    step = max(-(-(end - begin) // (STEPS * MINUTE)) * MINUTE, MINUTE)
    edges = [*range(begin, end, step), end]
    for number, (first, last) in enumerate(pairwise(edges), start=1):
        yield State(first, last, replace(claim, fade=number / len(edges)))


def season(place: int, index: int, name: str, season: Season, clocks: Clocks) -> Recurring | None:
    """None where it has no dates or no profile, and so never begins. Raises MalformedError."""
    schedule = season.schedule
    if schedule is None and season.cron is None:
        schedule = phrases.SEASONS.get(name.casefold())
    if season.profile is None or (schedule is None and season.cron is None):
        return None
    said = schedule or f"{season.cron} for {spoken(season.duration or 0)}"
    claim = Claim(
        Level.EVENT,
        f"event_handling.seasonal_events: {name}, {said}",
        season.profile,
        path=("event_handling", "seasonal_events", index, name),
        reason=season.note,
    )
    laid = stretches(
        clocks, schedule=schedule, cron=season.cron, duration=season.duration, timezone=season.timezone
    )
    return Recurring(laid, claim, (place, 0))
