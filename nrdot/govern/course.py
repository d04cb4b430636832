"""The host's profile through time: what the timetable says now, and the configuration that this makes.

A change by schedule goes the way of a reload: new stages that go on where the old ones have come to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from nrdot.config.schema.timing import ActiveRegion
from nrdot.schedule.holding import Level
from nrdot.schedule.timetable import timetable
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.config.schema.profiles import Profile
    from nrdot.config.settled.configuration import Configuration
    from nrdot.schedule.holding import Holding, Segment
    from nrdot.schedule.timetable import Timetable

_log = Log("agent")

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Course:
    """What holds now, and for how long that is sure."""

    configuration: Configuration  # as it is written
    table: Timetable
    segment: Segment

    @property
    def holding(self) -> Holding:
        return self.segment.holding

    @property
    def effective(self) -> Configuration:
        """The configuration as it holds now."""
        return effective(self.configuration, self.holding)

    def turned(self, now_ns: int) -> Course | None:
        """The course from now on; None while nothing has changed, which costs a comparison."""
        now = now_ns / SECOND
        if self.segment.start <= now < self.segment.end:
            return None
        return replace(self, segment=self.table.segment(now))

    def tell(self, before: Course) -> None:
        """Log what the timetable changed."""
        now, was = self.holding, before.holding
        if now == was:
            return
        _log.info(
            "the profile changes by schedule" if now.effect != was.effect else "another rule says the same",
            **{"from": was.profile, "to": now.profile, "rule": now.rule, "before": was.rule},
            **_scales(now),
            **({"reason": now.reason} if now.reason else {}),
        )

    def entry(self, before: Course) -> dict[str, Any]:
        """For the audit trail."""
        return self._entry(_said(before.holding))

    def untold(self, told: Mapping[str, Any]) -> dict[str, Any] | None:
        """For the audit trail, where a configuration takes effect; `told` is the last phase there, if any.

        None where that is still so. What holds outside all hours needs no entry but after a phase: the
        configuration's own entry names its profile.
        """
        now, default = self.holding, self.table.default
        timed = now.level not in {Level.DEFAULT, Level.CANARY}
        told = told or {"profile": default.profile, "rule": default.rule}
        same = told == _said(now) if timed else told.get("rule") == now.rule
        return None if same else self._entry(told)

    def _entry(self, before: Mapping[str, Any]) -> dict[str, Any]:
        now = self.holding
        return {
            "change_type": "schedule",
            "user": "nrdot",
            "source": now.rule,
            "justification": now.reason,
            "previous_value": dict(before),
            "new_value": _said(now),
        }

    def document(self) -> dict[str, Any]:
        """For /readyz."""
        now = self.holding
        return {"name": now.profile, "rule": now.rule, "level": str(now.level), **_scales(now)}


def course(configuration: Configuration, host_id: str, now_ns: int) -> Course:
    """What holds on this host now. Raises ConfigError where a schedule cannot be read."""
    table = timetable(configuration, host_id=host_id)
    return Course(configuration, table, table.segment(now_ns / SECOND))


def effective(configuration: Configuration, holding: Holding) -> Configuration:
    """The configuration while something holds.

    A profile that an event, the sun or a time rule names is that of the whole host, so scopes are set aside.
    """
    settings = configuration.settings
    scopes = settings.scopes if holding.scoped else ()
    region = settings.active_region_handling if holding.region_active else ActiveRegion()
    told = msgspec.structs.replace(
        settings, profile=holding.profile, scopes=scopes, active_region_handling=region
    )
    return replace(configuration, settings=told, profiles=_scaled(configuration.profiles, holding))


def _scaled(profiles: Mapping[str, Profile], holding: Holding) -> Mapping[str, Profile]:
    if holding.threshold_scale == holding.budget_scale == 1.0:
        return profiles
    return {
        name: msgspec.structs.replace(
            profile,
            threshold=min(profile.threshold * holding.threshold_scale, 1.0),
            budget=scaled_budget(profile.budget, holding.budget_scale),
        )
        for name, profile in profiles.items()
    }


def scaled_budget(budget: int, scale: float) -> int:
    """0 is no limit, and stays none; a limit never becomes none."""
    return max(round(budget * scale), 1) if budget else 0


def _said(holding: Holding) -> dict[str, Any]:
    """A phase as the audit trail has it."""
    return {"profile": holding.profile, "rule": holding.rule, **_scales(holding)}


def _scales(holding: Holding) -> dict[str, float]:
    scales = {"threshold_scale": holding.threshold_scale, "budget_scale": holding.budget_scale}
    return {name: scale for name, scale in scales.items() if scale != 1.0}
