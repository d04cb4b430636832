"""A configuration as it holds at one moment that somebody names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.agent.timetable import effective
from nrdot.decide.schedule_holding import Holding
from nrdot.decide.schedule_timetable import timetable
from nrdot.decide.schedule_when import when

if TYPE_CHECKING:
    from nrdot.config.configuration import Configuration


@dataclass(frozen=True, slots=True)
class Moment:
    """When, what decides then, and the configuration that this makes."""

    at: float  # seconds since the Unix epoch
    rule: str
    configuration: Configuration


def moment(
    configuration: Configuration, text: str | None, now: float, *, host: str = "", region: str | None = None
) -> Moment:
    """At the time that `text` names; without one, now and on the default profile, whatever the hour says.

    Raises MalformedError for what is no time, and ConfigError for rules that cannot be read.
    """
    if text is None:
        default = Holding(configuration.settings.profile, "no time is given")
        return Moment(now, default.rule, effective(configuration, default))
    table = timetable(configuration, host_id=host, region=region)
    at = when(text, table.clock, now)
    held = table.holds(at)
    return Moment(at, held.rule, effective(configuration, held))
