"""Which profile holds when and for whom: rules by time, events, regions, canaries, scopes."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec

from nrdot.config.problem import MalformedError
from nrdot.config.schema.scoring import Override
from nrdot.config.values import phrases
from nrdot.config.values.units import Duration, Factor, Glob, Percent, PositiveDuration, Section, doc


class TimeRule(Section, frozen=True):
    """A profile for certain hours. The first rule that matches decides, unless priorities differ."""

    profile: Annotated[str, doc("Profile that holds while the rule matches.")]
    schedule: Annotated[
        str | None, doc("Days, dates and hours with an optional zone, for example `Mon-Fri 09:00-18:00`.")
    ] = None
    cron: Annotated[
        str | None, doc("Cron expression at which the rule begins to match; needs `duration`.")
    ] = None
    duration: Annotated[PositiveDuration | None, doc("How long the rule matches after `cron` struck.")] = None
    timezone: Annotated[str | None, doc("IANA zone of this rule; the file's where absent.")] = None
    priority: Annotated[int, doc("Higher beats lower; among equals the first rule decides.")] = 0
    except_holidays: Annotated[bool, doc("The rule does not match on `holidays`.")] = False
    only_holidays: Annotated[bool, doc("The rule matches on `holidays` only.")] = False
    reason: Annotated[str, doc("Why, for people.")] = ""

    def __post_init__(self) -> None:
        if (self.schedule is None) == (self.cron is None):
            raise MalformedError("a time rule has either a `schedule` or a `cron`", "write one of them")
        if (self.cron is None) != (self.duration is None):
            present = "cron" if self.cron else "duration"
            raise MalformedError("`cron` and `duration` belong together", "write both", field=present)


class Phase(Section, frozen=True):
    """What an event changes from one moment on."""

    profile: Annotated[str | None, doc("Profile to switch to.")] = None
    threshold_scale: Annotated[
        Factor | None, doc("Factor for the threshold; as the phase before left it where absent.")
    ] = None
    budget_scale: Annotated[
        Factor | None, doc("Factor for the budget of series; as the phase before left it where absent.")
    ] = None
    gradual: Annotated[
        Duration | None, doc("End the event over this long, step by step back to what holds without it.")
    ] = None
    note: Annotated[str, doc("For people.")] = ""

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, object]:
        return phrases.phase(text)


class Season(Section, frozen=True):
    """A recurring stretch of days with a profile of its own."""

    profile: Annotated[str | None, doc("Profile that holds.")] = None
    schedule: Annotated[str | None, doc("Days and dates, for example `Dec 24-26`.")] = None
    cron: Annotated[str | None, doc("Cron expression at which it begins; needs `duration`.")] = None
    duration: Annotated[PositiveDuration | None, doc("How long it lasts after `cron` struck.")] = None
    timezone: Annotated[str | None, doc("IANA zone; the file's where absent.")] = None
    note: Annotated[str, doc("For people.")] = ""

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, object]:
        found = phrases.phase(text)
        return {key: value for key, value in found.items() if key in {"profile", "note"}}


class Event(Section, frozen=True):
    """Something that is planned: a release, a sale, a migration."""

    start: Annotated[
        str | None, doc("RFC 3339 time, or local time in the file's zone, at which it begins.")
    ] = None
    cron: Annotated[str | None, doc("Cron expression at which it begins, for events that recur.")] = None
    duration: Annotated[
        PositiveDuration | None, doc("How long it lasts; until its last phase where absent.")
    ] = None
    timezone: Annotated[str | None, doc("IANA zone of `start` and `cron`; the file's where absent.")] = None
    profile: Annotated[str | None, doc("Profile that holds from start to end.")] = None
    preparation: Annotated[
        tuple[dict[str, Phase], ...],
        doc("Phases around the start, each under its offset, for example `T-24h`."),
    ] = ()
    reason: Annotated[str, doc("Why, for people.")] = ""

    def __post_init__(self) -> None:
        if self.start is not None and self.cron is not None:
            raise MalformedError(
                "an event begins once or recurs", "write either `start` or `cron`", field="cron"
            )


class EventHandling(Section, frozen=True):
    """Events by name."""

    seasonal_events: Annotated[
        tuple[dict[str, Season], ...], doc("Seasons and maintenance windows, each under its name.")
    ] = ()
    events: Annotated[dict[str, Event], doc("Events under their names.")] = msgspec.field(
        default_factory=dict
    )

    rest: ClassVar[str] = "events"


class SunWindow(Section, frozen=True):
    """What holds for a region during certain hours."""

    region: Annotated[str, doc("Region, compared with the host's without regard to case.")]
    profile: Annotated[str, doc("Profile that holds in that region during these hours.")]

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, object]:
        return phrases.sun(text)


class ActiveRegion(Section, frozen=True):
    """What holds in a region outside the hours that `follow_the_sun` gives it."""

    profile: Annotated[str | None, doc("Profile that holds while the region is active.")] = None
    overrides: Annotated[tuple[Override, ...], doc("Overrides that hold while the region is active.")] = ()


class Canary(Section, frozen=True):
    """A share of the hosts that tries another profile."""

    percent: Annotated[Percent, doc("Percent of hosts, picked by a stable hash of the host's id.")]
    profile: Annotated[str, doc("Profile that those hosts use.")]


class Scope(Section, frozen=True):
    """A profile for some of a host's processes. The first scope that matches decides."""

    profile: Annotated[str, doc("Profile of these processes.")]
    process: Annotated[Glob | None, doc("Glob of process names.")] = None
    class_: Annotated[str | None, doc("Name of a class.")] = msgspec.field(default=None, name="class")
    namespace: Annotated[Glob | None, doc("Glob of Kubernetes namespaces.")] = None
    unit: Annotated[Glob | None, doc("Glob of systemd units.")] = None
    user: Annotated[Glob | None, doc("Glob of user names.")] = None
    selector: Annotated[str | None, doc("Labels in Kubernetes' selector syntax.")] = None
    reason: Annotated[str, doc("Why, for people.")] = ""

    def __post_init__(self) -> None:
        if not any((self.process, self.class_, self.namespace, self.unit, self.user, self.selector)):
            raise MalformedError(
                "this scope holds for nothing",
                "name a `process`, `class`, `namespace`, `unit`, `user` or `selector`",
            )
