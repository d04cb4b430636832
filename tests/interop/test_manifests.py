"""`nrdot operator manifests`, taken by a real API server, and the rights in them: enough, and no more."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from parts.kubernetes import Cluster, Kubelet, RefusedError, pod
from parts.operated import wait_for_definitions
from parts.printed import granted, path_of, printed
from parts.program import Program, free_port, wait_until
from parts.recommender import recommender_defined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOME = "nrdot-system"
OURS = f"/apis/nrdot.io/v1alpha1/namespaces/{HOME}"
MAPS = f"/api/v1/namespaces/{HOME}/configmaps"
OPERATOR = f"system:serviceaccount:{HOME}:nrdot-operator"
# To apply what is not there yet needs the right to create; the audit log calls it a patch.
APPLIED = {("create", "", "configmaps", HOME), ("create", "nrdot.io", "nodetelemetries", HOME)}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        for document in printed():
            running.apply(path_of(document), document, fieldValidation="Strict")
        wait_for_definitions(running)
        yield running


def test_everything_is_taken_word_for_word(cluster: Cluster) -> None:
    documents = printed()
    kinds = {document["kind"] for document in documents}
    assert kinds >= {"Deployment", "DaemonSet", "PodDisruptionBudget", "NetworkPolicy", "Role", "ClusterRole"}
    for document in documents:
        cluster.apply(path_of(document), document, dryRun="All", fieldValidation="Strict")


def test_namespace_and_registry_are_said_once_and_hold_everywhere() -> None:
    documents = printed("--namespace", "observability", "--registry", "registry.example/team/")
    assert HOME not in yaml.safe_dump_all(documents)
    images = {
        container["image"]
        for document in documents
        if document["kind"] in {"Deployment", "DaemonSet"}
        for container in document["spec"]["template"]["spec"]["containers"]
    }
    assert images == {"registry.example/team/nrdot-operator:0.1.0", "registry.example/team/nrdot-agent:0.1.0"}


def test_the_operator_has_the_rights_that_it_uses_and_no_others(cluster: Cluster, tmp_path: Path) -> None:
    """It goes through what it does in life; the API server's own audit log says what it asked for."""
    kubelet = Kubelet(cluster)
    kubelet.nodes(["node-1"])
    kubelet.close()
    token = cluster.token("nrdot-operator", HOME)
    command = [sys.executable, "-m", "nrdot", "operator", "run", "--namespace", HOME]
    command += ["--kubeconfig", str(cluster.kubeconfig(token)), "--listen", f"127.0.0.1:{free_port()}"]
    environment = {**os.environ, "POD_NAME": "nrdot-operator-0"}
    with (
        recommender_defined(cluster),
        Program(command, tmp_path / "operator.log", lambda: True, environment=environment) as operator,
    ):
        spec: dict[str, Any] = {"profile": "balanced"}
        _apply(cluster, "TelemetryProfile", "telemetryprofiles", "general", spec)
        wait_until(lambda: operator.is_alive() and _maps(cluster, "pointer"), "a pointer")
        _apply(cluster, "ClassificationPolicy", "classificationpolicies", "one", {"discovery": {}})
        _apply(cluster, "TelemetryCostReport", "telemetrycostreports", "cluster", {})
        _apply(cluster, "ProfileRollout", "profilerollouts", "roll", {"profile": "general"})
        wait_until(
            lambda: "phase" in cluster.get(f"{OURS}/profilerollouts/roll").get("status", {}), "a phase"
        )
        _apply(cluster, "TelemetryProfile", "telemetryprofiles", "general", {"profile": "none such"})
        wait_until(lambda: cluster.get(f"/api/v1/namespaces/{HOME}/events")["items"], "an event")
        # What a rollout waits for stays, so that goes first.
        cluster.delete(f"{OURS}/profilerollouts/roll")
        cluster.delete(f"{OURS}/telemetryprofiles/general")
        wait_until(lambda: not _maps(cluster, "pointer"), "the pointer to go")
        rights = granted("--no-crds")
        wait_until(
            lambda: rights <= cluster.asked(OPERATOR) | APPLIED,
            lambda: f"rights to be used: {rights - cluster.asked(OPERATOR) - APPLIED}",
        )
    asked = cluster.asked(OPERATOR) | APPLIED
    assert asked <= rights, f"asked for without a right: {asked - rights}"


def _maps(cluster: Cluster, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.get(MAPS, labelSelector=f"nrdot.io/kind={kind}")["items"]
    return found


def _apply(cluster: Cluster, kind: str, plural: str, name: str, spec: dict[str, Any]) -> None:
    metadata = {"name": name, "namespace": HOME}
    document = {"apiVersion": "nrdot.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
    cluster.apply(f"{OURS}/{plural}/{name}", document)


def test_an_agent_writes_about_its_own_node_only(cluster: Cluster) -> None:
    kubelet = Kubelet(cluster)
    kubelet.nodes(["node-a", "node-b"])
    wanted = pod("agent-a", "node-a", namespace=HOME)
    wanted["spec"]["serviceAccountName"] = "nrdot-agent"
    made = kubelet.pods([wanted])[0]
    kubelet.close()
    for node in ("node-a", "node-b"):
        document = {"apiVersion": "nrdot.io/v1alpha1", "kind": "NodeTelemetry", "metadata": {"name": node}}
        cluster.create(f"{OURS}/nodetelemetries", document)
    token = cluster.token("nrdot-agent", HOME, bound_to=made)
    status = {"status": {"revision": "0123456789abcdef"}}

    def patch(node: str) -> None:
        path = f"{OURS}/nodetelemetries/{node}/status"
        cluster.request("PATCH", path, status, kind="application/merge-patch+json", token=token)

    patch("node-a")
    # A policy takes a moment until it counts; from then on it always does.
    wait_until(lambda: _refusal(patch, "node-b"), "the policy to hold")
    assert "its own node only, which is node-a" in _refusal(patch, "node-b")
    patch("node-a")


def _refusal(patch: Any, node: str) -> str:
    try:
        patch(node)
    except RefusedError as error:
        return str(error)
    return ""
