"""A capture to its end, and who was kept at its last export, why, and in which group the others are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.agent.wire import build_stages, points_per_process
from nrdot.config.settled.intervals import exports_every
from nrdot.errors import CaptureError
from nrdot.export.pace import offset
from nrdot.sample.replay import ReplaySource
from nrdot.score.names import names_of
from nrdot.simulate.outcome import Outcome
from nrdot.stages import Reason, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.agent.wire import Stages
    from nrdot.config.settled.configuration import Configuration
    from nrdot.pipeline import Tick


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one process at one export."""

    pid: int
    name: str
    names: tuple[str, ...]  # every name that it goes by
    class_name: str
    score: float
    never_filtered: bool
    verdict: Verdict
    reason: Reason
    group: str  # name and kind of the group that it is summed into; empty where it is kept
    threshold: float


@dataclass(frozen=True, slots=True)
class Verdicts:
    """One capture under one configuration."""

    outcome: Outcome
    processes: tuple[Judged, ...]


def verdicts(capture: Path, configuration: Configuration) -> Verdicts:
    """Raises CaptureError, also where the capture is too short for an export, and ConfigError."""
    profile, settings = configuration.profile, configuration.settings
    source = ReplaySource(capture, command_lines=settings.command_line.enabled)
    first_export = offset(source.host.id, exports_every(settings, profile))
    stages = build_stages(configuration, source.clock, source, first_export=first_export)
    outcome = Outcome(points_per_process(profile), settings.baseline.interval)
    last: tuple[Judged, ...] | None = None
    while True:
        try:
            tick = stages.pipeline.tick()
        except StopIteration:
            break
        outcome.add(tick, stages.encoder.costs)
        if tick.frame is not None and tick.frame.whole:
            last = tuple(_judged(stages, tick))
    if last is None:
        every = exports_every(settings, profile)
        raise CaptureError(f"{capture}: too short to see an export each {every:g} s; record longer")
    return Verdicts(outcome, last)


def _judged(stages: Stages, tick: Tick) -> list[Judged]:
    batch, table = tick.batch, tick.batch.table
    groups = stages.aggregator.groups
    by_slot = {group.slot: f"{group.key.name} ({group.key.kind})" for group in groups.open.values()}
    slots = groups.locate(batch.living).tolist()
    scopes = stages.policy.remembered.scope
    found = []
    for row, slot in zip(batch.living.tolist(), slots, strict=True):
        verdict = Verdict(int(table.verdict[row]))
        group = "dropped" if verdict is Verdict.DROP else by_slot.get(slot, "other")
        found.append(
            Judged(
                pid=int(table.pid[row]),
                name=table.identity[row].name,
                names=names_of(table.identity[row]).distinct(),
                class_name=stages.scorer.patterns.class_names[table.class_id[row]],
                score=float(table.score[row]),
                never_filtered=bool(table.never_filtered[row]),
                verdict=verdict,
                reason=Reason(int(table.reason[row])),
                group="" if verdict is Verdict.KEEP else group,
                threshold=stages.policy.rules[int(scopes[row])].threshold,
            )
        )
    return found
