"""This host once: two samples a moment apart, judged as the agent would judge them now."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from nrdot.agent.source import build_sampler
from nrdot.agent.wire import build_stages
from nrdot.govern.course import course

if TYPE_CHECKING:
    from nrdot.agent.wire import Stages
    from nrdot.batch import Batch
    from nrdot.clock import Clock
    from nrdot.config.settled.configuration import Configuration
    from nrdot.govern.course import Course

APART = 1.0  # seconds


def survey(configuration: Configuration, clock: Clock, apart: float = APART) -> tuple[Course, Stages, Batch]:
    """What holds now, the stages after an export, and the batch that they judged.

    Raises ConfigError and StartError.
    """
    sampler = build_sampler(configuration, clock)
    now = course(configuration, sampler.host.id, clock.wall_ns())
    stages = build_stages(now.effective, clock, sampler)
    stages.pipeline.tick()
    clock.wait(Event(), apart)
    return now, stages, stages.pipeline.flush().batch
