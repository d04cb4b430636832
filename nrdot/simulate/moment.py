"""A configuration as it holds at one moment, with nothing in it that depends on time."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

import msgspec

from nrdot.config.problem import MalformedError, shown
from nrdot.config.schema_time import ActiveRegion, EventHandling
from nrdot.config.zones import zone
from nrdot.decide.schedule_timetable import timetable

if TYPE_CHECKING:
    from nrdot.config.configuration import Configuration
    from nrdot.decide.schedule_holding import Holding

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKLY = re.compile(r"(?i)(mon|tue|wed|thu|fri|sat|sun)[a-z]*\s+([0-9]{1,2}):([0-9]{2})(?:\s+(\S+))?\s*\Z")
_HINT = "write for example `Sat 12:00`, `2027-01-31 18:00` or 2027-01-31T18:00:00Z"


def moment(text: str, default_zone: str, now: datetime) -> datetime:
    """A time with its zone; of a weekday the next one. Raises MalformedError."""
    weekly = _WEEKLY.match(text.strip())
    try:
        if weekly is None:
            found = datetime.fromisoformat(text.strip())
            return found if found.tzinfo else found.replace(tzinfo=zone(default_zone))
        local = now.astimezone(zone(weekly[4] or default_zone))
        ahead = (_WEEKDAYS.index(weekly[1].lower()) - local.weekday()) % 7
        day = local.date() + timedelta(days=ahead)
        return datetime.combine(day, time(int(weekly[2]), int(weekly[3])), local.tzinfo)
    except ValueError as error:
        if isinstance(error, MalformedError):
            raise
        raise MalformedError(f"'{shown(text)}' is not a moment", _HINT) from None


def holding(configuration: Configuration, at: datetime, host: str, region: str | None) -> Holding:
    """What decides at that moment. Raises ConfigError."""
    return timetable(configuration, host_id=host, region=region).holds(at.astimezone(UTC).timestamp())


def frozen(configuration: Configuration, held: Holding) -> Configuration:
    """The configuration as it holds then."""
    settings, profile = configuration.settings, configuration.profiles[held.profile]
    active = settings.active_region_handling.overrides if held.region_active else ()
    scaled = msgspec.structs.replace(
        profile,
        threshold=min(profile.threshold * held.threshold_scale, 1.0),
        budget=round(profile.budget * held.budget_scale),
    )
    plain = msgspec.structs.replace(
        without_time(configuration).settings,
        profile=held.profile,
        overrides=(*settings.overrides, *active),
        scopes=settings.scopes if held.scoped else (),
    )
    return replace(configuration, settings=plain, profiles={**configuration.profiles, held.profile: scaled})


def without_time(configuration: Configuration) -> Configuration:
    """The configuration without anything that depends on time, on the host's default profile."""
    settings = msgspec.structs.replace(
        configuration.settings,
        time_based_rules=(),
        event_handling=EventHandling(),
        follow_the_sun=(),
        active_region_handling=ActiveRegion(),
        canary=None,
    )
    return replace(configuration, settings=settings)
