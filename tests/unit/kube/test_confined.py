"""What an operator knows of nodes when its rights end with its namespace."""

from __future__ import annotations

from nrdot.clock import SystemClock
from nrdot.cluster.objects import Annotated, Custom, Metadata, Pod, PodSpec
from nrdot.kube.confined import FRESH, gone, nodes_of
from nrdot.kube.copies import Copies
from nrdot.kube.plans import rfc3339
from nrdot.kube.work import WorkQueue
from nrdot.testing.clusters.api_server import FakeApi

NOW = 1_800_000_000.0


def _pod(name: str, node: str, app: str = "nrdot-agent") -> Pod:
    return Pod(Annotated(name, "home", labels={"app.kubernetes.io/name": app}), PodSpec(node))


def _telemetry(name: str, age: float) -> Custom:
    return Custom(Metadata(name), {}, {"reportedAt": rfc3339(NOW - age)})


def test_a_node_is_where_an_agents_pod_runs_or_reported_a_moment_ago() -> None:
    pods = [_pod("a", "node-1"), _pod("b", ""), _pod("c", "node-9", "shop")]
    telemetries = [_telemetry("node-1", 5000), _telemetry("node-2", 60), _telemetry("node-3", FRESH + 60)]
    nodes = nodes_of(pods, telemetries, NOW)
    assert [one.metadata.name for one in nodes] == ["node-1", "node-2"]
    assert nodes[0].metadata.labels == {"kubernetes.io/hostname": "node-1"}
    assert gone(nodes, telemetries) == ["node-3"]


def test_a_node_that_never_reported_counts_from_when_it_was_written_down() -> None:
    def written(age: float) -> Custom:
        return Custom(Metadata("node-1", creation_timestamp=rfc3339(NOW - age)))

    assert nodes_of([], [written(60)], NOW)
    assert not nodes_of([], [written(FRESH + 60)], NOW)


def test_nothing_outside_the_namespace_is_asked_for() -> None:
    clock = SystemClock()
    copies = Copies(FakeApi(), clock, "home", WorkQueue(clock), confined=True)
    assert {copy.resource.namespace for copy in copies.all} == {"home"}
    assert "nodes" not in {copy.resource.plural for copy in copies.all}
