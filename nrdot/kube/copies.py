"""The operator's copies of the cluster: every kind that a pass reads, and which changes ask for a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nrdot.cluster.api import Resource
from nrdot.cluster.objects import Autoscaler, ConfigMap, Custom, Node, Pod, Recommender
from nrdot.cluster.reflector import Reflector
from nrdot.kube.compiled import RULES_MAP
from nrdot.kube.confined import gone, nodes_of
from nrdot.kube.controller import View
from nrdot.kube.costs.keeper import PLURAL
from nrdot.kube.pointers import LABELS
from nrdot.kube.scaling import growing
from nrdot.kube.told import GROUP

if TYPE_CHECKING:
    from nrdot.clock import Clock
    from nrdot.cluster.api import Api
    from nrdot.cluster.objects import Kept
    from nrdot.kube.work import WorkQueue

EVERYTHING = "everything"  # the one key: a pass is cheap, and sees the cluster as a whole
LATER = 5.0  # seconds in which pods that come together become one pass; nobody waits for a proposal
SETTLE = 0.05  # seconds in which changes that come together become one pass


class Copies:
    """Every kind that a pass reads. A change of any of them asks for a pass."""

    def __init__(
        self, api: Api, clock: Clock, namespace: str, queue: WorkQueue, *, confined: bool = False
    ) -> None:
        """`confined` reads nothing outside the namespace, which leaves nodes to be guessed."""
        self._clock = clock
        everywhere = namespace if confined else ""

        def changed(_key: str, _old: Kept | None, _new: Kept | None) -> None:
            queue.add_after(EVERYTHING, SETTLE)

        def ours(plural: str) -> Reflector[Custom]:
            return Reflector(api, Resource(GROUP, plural, namespace), Custom, clock, changed)

        maps = Resource("v1", "configmaps", namespace)
        labels = ",".join(f"{key}={value}" for key, value in LABELS.items())
        self.profiles = ours("telemetryprofiles")
        self.policies = ours("classificationpolicies")
        self.rollouts = ours("profilerollouts")
        self.telemetries = Reflector(
            api, Resource(GROUP, "nodetelemetries", namespace), Custom, clock, _on_reports(queue)
        )
        self.nodes = (
            None if confined else Reflector(api, Resource("v1", "nodes"), Node, clock, _on_labels(queue))
        )
        self.maps = Reflector(api, maps, ConfigMap, clock, changed, labels=labels)
        self.autoscalers = Reflector(
            api,
            Resource("autoscaling/v2", "horizontalpodautoscalers", everywhere),
            Autoscaler,
            clock,
            _on_growth(queue),
        )
        self.pods = Reflector(api, Resource("v1", "pods", everywhere), Pod, clock, _on_workloads(queue))
        self.rules = Reflector(api, maps, ConfigMap, clock, changed, fields=f"metadata.name={RULES_MAP}")
        # A cluster whose definitions are older than the operator, or that has no Vertical Pod Autoscaler.
        self.costs = Reflector(
            api, Resource(GROUP, PLURAL, namespace), Custom, clock, _on_wishes(queue), optional=True
        )
        self.recommenders = Reflector(
            api,
            Resource("autoscaling.k8s.io/v1", "verticalpodautoscalers", everywhere),
            Recommender,
            clock,
            _nobody,
            optional=True,
        )

    @property
    def all(self) -> tuple[Reflector[Any], ...]:
        return (
            self.profiles,
            self.policies,
            self.rollouts,
            self.telemetries,
            *([self.nodes] if self.nodes is not None else []),
            self.maps,
            self.rules,
            self.autoscalers,
            self.pods,
            self.costs,
            self.recommenders,
        )

    @property
    def complete(self) -> bool:
        """Whether all were read. What is outside our namespace may be beyond our rights; that is said."""
        return all(
            copy.synced.is_set() or copy.absent or (not copy.resource.namespace and copy.forbidden)
            for copy in self.all
        )

    def view(self) -> View:
        telemetries, pods = self.telemetries.objects(), self.pods.objects()
        nodes = (
            self.nodes.objects()
            if self.nodes is not None
            else nodes_of(pods, telemetries, self._clock.wall_ns() / 1e9)
        )
        return View(
            profiles=self.profiles.objects(),
            policies=self.policies.objects(),
            rollouts=self.rollouts.objects(),
            telemetries=telemetries,
            nodes=nodes,
            gone=gone(nodes, telemetries) if self.nodes is None else (),
            maps=self.maps.objects(),
            rules=self.rules.objects(),
            pods=pods,
            costs=self.costs.objects(),
            recommenders=self.recommenders.objects(),
            frozen=growing(self.autoscalers.objects()),
            autoscalers=self.autoscalers.objects(),
        )


def _on_labels(queue: WorkQueue) -> Any:
    """Kubelets write a node's status all the time; only that it comes, goes or is relabelled counts."""

    def changed(_key: str, old: Node | None, new: Node | None) -> None:
        if old is None or new is None or old.metadata.labels != new.metadata.labels:
            queue.add_after(EVERYTHING, SETTLE)

    return changed


def _on_reports(queue: WorkQueue) -> Any:
    """Agents report all the time; figures that slowly change wait until a rollout is looked at anyway."""

    def changed(_key: str, old: Custom | None, new: Custom | None) -> None:
        if old is None or new is None or _told(old) != _told(new):
            queue.add_after(EVERYTHING, SETTLE)

    return changed


def _told(one: Custom) -> tuple[Any, ...]:
    said = one.status
    covered = (said.get("critical") or {}).get("covered")
    exact = (said.get("conservation") or {}).get("exact")
    measured = said.get("reduction") is not None
    proved = [(each["seen"] > 0, each["exported"] < each["seen"]) for each in said.get("requirements") or ()]
    told = (said.get("revision"), said.get("refused"), said.get("error"))
    return one.spec.get("pointer"), *told, covered, exact, measured, proved


def _on_wishes(queue: WorkQueue) -> Any:
    """A cost report is computed at its own pace; only what is asked of it counts at once."""

    def changed(_key: str, old: Custom | None, new: Custom | None) -> None:
        if old is None or new is None or old.metadata.generation != new.metadata.generation:
            queue.add_after(EVERYTHING, SETTLE)

    return changed


def _nobody(_key: str, _old: Kept | None, _new: Kept | None) -> None:
    """Recommendations are read when a cost report is computed."""


def _on_workloads(queue: WorkQueue) -> Any:
    """Pods come and go all the time, and are for proposals only."""

    def changed(_key: str, old: Pod | None, new: Pod | None) -> None:
        if old is None or new is None or old.metadata.labels != new.metadata.labels:
            queue.add_after(EVERYTHING, LATER)

    return changed


def _on_growth(queue: WorkQueue) -> Any:
    """Autoscalers write what they measured all the time; only that one begins or ends to grow counts."""

    def changed(_key: str, old: Autoscaler | None, new: Autoscaler | None) -> None:
        if _size(old) != _size(new):
            queue.add_after(EVERYTHING, SETTLE)

    return changed


def _size(one: Autoscaler | None) -> tuple[Any, ...]:
    if one is None:
        return (False, False)
    return one.grows, one.smallest, one.status.last_scale_time if one.smallest else ""
