"""What a timetable says: the claims of its rules, and what holds where several of them meet.

Stated once, the order of who decides:

    never filtered by class > force_collect > event > follow the sun > time rule > scope > default

The first two are about processes and hold whatever the hour is. An event, the sun or a time rule that names
a profile gives it to the whole host, scopes included. The default is `profile`, or that of `canary` on the
hosts that it picks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.config.problem import Path


class Level(StrEnum):
    """Who decides, the strongest first."""

    EVENT = "event"
    SUN = "follow_the_sun"
    TIME = "time_rule"
    CANARY = "canary"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Claim:
    """What one rule wants while it holds."""

    level: Level
    rule: str  # for people: where it stands and what it says
    profile: str | None = None  # None leaves the profile to the levels below
    threshold_scale: float = 1.0
    budget_scale: float = 1.0
    fade: float = 0.0  # share of the way back to what holds without this claim
    path: Path = ()
    reason: str = ""

    @property
    def idle(self) -> bool:
        """Whether it changes nothing."""
        return self.profile is None and self.threshold_scale == self.budget_scale == 1.0


Claimed = tuple[int, int, tuple[int, int], Claim]  # from, until, order (the smallest decides), what


class Source(Protocol):
    """One rule, laid out in time."""

    def claims(self, start: int, end: int) -> Iterator[Claimed]:
        """What it claims of the time from `start` until before `end`; may reach beyond."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds at a moment."""

    profile: str
    rule: str  # what decides, for people
    level: Level = Level.DEFAULT
    threshold_scale: float = 1.0
    budget_scale: float = 1.0
    scoped: bool = True  # scopes count: nothing above them names a profile
    region_active: bool = False  # overrides of the active region hold
    reason: str = ""

    @property
    def effect(self) -> tuple[object, ...]:
        """What makes a difference to the agent; two rules may say the same."""
        return self.profile, self.threshold_scale, self.budget_scale, self.scoped, self.region_active


@dataclass(frozen=True, slots=True)
class Segment:
    """A holding from a moment until before another, in seconds since the Unix epoch."""

    start: float
    end: float
    holding: Holding
