"""A configuration as it holds at one moment that somebody names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nrdot.govern.course import effective
from nrdot.schedule.holding import Holding, Level
from nrdot.schedule.timetable import timetable
from nrdot.schedule.when import when

if TYPE_CHECKING:
    from nrdot.config.settled.configuration import Configuration
    from nrdot.schedule.holding import Claim
    from nrdot.schedule.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Moment:
    """When, and what decides then."""

    at: float  # seconds since the Unix epoch
    stated: Configuration
    table: Timetable
    holding: Holding

    @property
    def rule(self) -> str:
        return self.holding.rule

    @property
    def configuration(self) -> Configuration:
        """As it holds then; its profile is where the rule that decides was written."""
        made, path = effective(self.stated, self.holding), self.decider.path
        mark = next((made.origins[one] for one in ((*path, "profile"), path) if one in made.origins), None)
        return replace(made, origins={**made.origins, ("profile",): mark}) if mark else made

    @property
    def decider(self) -> Claim:
        """Who names the profile. An event that scales thresholds and budgets only leaves that to others."""
        claims = self.table.claims(self.at)
        below = [level for level in (Level.SUN, Level.TIME) if level in claims]
        levels = {Level.EVENT: [Level.EVENT, *below], Level.DEFAULT: [], Level.CANARY: []}
        wanted = [claims[level] for level in levels.get(self.holding.level, below)]
        return next((claim for claim in wanted if claim.profile is not None), self.table.default)


def moment(
    configuration: Configuration, text: str | None, now: float, *, host: str = "", region: str | None = None
) -> Moment:
    """At the time that `text` names; without one, now and on the default profile, whatever the hour says.

    Raises MalformedError for what is no time, and ConfigError for rules that cannot be read.
    """
    table = timetable(configuration, host_id=host, region=region)
    if text is None:
        default = Holding(configuration.settings.profile, "no time is given")
        return Moment(now, configuration, table, default)
    at = when(text, table.clock, now)
    return Moment(at, configuration, table, table.holds(at))
