"""What pods ask for beside what they use, by namespace and by workload, with what the VPA recommends.

Requests come from the pods that the operator knows, measurements from the agents, recommendations from
objects that exist only where the Vertical Pod Autoscaler is installed. What nobody knows is left out, not
taken for 0.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nrdot.cluster.pods import quantity, workload_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nrdot.cluster.objects import Container, Pod, Recommender
    from nrdot.kube.costs.usage import Fleet

MOST = 50  # workloads in a status
OVER = {"Succeeded", "Failed"}  # phases in which a pod asks for nothing any more
Workload = tuple[str, str]  # namespace, and kind with name
Amount = tuple[float, float]  # cores, bytes


@dataclass(slots=True)
class Asked:
    pods: int = 0
    cpu: float = 0.0  # cores
    memory: float = 0.0  # bytes


@dataclass(frozen=True, slots=True)
class Requests:
    """By namespace and by workload; empty where no pod may be read."""

    namespaces: Mapping[str, Asked] = field(default_factory=dict)
    workloads: Mapping[Workload, Asked] = field(default_factory=dict)
    recommended: Mapping[Workload, Amount] = field(default_factory=dict)  # for one pod


def requests_of(pods: Iterable[Pod], recommenders: Iterable[Recommender]) -> Requests:
    namespaces: dict[str, Asked] = defaultdict(Asked)
    workloads: dict[Workload, Asked] = defaultdict(Asked)
    for pod in pods:
        if pod.status.phase in OVER or not pod.spec.node_name:
            continue
        kind, name = workload_of(pod)
        namespace = pod.metadata.namespace
        workload = f"{kind}/{name}" if kind else f"Pod/{pod.metadata.name}"
        cpu, memory = _asked(pod.spec.containers)
        for asked in (namespaces[namespace], workloads[(namespace, workload)]):
            asked.pods += 1
            asked.cpu += cpu
            asked.memory += memory
    recommended = {
        (one.metadata.namespace, f"{one.spec.target_ref.kind}/{one.spec.target_ref.name}"): target
        for one in recommenders
        if (target := _target(one)) is not None
    }
    return Requests(dict(namespaces), dict(workloads), recommended)


def _asked(containers: Sequence[Container]) -> Amount:
    asked = [container.resources.requests for container in containers]
    return (
        sum(quantity(one.get("cpu", "")) for one in asked),
        sum(quantity(one.get("memory", "")) for one in asked),
    )


def _target(found: Recommender) -> Amount | None:
    """Of all containers of a pod; None as long as nothing is recommended."""
    said = found.status.recommendation
    targets = [one.target for one in (said.container_recommendations or ())] if said else []
    if not targets:
        return None
    return (
        sum(quantity(one.get("cpu", "")) for one in targets),
        sum(quantity(one.get("memory", "")) for one in targets),
    )


def of_namespace(found: Requests, namespace: str, cpu: float, memory: float) -> dict[str, Any]:
    """The two tables of a namespace in the status."""
    asked = found.namespaces.get(namespace)
    return {
        "cpu": _beside(f"{cpu:.3f}", f"{asked.cpu:.3f}" if asked else None),
        "memory": _beside(round(memory), round(asked.memory) if asked else None),
    }


def of_workloads(found: Requests, fleet: Fleet) -> list[dict[str, Any]]:
    """Where requests and use of CPU differ most comes first."""
    rows = []
    for key in sorted(found.workloads.keys() & fleet.workloads.keys()):
        asked, (cpu, memory) = found.workloads[key], fleet.workloads[key]
        advice = found.recommended.get(key)
        rows.append(
            (
                -abs(asked.cpu - cpu),
                key,
                {
                    "namespace": key[0],
                    "workload": key[1],
                    "pods": asked.pods,
                    "cpu": _beside(
                        f"{cpu:.3f}", f"{asked.cpu:.3f}", f"{advice[0] * asked.pods:.3f}" if advice else None
                    ),
                    "memory": _beside(
                        round(memory), round(asked.memory), round(advice[1] * asked.pods) if advice else None
                    ),
                },
            )
        )
    return [row for *_, row in sorted(rows, key=lambda row: row[:2])[:MOST]]


def _beside(used: object, requested: object = None, recommended: object = None) -> dict[str, Any]:
    said = {"requested": requested, "used": used, "recommended": recommended}
    return {name: value for name, value in said.items() if value is not None}
