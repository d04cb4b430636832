"""From the configuration's rules to the stages that judge: the scorer and the policy."""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.config.paths import data_dirs
from nrdot.config.settled.intervals import exports_every
from nrdot.decide.allowance import Allowance
from nrdot.decide.anomaly import AnomalyDetector
from nrdot.decide.budget import SeriesBudget
from nrdot.decide.policy import Policy
from nrdot.decide.rules import Rules
from nrdot.errors import ConfigError
from nrdot.identify.labels import labels_of
from nrdot.score.business import BusinessPart, Overrides
from nrdot.score.combine import CompositeScorer, Weights
from nrdot.score.incident_file import load_incidents
from nrdot.score.incidents import IncidentPart
from nrdot.score.labels import LabelPart
from nrdot.score.model import ModelPart
from nrdot.score.model_file import load_model
from nrdot.score.packs import packs_of
from nrdot.score.patterns import PatternPart
from nrdot.score.rules import BusinessRule, ClassRule, LabelRule, OverrideRule
from nrdot.score.selector import parse_selector
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from nrdot.batch import Identity
    from nrdot.clock import Clock
    from nrdot.config.schema.profiles import DropRule, Profile
    from nrdot.config.schema.settings import Settings
    from nrdot.config.schema.timing import Scope
    from nrdot.config.settled.configuration import Configuration

_log = Log("agent")


def build_scorer(configuration: Configuration, clock: Clock) -> CompositeScorer:
    """Every part of the score. Raises ConfigError on rules that cannot be built."""
    settings = configuration.settings
    patterns = PatternPart(_own_classes(settings), packs_of(settings.packs))
    weights = configuration.profile.weights
    return CompositeScorer(
        patterns=patterns,
        labels=LabelPart(
            [
                LabelRule(parse_selector(rule.selector), rule.score, rule.score_modifier)
                for rule in settings.label_based_scoring
            ],
            labels_of,
            patterns.class_scores,
        ),
        model=_model(settings, patterns),
        business=BusinessPart(_business(settings), labels_of),
        incidents=_incidents(settings, clock),
        overrides=Overrides(_overrides(settings), clock),
        clock=clock,
        weights=Weights(weights.pattern, weights.model, weights.business, weights.incident),
    )


def build_policy(
    configuration: Configuration, scorer: CompositeScorer, points: int, first_export: float
) -> Policy:
    """Verdicts by the host's profile, and by other profiles within their scopes."""
    settings, profile = configuration.settings, configuration.profile
    chosen = [profile, *(configuration.profiles[scope.profile] for scope in settings.scopes)]
    names = scorer.patterns.class_names
    # In real time every sample is due, however soon it comes.
    every = min(0.0 if one.real_time else exports_every(settings, one) for one in chosen)
    return Policy(
        [_rules(one) for one in chosen],
        # A group sends the number of its members beside the metrics of a process.
        SeriesBudget(profile.budget, reserved=profile.roll_up.groups * (points + 1), points=points),
        export_interval=every,
        interval=settings.agent.interval,
        scope_of=_scope_of(settings.scopes),
        class_name=lambda number: names[number],
        every_sample=lambda capacity: scorer.patterns.handled("no_sampling", capacity),
        observe=settings.mode == "observe",
        first_export=first_export,
        anomalies=_anomalies(profile),
        pod_grace=settings.kubernetes.pod_grace if settings.kubernetes else 0.0,
        allowance=Allowance(profile.points, points=points, export_interval=every or settings.agent.interval),
    )


def _anomalies(profile: Profile) -> AnomalyDetector | None:
    wanted = profile.anomaly
    if not wanted.enabled:
        return None
    return AnomalyDetector(sensitivity=wanted.sensitivity, warm_up=wanted.warm_up, restarts=wanted.restarts)


def _rules(profile: Profile) -> Rules:
    return Rules(
        threshold=profile.threshold,
        top_cpu=profile.top_n.cpu,
        top_memory=profile.top_n.memory,
        top_io=profile.top_n.io,
        hold=profile.hold,
        grace=profile.grace,
        cpu_coverage=profile.top_n.cpu_coverage,
        visible=profile.full_visibility or not profile.aggregation,
        drop=_drop(profile.drop) if profile.drop else None,
    )


def _drop(rules: tuple[DropRule, ...]) -> Callable[[Identity, str, float], bool]:
    def drops(identity: Identity, class_name: str, score: float) -> bool:
        return any(
            (rule.process is None or fnmatchcase(identity.name, rule.process))
            and (rule.class_ is None or class_name == rule.class_)
            and (rule.below is None or score < rule.below)
            for rule in rules
        )

    return drops


def _scope_of(scopes: tuple[Scope, ...]) -> Callable[[Identity, str], int]:
    """The first scope that matches, counted from 1; 0 is the host's profile."""
    selectors = [parse_selector(scope.selector) if scope.selector else None for scope in scopes]

    def scope_of(identity: Identity, class_name: str) -> int:
        owner = identity.owner
        for number, (scope, selector) in enumerate(zip(scopes, selectors, strict=True), start=1):
            conditions = (
                (scope.process, identity.name),
                (scope.class_, class_name),
                (scope.namespace, owner.namespace),
                (scope.unit, owner.unit),
                (scope.user, identity.user),
            )
            if all(glob is None or fnmatchcase(text, glob) for glob, text in conditions) and (
                selector is None or selector.matches(labels_of(identity))
            ):
                return number
        return 0

    return scope_of


def _own_classes(settings: Settings) -> list[ClassRule]:
    return [
        ClassRule(
            name=name,
            score=rule.score,
            patterns=rule.patterns,
            special_handling=frozenset(
                word
                for word in ("no_sampling", "full_audit_trail", "encrypted_storage")
                if getattr(rule.special_handling, word)
            ),
            requirement=rule.requirement,
        )
        for name, rule in settings.process_classification.items()
    ]


def _overrides(settings: Settings) -> list[OverrideRule]:
    return [
        OverrideRule(
            process=rule.process,
            force_collect=rule.force_collect,
            importance=rule.importance,
            reason=rule.reason,
            expires_ns=_unix_ns(rule.expires) if rule.expires else None,
            requirement=rule.requirement,
        )
        for rule in (*settings.overrides, *settings.active_region_handling.overrides)
    ]


def _unix_ns(text: str) -> int:
    """A date or an RFC 3339 time, checked by the configuration's rules; without an offset it is UTC."""
    time = datetime.fromisoformat(text)
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()) * 1_000_000_000


def _business(settings: Settings) -> list[BusinessRule]:
    return [
        BusinessRule(
            score=rule.score,
            process=rule.process or "",
            unit=rule.unit or "",
            namespace=rule.namespace or "",
            user=rule.user or "",
            selector=parse_selector(rule.selector) if rule.selector else None,
            reason=rule.reason,
            requirement=rule.requirement,
        )
        for rule in settings.business_rules
    ]


def _incidents(settings: Settings, clock: Clock) -> IncidentPart:
    if settings.incidents is None:
        return IncidentPart((), 1.0, clock)
    found = load_incidents(Path(settings.incidents.file))
    for line in found.left_out:
        _log.warning(line)
    return IncidentPart(found.incidents, settings.incidents.half_life, clock)


def _model(settings: Settings, patterns: PatternPart) -> ModelPart:
    """The user's model, or the shipped one; what is refused leaves the rules to themselves, and says so."""
    if not settings.model.enabled:
        return ModelPart(None, patterns.class_scores, "the model is switched off")
    shipped = [path / "model.json" for path in data_dirs("classifiers")]
    stated = [Path(settings.model.file)] if settings.model.file else shipped
    for path in stated:
        if not settings.model.file and not path.exists():
            continue
        try:
            found = load_model(path, sha256=settings.model.sha256, size_limit=settings.model.max_size)
            return ModelPart(found, patterns.class_scores)
        except ConfigError as error:
            _log.error(str(error))
            return ModelPart(None, patterns.class_scores, str(error))
    return ModelPart(None, patterns.class_scores)
