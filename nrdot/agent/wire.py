"""The one place that constructs: a checked configuration becomes stages, and stages a pipeline.

Nothing else calls constructors across rooms. A reload builds a second set of parts beside the running one;
what the change leaves alone stays the same object, so that no series breaks that need not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot import __version__
from nrdot.agent.judgement import build_policy, build_scorer
from nrdot.aggregate.aggregator import ExactAggregator
from nrdot.aggregate.groups import Groups
from nrdot.aggregate.quiet import Quiet
from nrdot.encode.attributes import Resources
from nrdot.encode.catalogue import select
from nrdot.encode.encoder import OtlpEncoder
from nrdot.encode.redact import CommandLines
from nrdot.identify.identifier import OwnerIdentifier
from nrdot.identify.labels import StaticLabels
from nrdot.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.clock import Clock
    from nrdot.config.schema.profiles import Profile
    from nrdot.config.schema.settings import Settings
    from nrdot.config.settled.configuration import Configuration
    from nrdot.decide.policy import Policy
    from nrdot.identify.labels import LabelSource
    from nrdot.score.combine import CompositeScorer
    from nrdot.stages import Buffer, Record, Sampler, SelfMetrics


@dataclass(frozen=True, slots=True)
class Stages:
    """A pipeline with the stages that people ask questions of."""

    pipeline: Pipeline
    scorer: CompositeScorer
    policy: Policy
    aggregator: ExactAggregator
    encoder: OtlpEncoder

    def adopt(self, before: Stages) -> None:
        """Go on where the stages of the configuration before have come to: series, holds and groups.

        Series whose metrics or attributes are the same go on; the others end and begin anew.
        """
        self.policy.adopt(before.policy)
        self.aggregator.adopt(before.aggregator)
        if self.encoder.adopt(before.encoder):
            self.aggregator.restart(self.pipeline.sampler.table)
        self.pipeline.fresh = True


class NoMetrics:
    """SelfMetrics for whoever wants only the processes: captures, comparisons, benchmarks."""

    def records(self, time_ns: int) -> Sequence[Record]:  # noqa: ARG002 - the stage's interface
        return ()


def build_identifier(configuration: Configuration, sources: Sequence[LabelSource] = ()) -> OwnerIdentifier:
    labels = configuration.settings.labels
    return OwnerIdentifier([*([StaticLabels(labels)] if labels else []), *sources])


def points_per_process(profile: Profile) -> int:
    return sum(len(metric.points) for metric in select(profile.metrics))


def build_stages(
    configuration: Configuration,
    clock: Clock,
    sampler: Sampler,
    buffers: Sequence[Buffer] = (),
    telemetry: SelfMetrics | None = None,
    *,
    first_export: float = 0.0,
    labels: Sequence[LabelSource] = (),
    scorer: CompositeScorer | None = None,
) -> Stages:
    """A pipeline over a source, whose first export comes `first_export` seconds after the first sample.

    `scorer` is one that scores already, for stages beside others. Raises ConfigError where rules cannot be
    built.
    """
    settings, profile = configuration.settings, configuration.profile
    metrics = select(profile.metrics, stable=settings.semconv == "stable")
    scorer = scorer or build_scorer(configuration, clock)
    policy = build_policy(configuration, scorer, points_per_process(profile), first_export)
    groups = Groups(
        profile.roll_up.by,
        lambda number: scorer.patterns.class_names[number],
        limit=profile.roll_up.groups,
        hold=profile.roll_up.hold,
        members=profile.roll_up.members,
    )
    quiet = (
        Quiet(profile.heartbeat, lambda capacity: scorer.patterns.handled("no_sampling", capacity))
        if profile.suppresses_unchanged
        else None
    )
    aggregator = ExactAggregator(groups, clock, quiet=quiet)
    encoder = OtlpEncoder(
        metrics,
        Resources(settings.resource, _command_lines(settings)),
        version=__version__,
        stable=settings.semconv == "stable",
        zero_points=settings.series.zero_points,
        end_markers=settings.series.end_markers,
    )
    pipeline = Pipeline(
        sampler=sampler,
        identifier=build_identifier(configuration, labels),
        scorer=scorer,
        decider=policy,
        aggregator=aggregator,
        encoder=encoder,
        buffers=buffers,
        telemetry=telemetry or NoMetrics(),
    )
    return Stages(pipeline, scorer, policy, aggregator, encoder)


def _command_lines(settings: Settings) -> CommandLines | None:
    stated = settings.command_line
    return CommandLines(stated.redact, stated.max_length) if stated.enabled else None
