"""Real agents in a real cluster: each with a node, a service account and a /proc of its own.

The operator is real, too: what it writes reaches the agents, what they report decides the rollout.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from parts.kubernetes import Cluster, Kubelet, pod
from parts.node_agent import NodeAgent
from parts.operated import define
from parts.program import Program, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOME = "nrdot-system"
OURS = f"/apis/nrdot.io/v1alpha1/namespaces/{HOME}"
MAPS = f"/api/v1/namespaces/{HOME}/configmaps"
NODES = [f"node-{n}" for n in range(5)]
LABELS = {"app": "checkout", "tier": "database", "pod-template-hash": "7c9f8d5b4"}
# What an agent may do, as the chart grants it.
RULES = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]},
    {"apiGroups": ["nrdot.io"], "resources": ["nodetelemetries"], "verbs": ["list", "watch"]},
    {"apiGroups": ["nrdot.io"], "resources": ["nodetelemetries/status"], "verbs": ["patch"]},
]


def _agent(cluster: Cluster, folder: Path, node: str, uid: str) -> NodeAgent:
    agent = NodeAgent(cluster, folder, node, token=f"token-{node}", certificate=cluster.certificate)
    agent.pod(100, "checkout", uid, rss=64 << 20)
    for number in range(200, 230):
        agent.proc.add(number, f"worker-{number}", cgroup="/system.slice/other.service")
    return agent


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, dict[str, NodeAgent]]]:
    folder = tmp_path_factory.mktemp("world")
    tokens = {f"token-{node}": f"agent-{node}" for node in NODES}
    (folder / "cluster").mkdir()
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster(folder / "cluster", tokens))
        define(cluster)
        cluster.create("/api/v1/namespaces", {"metadata": {"name": HOME}})
        cluster.create("/api/v1/namespaces", {"metadata": {"name": "shop"}})
        _grant(cluster)
        kubelet = Kubelet(cluster)
        kubelet.nodes(NODES)
        owner = ("ReplicaSet", "checkout-7c9f8d5b4", "00000000-0000-4000-8000-000000000001")
        pods = kubelet.pods(
            pod(f"checkout-{node}", node, namespace="shop", labels=LABELS, owner=owner) for node in NODES
        )
        kubelet.close()
        (folder / "agents").mkdir()
        agents = {}
        for node, made in zip(NODES, pods, strict=True):
            agents[node] = _agent(cluster, folder / "agents", node, made["metadata"]["uid"])
            stack.enter_context(agents[node])
        command = [sys.executable, "-m", "nrdot", "operator", "run", "--namespace", HOME]
        command += ["--kubeconfig", str(cluster.kubeconfig()), "--listen", f"127.0.0.1:{free_port()}"]
        stack.enter_context(Program(command, folder / "operator.log", lambda: True))
        yield cluster, agents


def _grant(cluster: Cluster) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    cluster.create(f"{rbac}/clusterroles", {"metadata": {"name": "nrdot-agent"}, "rules": RULES})
    subjects = [
        {"kind": "User", "name": f"agent-{node}", "apiGroup": "rbac.authorization.k8s.io"} for node in NODES
    ]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "nrdot-agent"}
    binding = {"metadata": {"name": "nrdot-agent"}, "subjects": subjects, "roleRef": reference}
    cluster.create(f"{rbac}/clusterrolebindings", binding)


def _apply(cluster: Cluster, kind: str, plural: str, name: str, **spec: Any) -> None:
    document = {
        "apiVersion": "nrdot.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": HOME},
        "spec": spec,
    }
    cluster.apply(f"{OURS}/{plural}/{name}", document)


def _revisions(cluster: Cluster) -> dict[str, str]:
    items = cluster.get(f"{OURS}/nodetelemetries")["items"]
    return {one["metadata"]["name"]: one.get("status", {}).get("revision", "") for one in items}


def _pointer(cluster: Cluster) -> dict[str, Any]:
    """Empty where it is not made yet."""
    maps = cluster.get(MAPS)["items"]
    return next((one["data"] for one in maps if one["metadata"]["name"] == "nrdot-pointer-general"), {})


def test_processes_are_named_after_their_pods(world: tuple[Cluster, dict[str, NodeAgent]]) -> None:
    _, agents = world
    for node, agent in agents.items():

        def named(agent: NodeAgent = agent) -> list[dict[str, Any]]:
            return [one for one in agent.exported() if "k8s.pod.name" in one]

        wait_until(named, f"{node} to name its pod")
        found = named()[-1]
        assert found["process.executable.name"] == "checkout"
        assert found["k8s.pod.name"] == f"checkout-{node}"
        assert found["k8s.namespace.name"] == "shop"
        assert found["k8s.deployment.name"] == "checkout"
        assert found["k8s.node.name"] == node


def test_a_profile_reaches_real_agents_and_they_acknowledge(
    world: tuple[Cluster, dict[str, NodeAgent]],
) -> None:
    cluster, agents = world
    tagged = {"process": "checkout", "force_collect": True, "requirement": ["PCI-DSS"]}
    rules = {
        "label_based_scoring": [{"selector": "tier=database", "score": 0.95}],
        "overrides": [tagged],
    }
    _apply(cluster, "ClassificationPolicy", "classificationpolicies", "tiers", **rules)
    _apply(cluster, "TelemetryProfile", "telemetryprofiles", "general", profile="aggressive")

    def acknowledged() -> bool:
        revisions = _revisions(cluster)
        return set(revisions) == set(NODES) and set(revisions.values()) == {_pointer(cluster)["stable"]}

    # The operator may hear of the profile first, and make a pointer without the policy.
    wait_until(lambda: set(_revisions(cluster)) == set(NODES), "every node to be pointed somewhere")
    wait_until(lambda: "tier=database" in _pointer(cluster).get("stable.yaml", ""), "the policy to be pushed")
    wait_until(acknowledged, lambda: f"every agent to acknowledge: {_revisions(cluster)}")
    said = cluster.get(f"{OURS}/nodetelemetries/node-0")["status"]
    assert said["processes"] == 33
    assert said["agent"]["memory"] > 10_000_000
    assert said["critical"]["seen"] == said["critical"]["exported"]

    def judged() -> dict[str, Any]:
        found: dict[str, Any] = cluster.get(f"{OURS}/nodetelemetries/node-0")["status"].get(
            "conservation", {}
        )
        return found

    wait_until(judged, "an export that is judged")
    assert (judged()["exact"], judged()["difference"]) == (True, "")

    def proved() -> list[dict[str, Any]]:
        said = cluster.get(f"{OURS}/nodetelemetries/node-0").get("status", {})
        found: list[dict[str, Any]] = said.get("requirements", [])
        return found

    evidence = [{"requirement": "PCI-DSS", "seen": 1, "exported": 1}]
    wait_until(lambda: proved() == evidence, lambda: f"the evidence: {proved()}")
    log = agents["node-0"].output
    assert "Traceback" not in log


def test_the_doctor_proves_what_an_agent_can_read_and_write(
    world: tuple[Cluster, dict[str, NodeAgent]],
) -> None:
    _, agents = world
    agent = agents["node-1"]
    command = [*agent.command[:3], "doctor", *agent.command[4:], "--json"]
    done = subprocess.run(command, env=agent.environment, capture_output=True, text=True, check=False)
    findings = json.loads(done.stdout)["findings"]
    said = [(one["level"], one["what"]) for one in findings if one["topic"] == "kubernetes"]
    assert {level for level, _ in said} == {"ok"}, said
    words = "; ".join(what for _, what in said)
    for proved in (
        "API server v1.36",
        "1 of 1 pods",
        "node-1 may be written",
        "follows nrdot-pointer-general",
    ):
        assert proved in words


def test_a_rollout_that_agents_refuse_is_taken_back(world: tuple[Cluster, dict[str, NodeAgent]]) -> None:
    """The compiler lets through what only a host can know to be wrong: here, a gate on points saved."""
    cluster, _ = world
    steps = [{"percent": 20, "bake": "5s"}, {"percent": 100, "bake": "1s"}]
    _apply(
        cluster,
        "ProfileRollout",
        "profilerollouts",
        "roll",
        profile="general",
        strategy={"steps": steps},
        gates={"minimumReduction": 0.5},
    )
    before = _pointer(cluster)["stable"]
    # Everything is exported each second where it was rolled up each minute: nothing is saved.
    _apply(
        cluster,
        "TelemetryProfile",
        "telemetryprofiles",
        "general",
        profile="conservative",
        configuration={"export_interval": "1s", "full_visibility": True},
    )

    def phase() -> str:
        found: str = cluster.get(f"{OURS}/profilerollouts/roll").get("status", {}).get("phase", "")
        return found

    wait_until(
        lambda: phase() == "RolledBack", lambda: str(cluster.get(f"{OURS}/profilerollouts/roll")["status"])
    )
    status = cluster.get(f"{OURS}/profilerollouts/roll")["status"]
    assert "of the points are saved, the gate is 50.0%" in status["reason"]
    assert _pointer(cluster)["stable"] == before
    wait_until(lambda: set(_revisions(cluster).values()) == {before}, lambda: str(_revisions(cluster)))
