"""Workloads that no rule speaks of, and what they probably are: a proposal with its evidence, for a person.

Evidence is what the cluster itself shows: the program that an image is called after, and labels that say what
a component is. A workload of which neither is known gets a proposal as well, of the least confidence, so that
nothing new goes unseen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nrdot.batch import Identity
from nrdot.cluster.pods import workload_of
from nrdot.config.schema.scoring import Packs
from nrdot.errors import ConfigError
from nrdot.score.packs import packs_of
from nrdot.score.patterns import PatternPart
from nrdot.score.selector import parse_selector

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nrdot.cluster.objects import Custom, Pod

BY_IMAGE, BY_LABEL, UNKNOWN = 0.9, 0.75, 0.3  # confidence
MIDDLE = 0.5  # score of what nothing is known about
MOST = 100  # proposals in a status
# Labels that name one workload, the most usual first: what a rule would select by.
NAMES = ("app.kubernetes.io/name", "app", "k8s-app")
# What a component is called in labels, as class and score.
COMPONENTS = {
    "database": ("database", 0.9),
    "db": ("database", 0.9),
    "cache": ("cache", 0.8),
    "queue": ("queue", 0.8),
    "broker": ("queue", 0.8),
    "frontend": ("frontend", 0.8),
    "gateway": ("frontend", 0.8),
    "backend": ("backend", 0.7),
    "api": ("backend", 0.7),
    "worker": ("worker", 0.5),
    "cron": ("batch", 0.3),
    "batch": ("batch", 0.3),
}
COMPONENT_LABELS = ("app.kubernetes.io/component", "component", "tier", "role")


@dataclass(frozen=True, slots=True)
class Proposal:
    namespace: str
    workload: str
    class_name: str
    score: float
    confidence: float
    evidence: str
    selector: str  # a rule that would speak of it; empty where no label names it alone

    def document(self, *, applied: bool) -> dict[str, Any]:
        return {
            "namespace": self.namespace,
            "workload": self.workload,
            "class": self.class_name,
            "score": self.score,
            "confidence": self.confidence,
            "evidence": self.evidence,
            "applied": applied,
        }

    def rule(self) -> dict[str, Any]:
        return {"selector": self.selector, "score": self.score}


class Discovery:
    """Knows the shipped packs; everything else is asked of it anew."""

    def __init__(self) -> None:
        self._patterns = PatternPart((), packs_of(Packs()))

    def proposals(self, pods: Iterable[Pod], selectors: Sequence[str]) -> list[Proposal]:
        """One for each workload none of whose pods a selector matches, in the order of their names."""
        rules = [parse_selector(one) for one in selectors if _parses(one)]
        found: dict[tuple[str, str], Pod] = {}
        spoken: set[tuple[str, str]] = set()
        for pod in pods:
            kind, name = workload_of(pod)
            if not kind or kind == "Node":  # a static pod belongs to its node
                continue
            key = (pod.metadata.namespace, f"{kind}/{name}")
            labels = {**pod.metadata.labels, "namespace": pod.metadata.namespace, "workload": key[1]}
            if any(rule.matches(labels) for rule in rules):
                spoken.add(key)
            else:
                found.setdefault(key, pod)
        return [self._proposal(*key, found[key]) for key in sorted(found.keys() - spoken)]

    def _proposal(self, namespace: str, workload: str, pod: Pod) -> Proposal:
        class_name, score, confidence, evidence = self._judged(pod)
        selector = next(
            (f"{name}={pod.metadata.labels[name]}" for name in NAMES if pod.metadata.labels.get(name)), ""
        )
        return Proposal(namespace, workload, class_name, score, confidence, evidence, selector)

    def _judged(self, pod: Pod) -> tuple[str, float, float, str]:
        for container in pod.spec.containers:
            name = _program(container.image)
            rule = self._patterns.classify(Identity(name)) if name else None
            if rule is not None:
                words = f"image {container.image} is called after {name}, of class {rule.name}"
                return rule.name, rule.score, BY_IMAGE, words
        for label in COMPONENT_LABELS:
            value = pod.metadata.labels.get(label, "")
            if value.lower() in COMPONENTS:
                class_name, score = COMPONENTS[value.lower()]
                return class_name, score, BY_LABEL, f"label {label}={value}"
        return "unknown", MIDDLE, UNKNOWN, "neither image nor labels say what it is"


def selectors_of(policies: Iterable[Custom], documents: Iterable[Mapping[str, Any]]) -> list[str]:
    """The selectors of every rule that gives a score; those that only modify one speak of nothing."""
    sources = [*(policy.spec for policy in policies), *documents]
    return [
        str(rule["selector"])
        for source in sources
        for rule in source.get("label_based_scoring") or ()
        if "score" in rule and "selector" in rule
    ]


def _program(image: str) -> str:
    """`registry.example/team/postgres:16@sha256:...` is called after postgres."""
    return image.partition("@")[0].rsplit("/", 1)[-1].partition(":")[0]


def _parses(selector: str) -> bool:
    try:
        parse_selector(selector)
    except ConfigError:
        return False  # the compiler says so where it stands
    return True
