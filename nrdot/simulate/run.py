"""One capture, one profile: what the agent would have exported, to the byte.

The capture drives the very stages that the agent runs. Nothing is shed, and the agent's own metrics are set
aside, so the same capture and configuration always give the same records.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from nrdot.agent.intervals import exports_every
from nrdot.agent.wire import build_stages, points_per_process
from nrdot.export.pace import offset
from nrdot.sample.replay import ReplaySource
from nrdot.simulate.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nrdot.config.configuration import Configuration
    from nrdot.config.schema_profile import Profile
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
) -> Outcome:
    """Run a capture to its end. Raises CaptureError and ConfigError."""
    profile, settings = configuration.profile, configuration.settings
    source = ReplaySource(capture, command_lines=settings.command_line.enabled)
    first_export = offset(source.host.id, exports_every(settings, profile))
    stages = build_stages(configuration, source.clock, source, first_export=first_export)
    outcome = Outcome(points_per_process(profile), settings.baseline.interval)
    while True:
        try:
            tick = stages.pipeline.tick()
        except StopIteration:
            return outcome
        outcome.add(tick)
        if export is not None and tick.records:
            payload = b"".join(record.payload for record in tick.records)
            export.export(payload, sum(record.points for record in tick.records))
        if progress is not None:
            progress(tick)
