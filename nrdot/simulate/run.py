"""One capture, one profile: what the agent would have exported, to the byte.

The capture drives the very stages that the agent runs. Nothing is shed, and the agent's own metrics are set
aside, so the same capture and configuration always give the same records.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from nrdot.agent.beside.books import Bookkeeping
from nrdot.agent.wire import build_stages, points_per_process
from nrdot.config.settled.intervals import exports_every
from nrdot.errors import UsageError
from nrdot.export.pace import offset
from nrdot.govern.course import course
from nrdot.ledger.recorder import Usage
from nrdot.sample.replay import ReplaySource
from nrdot.simulate.hindsight import Hindsight
from nrdot.simulate.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nrdot.agent.wire import Stages
    from nrdot.config.schema.profiles import Profile
    from nrdot.config.settled.configuration import Configuration
    from nrdot.pipeline import Tick
    from nrdot.stages import Exporter


def under(configuration: Configuration, name: str, profile: Profile) -> Configuration:
    """The same configuration with another profile for the host."""
    settings = msgspec.structs.replace(configuration.settings, profile=name)
    return replace(configuration, settings=settings, profiles={**configuration.profiles, name: profile})


def simulate(
    capture: Path,
    configuration: Configuration,
    export: Exporter | None = None,
    progress: Callable[[Tick], None] | None = None,
    *,
    scheduled: bool = False,
    ledger: Path | None = None,
) -> Outcome:
    """Run a capture to its end; `scheduled` lets the timetable change the profile at the capture's time.

    `ledger` is a directory for what the agent's ledger would have been. Raises CaptureError and ConfigError,
    and UsageError where it cannot be written.
    """
    settings = configuration.settings
    source = ReplaySource(capture, command_lines=settings.command_line.enabled)
    plan = _Plan(configuration, source) if scheduled else None
    first = plan.course.effective if plan else configuration
    stages = _stages(first, source)
    books = Bookkeeping(ledger, Usage()) if ledger else None
    hindsight = Hindsight(stages.scorer.incidents)
    outcome = Outcome(points_per_process(first.profile), settings.baseline.interval)
    payloads = export is not None or progress is not None or ledger is not None
    while True:
        before, stages = stages, plan.turned(stages) if plan else stages
        stages.encoder.payloads = payloads
        if books and (before is not stages or not outcome.samples):
            now = plan.course.effective if plan else configuration
            books.use(now, stages, (), configuration.revision, source.clock)
        try:
            tick = stages.pipeline.tick()
        except StopIteration:
            outcome.unmatched = stages.scorer.unmatched(source.table)
            outcome.incidents, outcome.incidents_seen = len(hindsight.present), len(hindsight.seen)
            outcome.hours.end()
            if books:
                books.close()
                if books.store.lost:  # an agent would go on; who asked for this ledger wants all of it
                    why = f"{ledger}: the ledger cannot be written: {books.store.trouble}; nothing is shown"
                    raise UsageError(why) from None
            return outcome
        outcome.add(tick, stages.encoder.costs)
        hindsight.look(tick)
        if export is not None and tick.records:
            payload = b"".join(record.payload for record in tick.records)
            export.export(payload, sum(record.points for record in tick.records))
        if progress is not None:
            progress(tick)


class _Plan:
    """The timetable of a capture's host. As in the agent, a change comes before the tick that is due."""

    def __init__(self, configuration: Configuration, source: ReplaySource) -> None:
        self._source = source
        self.course = course(configuration, source.host.id, source.next_ns or 0)

    def turned(self, stages: Stages) -> Stages:
        now_ns, before = self._source.next_ns, self.course
        now = None if now_ns is None else before.turned(now_ns)
        if now is None:
            return stages
        self.course = now
        if now.holding.effect == before.holding.effect:
            return stages
        new = _stages(now.effective, self._source)
        new.adopt(stages)
        return new


def _stages(configuration: Configuration, source: ReplaySource) -> Stages:
    every = exports_every(configuration.settings, configuration.profile)
    return build_stages(configuration, source.clock, source, first_export=offset(source.host.id, every))
