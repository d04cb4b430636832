"""The operator as a process beside a real API server: groups, revisions, rollouts, repairs, restarts.

Agents are played by the test: it reads a node's pointer as an agent would, and reports as one.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from parts.kubernetes import Cluster, Kubelet, RefusedError, pod
from parts.program import Program, answers, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFINITIONS = sorted((Path(__file__).resolve().parents[2] / "operator" / "crds").glob("*.yaml"))
NODES = [f"node-{n}" for n in range(6)]
STEPS = [{"percent": 34, "bake": "1s"}, {"percent": 100, "bake": "1s"}]


class Home(Cluster):
    """A namespace of a cluster that others use as well: each test has one to itself."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        vars(self).update(vars(cluster))
        self.namespace = namespace
        self.ours = f"/apis/nrdot.io/v1alpha1/namespaces/{namespace}"
        self.maps = f"/api/v1/namespaces/{namespace}/configmaps"
        self.create("/api/v1/namespaces", {"metadata": {"name": namespace}})


class Operator(Program):
    def __init__(self, cluster: Home, folder: Path, name: str = "operator") -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "nrdot", "operator", "run", "--namespace", cluster.namespace]
        command += ["--kubeconfig", str(cluster.kubeconfig()), "--listen", f"127.0.0.1:{self.port}"]
        environment = {**os.environ, "POD_NAME": name}
        super().__init__(command, folder / f"{name}.log", lambda: answers(self.port), environment=environment)

    def state(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            found = json.load(error)
        return found


class Agents:
    """What an agent does, for every node: take what the node's pointer says, and report."""

    def __init__(self, cluster: Home) -> None:
        self._cluster = cluster
        self.silent: set[str] = set()
        self.coverage: dict[str, float] = {}

    def turn(self, names: Sequence[str] = NODES) -> dict[str, str]:
        """The revision that each node runs now."""
        running = {}
        for name in names:
            if name in self.silent:
                continue
            pointer = self._pointer(name)
            if not pointer:
                continue
            data = self._cluster.get(f"{self._cluster.maps}/{pointer}")["data"]
            which = "candidate" if name in data["candidates"].split("\n") else "stable"
            text = data[f"{which}.yaml"].partition("\n")[2]
            assert hashlib.sha256(text.encode()).hexdigest()[:16] == data[which]
            running[name] = data[which]
            self._report(name, data[which])
        return running

    def _pointer(self, name: str) -> str:
        try:
            found = self._cluster.get(f"{self._cluster.ours}/nodetelemetries/{name}")
        except RefusedError as error:
            if error.status == 404:  # the operator has not got round to it
                return ""
            raise
        return str(found["spec"].get("pointer", ""))

    def _report(self, name: str, revision: str) -> None:
        covered = self.coverage.get(f"{name}/{revision}", 1.0)
        status = {
            "revision": revision,
            "reportedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "critical": {"seen": 3, "exported": 3, "covered": f"{covered:g}"},
            "agent": {"cpu": "0.004", "memory": 70_000_000, "version": "0.1.0", "tickDelay": "0"},
        }
        self._cluster.patch(f"{self._cluster.ours}/nodetelemetries/{name}/status", {"status": status})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        for file in DEFINITIONS:
            definition = yaml.safe_load(file.read_text())
            path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition['metadata']['name']}"
            running.apply(path, definition)
            _wait_for_definition(running, path)
        kubelet = Kubelet(running)
        for n, name in enumerate(NODES):
            labels = {"topology.kubernetes.io/zone": f"zone-{n % 2}", "pool": "gpu" if n == 5 else "general"}
            kubelet.nodes([name], labels)
        kubelet.close()
        yield running


@pytest.fixture
def cluster(server: Cluster) -> Home:
    return Home(server, f"nrdot-{next(_numbers)}")


_numbers = count()


def _wait_for_definition(cluster: Cluster, path: str) -> None:
    def established() -> bool:
        conditions = cluster.get(path)["status"]["conditions"] or ()
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)

    wait_until(established, f"{path} to be established")


@contextmanager
def running(cluster: Home, folder: Path) -> Iterator[Operator]:
    with Operator(cluster, folder) as operator:
        yield operator


def _profile(cluster: Home, name: str, **spec: Any) -> dict[str, Any]:
    document = {
        "apiVersion": "nrdot.io/v1alpha1",
        "kind": "TelemetryProfile",
        "metadata": {"name": name, "namespace": cluster.namespace},
        "spec": spec,
    }
    return cluster.apply(f"{cluster.ours}/telemetryprofiles/{name}", document)


def _rollout(cluster: Home, name: str = "roll", **spec: Any) -> dict[str, Any]:
    document = {
        "apiVersion": "nrdot.io/v1alpha1",
        "kind": "ProfileRollout",
        "metadata": {"name": name, "namespace": cluster.namespace},
        "spec": {"profile": "general", "strategy": {"steps": STEPS}, **spec},
    }
    return cluster.apply(f"{cluster.ours}/profilerollouts/{name}", document)


def _pointer(cluster: Home, group: str) -> dict[str, Any] | None:
    try:
        return cluster.get(f"{cluster.maps}/nrdot-pointer-{group}")["data"]
    except RefusedError as error:
        if error.status == 404:
            return None
        raise


def _condition(cluster: Home, name: str, kind: str, plural: str = "telemetryprofiles") -> dict[str, Any]:
    status = cluster.get(f"{cluster.ours}/{plural}/{name}").get("status", {})
    return next((one for one in status.get("conditions", ()) if one["type"] == kind), {})


def _phase(cluster: Home, name: str = "roll") -> str:
    phase: str = cluster.get(f"{cluster.ours}/profilerollouts/{name}").get("status", {}).get("phase", "")
    return phase


def _settled(cluster: Home, agents: Agents, phase: str) -> None:
    def there() -> bool:
        agents.turn()
        return _phase(cluster) == phase

    def found() -> str:
        return f"the rollout to be {phase}: {cluster.get(f'{cluster.ours}/profilerollouts/roll')['status']}"

    wait_until(there, found)


def _all_run(cluster: Home, agents: Agents, group: str = "general") -> str:
    """The revision once every node of a group runs the stable one."""
    wait_until(lambda: _pointer(cluster, group), "a pointer")
    found: dict[str, str] = {}

    def same() -> bool:
        found.update(agents.turn())
        said = _pointer(cluster, group)
        return said is not None and set(found.values()) == {said["stable"]}

    wait_until(same, lambda: f"every node to run the same: {found}")
    return next(iter(found.values()))


def test_a_profile_reaches_every_node_and_says_so(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    _profile(cluster, "general", profile="balanced")
    with running(cluster, tmp_path) as operator:
        revision = _all_run(cluster, agents)
        wait_until(
            lambda: _condition(cluster, "general", "Ready").get("status") == "True", "the profile to be ready"
        )
        status = cluster.get(f"{cluster.ours}/telemetryprofiles/general")["status"]
        assert (status["revision"], status["nodes"], status["acknowledged"]) == (revision, 6, 6)
        assert status["observedGeneration"] == 1
        kept = cluster.get(f"{cluster.maps}/nrdot-revision-general-{revision}")
        assert kept["immutable"] is True
        assert yaml.safe_load(kept["data"]["document.yaml"]) == {"profile": "balanced"}
        assert operator.state()["leading"] is True
        # A pass that finds nothing changed writes nothing, and reports that say the same ask for no pass.
        before = _passes(operator)
        path = f"{cluster.ours}/telemetryprofiles/general"
        cluster.patch(path, {"metadata": {"annotations": {"looked-at": "once"}}})
        version = cluster.get(path)["metadata"]["resourceVersion"]
        _wait_for_passes(operator, before)
        before = _passes(operator)
        agents.turn()
        cluster.patch(path, {"metadata": {"labels": {"looked-at": "twice"}}})
        _wait_for_passes(operator, before)
        assert int(cluster.get(path)["metadata"]["resourceVersion"]) > int(version)
        assert cluster.get(path)["status"] == status


def _passes(operator: Operator) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{operator.port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return int(
        next(
            line.split()[1] for line in lines if line.startswith('nrdot_operator_passes_total{outcome="done"')
        )
    )


def _wait_for_passes(operator: Operator, before: int = 0) -> None:
    wait_until(lambda: _passes(operator) > before, "another pass")


def test_pools_have_profiles_of_their_own_and_a_conflict_is_said(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    _profile(cluster, "general", profile="balanced")
    _profile(cluster, "gpu", profile="conservative", nodeSelector={"pool": "gpu"}, priority=10)
    with running(cluster, tmp_path):
        wait_until(lambda: _pointer(cluster, "general") and _pointer(cluster, "gpu"), "two pointers")
        wait_until(
            lambda: _condition(cluster, "general", "Selected").get("status") == "False",
            "the conflict to be said",
        )
        assert "node-5 uses gpu" in _condition(cluster, "general", "Selected")["message"]
        found = agents.turn()
        assert found["node-5"] == _pointer(cluster, "gpu")["stable"]
        assert found["node-0"] == _pointer(cluster, "general")["stable"]


def test_what_the_linter_refuses_is_not_pushed(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    _profile(cluster, "general", profile="balanced")
    with running(cluster, tmp_path):
        before = _all_run(cluster, agents)
        _profile(
            cluster,
            "general",
            profile="balanced",
            configuration={"overrides": [{"process": "x", "importance": 7}]},
        )
        wait_until(lambda: _condition(cluster, "general", "Compiled").get("status") == "False", "the refusal")
        assert "importance" in _condition(cluster, "general", "Compiled")["message"]
        assert _all_run(cluster, agents) == before
        _profile(cluster, "general", profile="aggressive")
        wait_until(lambda: _condition(cluster, "general", "Compiled").get("status") == "True", "the mend")
        assert _all_run(cluster, agents) != before


def test_the_scenarios_configmap_scores_pods_as_it_stands(cluster: Home, tmp_path: Path) -> None:
    fixture = Path(__file__).resolve().parents[1] / "fixtures" / "scenarios" / "2-configmap.yaml"
    rules = yaml.safe_load(fixture.read_text())
    _profile(cluster, "general", profile="balanced")
    cluster.apply(f"{cluster.maps}/{rules['metadata']['name']}", rules)
    with running(cluster, tmp_path):
        _all_run(cluster, Agents(cluster))
        document = yaml.safe_load(_pointer(cluster, "general")["stable.yaml"])
        assert {"selector": "tier=database", "score": 0.9} in document["label_based_scoring"]
        assert {"selector": "env=staging", "score_modifier": -0.2} in document["label_based_scoring"]


def test_a_rollout_goes_step_by_step_and_each_zone_takes_part(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    _profile(cluster, "general", profile="balanced")
    with running(cluster, tmp_path):
        old = _all_run(cluster, agents)
        _rollout(cluster)
        wait_until(lambda: _phase(cluster) == "Succeeded", "nothing to roll out")
        _profile(cluster, "general", profile="aggressive")
        wait_until(lambda: (said := _pointer(cluster, "general")) and said["candidate"], "a candidate")
        said = _pointer(cluster, "general")
        assert said["stable"] == old
        assert len(said["candidates"].split("\n")) == 4  # a third of three in each zone, rounded up
        _settled(cluster, agents, "Succeeded")
        new = _all_run(cluster, agents)
        assert new != old
        assert _pointer(cluster, "general")["candidate"] == ""
        events = cluster.get(f"/api/v1/namespaces/{cluster.namespace}/events")["items"]
        phases = {one["reason"] for one in events if one["involvedObject"]["kind"] == "ProfileRollout"}
        assert phases >= {"Pending", "Progressing", "Baking", "Promoting", "Succeeded"}


def test_coverage_that_falls_takes_the_revision_back(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    _profile(cluster, "general", profile="balanced")
    with running(cluster, tmp_path):
        old = _all_run(cluster, agents)
        _rollout(cluster, strategy={"steps": [{"percent": 34, "bake": "1h"}, {"percent": 100, "bake": "1s"}]})
        _profile(cluster, "general", profile="aggressive")
        _settled(cluster, agents, "Baking")
        said = _pointer(cluster, "general")
        victim = said["candidates"].split("\n")[0]
        agents.coverage[f"{victim}/{said['candidate']}"] = 0.5
        _settled(cluster, agents, "RolledBack")
        assert _all_run(cluster, agents) == old
        status = cluster.get(f"{cluster.ours}/profilerollouts/roll")["status"]
        assert status["reason"] == f"node {victim}: critical coverage is 50.00%, the gate is 100.00%"
        assert _condition(cluster, "roll", "Healthy", "profilerollouts")["status"] == "False"


def test_workloads_that_no_rule_speaks_of_are_proposed_and_applied_where_that_is_wanted(
    cluster: Home, tmp_path: Path
) -> None:
    kubelet = Kubelet(cluster)
    owner = ("StatefulSet", "ledger", "00000000-0000-4000-8000-000000000009")
    document = pod("ledger-0", "node-0", namespace=cluster.namespace, labels={"app": "ledger"}, owner=owner)
    document["spec"]["containers"][0]["image"] = "registry.example/team/postgres:16"
    kubelet.pods([document])
    kubelet.close()
    _profile(cluster, "general", profile="balanced")
    policy = f"{cluster.ours}/classificationpolicies/tiers"
    rules: dict[str, Any] = {
        "label_based_scoring": [{"selector": "tier=frontend", "score": 0.8}],
        "discovery": {},
    }
    wanted = {
        "apiVersion": "nrdot.io/v1alpha1",
        "kind": "ClassificationPolicy",
        "metadata": {"name": "tiers", "namespace": cluster.namespace},
    }
    cluster.apply(policy, {**wanted, "spec": rules})

    def proposed() -> dict[str, Any] | None:
        found = cluster.get(policy).get("status", {}).get("proposals", ())
        return next((one for one in found if one["workload"] == "StatefulSet/ledger"), None)

    with running(cluster, tmp_path):
        wait_until(proposed, "a proposal")
        said = proposed()
        assert (said["class"], said["score"], said["applied"]) == ("database", 0.9, False)
        assert "postgres" in said["evidence"]
        wait_until(lambda: _pointer(cluster, "general"), "a pointer")
        assert "ledger" not in _pointer(cluster, "general")["stable.yaml"]
        rules["discovery"] = {"apply": "Apply", "minimum": 0.85}
        cluster.apply(policy, {**wanted, "spec": rules})
        wait_until(
            lambda: "app=ledger" in _pointer(cluster, "general")["stable.yaml"], "the rule to be applied"
        )
        wait_until(lambda: proposed() and proposed()["applied"], "the status to say so")


def test_a_workload_that_scales_out_holds_promotion_until_it_has_grown(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    _profile(cluster, "general", profile="balanced")
    scaler = f"/apis/autoscaling/v2/namespaces/{cluster.namespace}/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}
    spec = {"maxReplicas": 10, "scaleTargetRef": target}
    with running(cluster, tmp_path):
        old = _all_run(cluster, agents)
        cluster.create(scaler, {"metadata": {"name": "checkout"}, "spec": spec})
        _scale(cluster, scaler, 2, 8)
        _rollout(cluster)
        _profile(cluster, "general", profile="aggressive")
        agents.turn()
        wait_until(lambda: "scales out" in _reason(cluster), "the rollout to wait")
        assert _all_run(cluster, agents) == old
        _scale(cluster, scaler, 8, 8)
        _settled(cluster, agents, "Succeeded")
        assert _all_run(cluster, agents) != old


def _scale(cluster: Home, path: str, current: int, desired: int) -> None:
    status = {"currentReplicas": current, "desiredReplicas": desired}
    cluster.patch(f"{path}/checkout/status", {"status": status})


def _reason(cluster: Home) -> str:
    reason: str = cluster.get(f"{cluster.ours}/profilerollouts/roll").get("status", {}).get("reason", "")
    return reason


@pytest.mark.parametrize("phase", ["Progressing", "Baking"])
def test_an_operator_killed_in_the_middle_is_followed_by_one_that_goes_on(
    cluster: Home, tmp_path: Path, phase: str
) -> None:
    agents = Agents(cluster)
    _profile(cluster, "general", profile="balanced")
    first = Operator(cluster, tmp_path, "first")
    first.start()
    try:
        old = _all_run(cluster, agents)
        bake = "1h" if phase == "Baking" else "1s"
        _rollout(cluster, strategy={"steps": [{"percent": 34, "bake": bake}, {"percent": 100, "bake": "1s"}]})
        if phase == "Progressing":
            agents.silent = set(NODES)
        _profile(cluster, "general", profile="aggressive")
        _settled(cluster, agents, phase)
        candidates = _pointer(cluster, "general")["candidates"]
        first.kill()
        with Operator(cluster, tmp_path, "second") as second:
            wait_until(lambda: second.state()["leading"], "the second operator to lead")
            _wait_for_passes(second)
            assert _phase(cluster) == phase
            assert _pointer(cluster, "general")["candidates"] == candidates, "no node flaps"
            agents.silent = set()
            _rollout(cluster)
            _settled(cluster, agents, "Succeeded")
            assert _all_run(cluster, agents) != old
    finally:
        first.stop()


def test_a_pointer_that_was_deleted_or_edited_by_hand_is_repaired(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    _profile(cluster, "general", profile="balanced")
    with running(cluster, tmp_path):
        revision = _all_run(cluster, agents)
        number = int(_pointer(cluster, "general")["sequence"])
        cluster.patch(
            f"{cluster.maps}/nrdot-pointer-general",
            {"data": {"stable.yaml": "pushed: {}\nprofile: aggressive\n"}},
        )
        wait_until(lambda: "aggressive" not in _pointer(cluster, "general")["stable.yaml"], "the repair")
        assert _all_run(cluster, agents) == revision
        assert int(_pointer(cluster, "general")["sequence"]) > number, (
            "agents take nothing older than they have"
        )
        cluster.delete(f"{cluster.maps}/nrdot-pointer-general")
        wait_until(lambda: _pointer(cluster, "general"), "the pointer to be back")
        assert _all_run(cluster, agents) == revision
        assert int(_pointer(cluster, "general")["sequence"]) > number


def test_a_restart_of_the_api_server_is_survived(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    _profile(cluster, "general", profile="balanced")
    with running(cluster, tmp_path) as operator:
        before = _all_run(cluster, agents)
        cluster.server.kill()
        cluster.server.start()
        _profile(cluster, "general", profile="aggressive")
        wait_until(
            lambda: operator.is_alive() and _pointer(cluster, "general")["stable"] != before,
            "the new profile",
        )
        assert _all_run(cluster, agents) != before
