"""The operator with a service account that has rights in one namespace, on a real API server."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from parts.kubernetes import Cluster, Kubelet, RefusedError, pod
from parts.operated import Home, Operator, define
from parts.pretended import Agents
from parts.printed import granted, path_of, printed
from parts.program import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NODES = ["node-a", "node-b"]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose administrator has made two nodes and our definitions, and nothing else."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        define(running)
        kubelet = Kubelet(running)
        kubelet.nodes(NODES)
        kubelet.close()
        yield running


@pytest.fixture
def cluster(bare: Cluster) -> Home:
    """A namespace with what `nrdot operator manifests --namespaced` prints, an agent's pod on each node."""
    home = Home(bare)
    for document in printed("--namespaced", "--namespace", home.namespace):
        home.apply(path_of(document), document, fieldValidation="Strict")
    kubelet = Kubelet(home)
    labels = {"app.kubernetes.io/name": "nrdot-agent"}
    kubelet.pods(pod(f"agent-{name}", name, namespace=home.namespace, labels=labels) for name in NODES)
    kubelet.close()
    return home


@contextmanager
def _confined(cluster: Home, folder: Path) -> Iterator[Operator]:
    token = cluster.token("nrdot-operator", cluster.namespace)
    with Operator(
        cluster, folder, "confined", "--namespaced", kubeconfig=cluster.kubeconfig(token)
    ) as running:
        yield running


def test_nodes_are_those_of_agents_and_a_rollout_goes_its_way(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    cluster.profile(profile="balanced")
    with _confined(cluster, tmp_path) as operator:
        wait_until(cluster.pointer, "a pointer")
        wait_until(lambda: len(agents.turn(NODES)) == 2, "both nodes to be pointed")
        cluster.rollout()
        cluster.profile(profile="aggressive")

        def succeeded() -> bool:
            agents.turn(NODES)
            changed = "aggressive" in cluster.pointer()["stable.yaml"]
            return changed and cluster.phase() == "Succeeded" and cluster.status()["nodes"] == 2

        wait_until(succeeded, lambda: f"the rollout to succeed: {cluster.status()}")
        state = operator.state()
        assert (state["ready"], state["without_rights"]) == (True, [])
        assert "labels of nodes" in state["without"]
        assert "rights in one namespace only" in operator.output
    found = cluster.get(f"{cluster.ours}/nodetelemetries/node-a")
    assert "ownerReferences" not in found["metadata"]


def test_what_a_node_left_behind_is_forgotten_once_it_is_silent(cluster: Home, tmp_path: Path) -> None:
    document = {"apiVersion": "nrdot.io/v1alpha1", "kind": "NodeTelemetry", "metadata": {"name": "gone"}}
    cluster.create(f"{cluster.ours}/nodetelemetries", document)
    silent = {"status": {"reportedAt": "2026-01-01T00:00:00Z"}}
    cluster.patch(f"{cluster.ours}/nodetelemetries/gone/status", silent)
    cluster.profile(profile="balanced")
    with _confined(cluster, tmp_path):

        def names() -> set[str]:
            items = cluster.get(f"{cluster.ours}/nodetelemetries")["items"]
            return {one["metadata"]["name"] for one in items}

        wait_until(lambda: names() == set(NODES), lambda: f"the two nodes: {names()}")


def test_a_profile_that_asks_for_labels_of_nodes_says_that_it_finds_none(
    cluster: Home, tmp_path: Path
) -> None:
    cluster.profile("gpu", profile="balanced", nodeSelector={"pool": "gpu"})
    cluster.profile("one", profile="balanced", nodeSelector={"kubernetes.io/hostname": "node-b"})
    with _confined(cluster, tmp_path):
        wait_until(lambda: cluster.condition("Selected", "gpu"), "a condition")
        assert cluster.condition("Selected", "gpu")["reason"] == "NoNodes"
        wait_until(lambda: cluster.status("one", "telemetryprofiles").get("nodes") == 1, "the one node")


def test_it_uses_every_right_that_it_is_granted_and_asks_for_no_other(cluster: Home, tmp_path: Path) -> None:
    home = cluster.namespace
    user = f"system:serviceaccount:{home}:nrdot-operator"
    # To apply what is not there yet needs the right to create; the audit log calls it a patch.
    applied = {("create", "", "configmaps", home), ("create", "nrdot.io", "nodetelemetries", home)}
    # There is no Vertical Pod Autoscaler here, so nothing to watch.
    unneeded = {("watch", "autoscaling.k8s.io", "verticalpodautoscalers", home)}
    rights = granted("--namespaced", "--namespace", home)
    document = {"apiVersion": "nrdot.io/v1alpha1", "kind": "NodeTelemetry", "metadata": {"name": "gone"}}
    cluster.create(f"{cluster.ours}/nodetelemetries", document)
    cluster.patch(
        f"{cluster.ours}/nodetelemetries/gone/status", {"status": {"reportedAt": "2026-01-01T00:00:00Z"}}
    )
    cluster.profile(profile="balanced")
    cluster.policy(discovery={})
    cluster.write("TelemetryCostReport", "telemetrycostreports", "month", {})
    with _confined(cluster, tmp_path):
        wait_until(cluster.pointer, "a pointer")
        cluster.rollout()
        wait_until(cluster.phase, "a phase")
        cluster.profile(profile="none such")
        events = f"/api/v1/namespaces/{home}/events"
        wait_until(lambda: cluster.get(events)["items"], "an event")
        # What a rollout waits for stays, so that goes first.
        cluster.delete(f"{cluster.ours}/profilerollouts/roll")
        cluster.delete(f"{cluster.ours}/telemetryprofiles/general")
        wait_until(lambda: not cluster.pointer(), "the pointer to go")
        wait_until(
            lambda: rights <= cluster.asked(user) | applied | unneeded,
            lambda: f"rights to be used: {rights - cluster.asked(user) - applied - unneeded}",
        )
    asked = cluster.asked(user) | applied
    assert asked <= rights, f"asked for without a right: {asked - rights}"


def test_an_agent_reads_the_pods_of_its_namespace_and_none_beyond_it(cluster: Home) -> None:
    token = cluster.token("nrdot-agent", cluster.namespace)

    def asked(path: str) -> dict[str, Any]:
        query = {"fieldSelector": "spec.nodeName=node-a"}
        return cluster.request("GET", path, query=query, token=token)

    (found,) = asked(f"/api/v1/namespaces/{cluster.namespace}/pods")["items"]
    assert found["metadata"]["name"] == "agent-node-a"
    with pytest.raises(RefusedError, match="cannot list resource"):
        asked("/api/v1/pods")
