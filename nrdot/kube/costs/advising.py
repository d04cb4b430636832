"""Which profile each namespace is advised to have, from what a cost report asks for and what nodes said."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from nrdot.cluster.usage import PROFILES
from nrdot.kube.costs.optimizer import COVERAGE, MINIMUM, UNSEEN, Advice, Scene, Sight, Wish, advance
from nrdot.kube.costs.status import advice_of
from nrdot.kube.plans import status_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.cluster.objects import Custom, Node, Pod, Recommender
    from nrdot.kube.costs.optimizer import Terms
    from nrdot.kube.costs.usage import Fleet, Part

MOST = 200  # namespaces of a status


@dataclass(frozen=True, slots=True)
class Seen:
    """What a cost report is made of."""

    reports: Sequence[Custom]
    telemetries: Sequence[Custom]
    nodes: Sequence[Node]
    profiles: Sequence[Custom]
    rollouts: Sequence[Custom]
    pods: Sequence[Pod]
    recommenders: Sequence[Recommender]


def age(found: Custom) -> tuple[str, str]:
    """What is older comes first."""
    return found.metadata.creation_timestamp, found.metadata.name


def optimizes(report: Custom) -> bool:
    return report.spec.get("optimizer") is not None


def advised(
    report: Custom, seen: Seen, fleet: Fleet, terms: Terms, now: float
) -> tuple[list[Advice], list[tuple[str, str]]]:
    """Advice for each namespace that was ever heard of, and what is to be told of it."""
    spec = report.spec["optimizer"]
    held = _under_way(seen)
    known = {one.namespace: one for one in advice_of(report.status)}
    parts = fleet.namespaces()
    advices: list[Advice] = []
    told: list[tuple[str, str]] = []
    for name in _names(spec, parts, known):
        wish = Wish(
            against=_against(spec, name, seen.profiles),
            minimum=float(spec.get("minimum", MINIMUM)),
            coverage=float(spec.get("coverage", COVERAGE)),
        )
        sight = _sight(fleet, parts[name]) if name in parts else None
        after, occasion = advance(Scene(terms, wish, sight, now, held), known.get(name, Advice(name)))
        if sight is not None or after.state != "Watching" or after.votes.strip(UNSEEN):
            advices.append(after)
        if occasion:
            told.append((occasion, f"{name}: {after.profile}; {after.reason}; {after.evidence}"))
    return advices, told


def _names(spec: Mapping[str, Any], parts: Mapping[str, Part], known: Mapping[str, Advice]) -> Sequence[str]:
    """Those that are known stay; the largest of the others have the places that are left."""
    fresh = [name for name in parts if name not in known and _wanted(spec, name)]
    fresh.sort(key=lambda name: (-parts[name].get("points"), name))
    return sorted([*known, *fresh[: max(0, MOST - len(known))]])


def _wanted(spec: Mapping[str, Any], namespace: str) -> bool:
    chosen = any(fnmatchcase(namespace, glob) for glob in spec.get("namespaces") or ("*",))
    return chosen and not any(fnmatchcase(namespace, glob) for glob in spec.get("exclude") or ())


def _against(spec: Mapping[str, Any], namespace: str, profiles: Sequence[Custom]) -> str:
    """Why nothing is applied to a namespace; empty where that is allowed."""
    if spec.get("apply") != "Apply":
        return "the resource says Propose"
    if not _wanted(spec, namespace):
        return "the resource leaves this namespace out"
    for profile in profiles:
        configured = (profile.spec.get("configuration") or {}).get("scopes") or ()
        for scope in (*configured, *(profile.spec.get("workloads") or ())):
            if isinstance(scope, dict) and fnmatchcase(namespace, str(scope.get("namespace") or "")):
                return f"TelemetryProfile {profile.metadata.name} speaks of this namespace"
    return ""


def _under_way(seen: Seen) -> str:
    """Why nothing may change: a rollout would begin anew, and would not know what it is judged by."""
    names = {one.metadata.name for one in seen.profiles}
    newest: dict[str, Custom] = {}
    for rollout in sorted(seen.rollouts, key=age):
        newest[str(rollout.spec.get("profile") or "")] = rollout
    for name, rollout in sorted(newest.items()):
        if name in names and not status_of(rollout).settled:
            return f"ProfileRollout {rollout.metadata.name} is under way"
    return ""


def _sight(fleet: Fleet, part: Part) -> Sight:
    hidden, groups = fleet.total("points_hidden"), fleet.parts.get(("groups", ""))
    summed = groups.get("points_sent") * part.get("points_hidden") / hidden if groups and hidden else 0.0
    points, critical = part.get("points"), part.get("critical")
    return Sight(
        profile=part.profile,
        processes=part.get("processes"),
        cpu=part.get("cpu"),
        would={name: part.would[name] for name in PROFILES if name in part.would},
        sent=(part.get("points_sent") + summed) / points if points else None,
        critical=min(1.0, part.get("critical_sent") / critical) if critical else 1.0,
    )
