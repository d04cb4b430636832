"""With rights in one namespace: nodes are those that an agent's pod runs on, known by their names alone.

Nobody tells when such a node is gone. So one without an agent's pod counts for as long as its last report is
fresh: an agent that is being replaced leaves no gap, and a node that was taken away holds no rollout up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.cluster.objects import Metadata, Node
from nrdot.kube.plans import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nrdot.cluster.objects import Custom, Pod

AGENT = ("app.kubernetes.io/name", "nrdot-agent")
FRESH = 600.0  # seconds; agents report every five minutes, and a rollout waits a little longer than this
LOST = (
    "labels of nodes, so a nodeSelector knows kubernetes.io/hostname only and no zone gives its share; "
    "pods and autoscalers of other namespaces; the policy by which an agent writes about its own node only"
)


def nodes_of(pods: Iterable[Pod], telemetries: Sequence[Custom], now: float) -> list[Node]:
    """The nodes that there are, as far as one namespace tells."""
    label, value = AGENT
    names = {
        pod.spec.node_name for pod in pods if pod.metadata.labels.get(label) == value and pod.spec.node_name
    }
    names |= {one.metadata.name for one in telemetries if now - _heard(one) <= FRESH}
    return [Node(Metadata(name, labels={"kubernetes.io/hostname": name})) for name in sorted(names)]


def gone(nodes: Iterable[Node], telemetries: Iterable[Custom]) -> list[str]:
    """Of which nodes there is a NodeTelemetry, and nothing else any more."""
    known = {node.metadata.name for node in nodes}
    return [one.metadata.name for one in telemetries if one.metadata.name not in known]


def _heard(one: Custom) -> float:
    """Seconds since the epoch; a node that never reported counts from when it was written down."""
    said = str(one.status.get("reportedAt") or one.metadata.creation_timestamp)
    return seconds(said) or 0.0
