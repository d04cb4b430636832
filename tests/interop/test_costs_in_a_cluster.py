"""TelemetryCostReport on a real API server: what real agents tell adds up, advice is applied and taken back.

An hour of the operator is a second here; agents and their minutes are as everywhere.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from parts.hurried import hurried
from parts.kubernetes import ADMIN, Kubelet, pod
from parts.node_agent import NodeAgent
from parts.operated import NODES
from parts.program import HANG_GUARD, wait_until
from parts.recommender import recommend, recommender_defined

from nrdot.cluster.usage import Line, Usage
from nrdot.cluster.usage import document as table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from parts.kubernetes import Cluster
    from parts.operated import Home

OURS = NODES[:3]  # nodes with a real agent; the others have none, and are missing
TARGET = {"kind": "Deployment", "name": "front"}
FRONT = ("ReplicaSet", "front-7c9f8d5b4", "00000000-0000-4000-8000-000000000001")
BATCH = ("Job", "nightly", "00000000-0000-4000-8000-000000000002")
RULES = {
    "overrides": [{"process": "front", "importance": 0.95}, {"process": "helper-*", "importance": 0.1}],
}


def _report(cluster: Home, **spec: Any) -> None:
    cluster.write("TelemetryCostReport", "telemetrycostreports", "cluster", spec)


def _costs(cluster: Home) -> dict[str, Any]:
    return cluster.status("cluster", "telemetrycostreports")


def _advice(cluster: Home, namespace: str = "shop") -> dict[str, Any]:
    found = _costs(cluster).get("recommendations", ())
    return next((one for one in found if one["namespace"] == namespace), {})


def _events(cluster: Home) -> set[str]:
    found = cluster.get(f"/api/v1/namespaces/{cluster.namespace}/events")["items"]
    return {one["reason"] for one in found if one["involvedObject"]["kind"] == "TelemetryCostReport"}


def _units(money: str) -> int:
    whole, _, rest = money.partition(".")
    assert len(rest) == 4
    return int(whole + rest)


@pytest.fixture
def recommender(server: Cluster) -> Iterator[None]:
    with recommender_defined(server):
        yield


@pytest.fixture
def agents(server: Cluster, cluster: Home, tmp_path: Path) -> Iterator[dict[str, NodeAgent]]:
    """Real ones on three nodes; in namespace `shop` one process that matters, in both namespaces helpers."""
    for namespace in ("shop", "batch"):
        server.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    kubelet = Kubelet(server)
    asked = {"cpu": "500m", "memory": "64Mi"}
    labels = {"pod-template-hash": "7c9f8d5b4"}
    fronts = kubelet.pods(
        pod(f"front-{node}", node, namespace="shop", labels=labels, owner=FRONT, requests=asked)
        for node in OURS
    )
    jobs = kubelet.pods(
        pod(f"nightly-{node}", node, namespace="batch", owner=BATCH, requests=asked) for node in OURS
    )
    kubelet.close()
    found = {}
    for node, front, job in zip(OURS, fronts, jobs, strict=True):
        settings = {"kubernetes": {"namespace": cluster.namespace}}
        agent = NodeAgent(server, tmp_path, node, token=ADMIN, certificate=server.certificate, **settings)
        agent.pod(100, "front", front["metadata"]["uid"], rss=64 << 20)
        for number in range(4):
            agent.pod(110 + number, f"helper-{number}", front["metadata"]["uid"])
        for number in range(6):
            agent.pod(120 + number, f"helper-{number}", job["metadata"]["uid"])
        for number in range(200, 220):
            agent.proc.add(number, f"worker-{number}", cgroup="/system.slice/other.service")
        agent.start()
        found[node] = agent
    yield found
    for agent in found.values():
        agent.stop()


def test_what_real_agents_tell_adds_up_and_a_recommended_profile_reaches_them(
    cluster: Home, agents: dict[str, NodeAgent], recommender: None, tmp_path: Path
) -> None:
    recommend(cluster, "shop", TARGET, cpu="100m")
    cluster.profile("general", profile="conservative", configuration=RULES)
    _report(cluster, meter="google_prometheus", optimizer={"namespaces": ["shop"]})
    with hurried(cluster, tmp_path, span=1.0, lease=600.0, day=4) as operator:
        wait_until(
            lambda: _costs(cluster).get("nodes", {}).get("reporting") == len(OURS),
            lambda: f"three nodes to tell a minute: {_costs(cluster)} {operator.output[-2000:]}",
            guard=2 * HANG_GUARD,  # an agent tells once it has measured a minute
        )
        found = _costs(cluster)
        assert found["nodes"]["names"] == [name for name in NODES if name not in OURS]
        assert cluster.condition("Complete", "cluster", "telemetrycostreports")["status"] == "False"
        assert cluster.condition("Ready", "cluster", "telemetrycostreports")["status"] == "True"
        parts = [*found["namespaces"], found["unallocated"]]
        for name in ("cost", "unoptimized"):
            assert sum(_units(part[name]) for part in parts) == _units(found[name]) > 0
        assert {part["namespace"] for part in found["namespaces"]} == {"shop", "batch"}
        shop = next(part for part in found["namespaces"] if part["namespace"] == "shop")
        assert shop["cpu"]["requested"] == "1.500"
        assert 0 < shop["kept"] <= shop["processes"] <= 15
        front = next(one for one in found["workloads"] if one["workload"] == "Deployment/front")
        assert (front["pods"], front["cpu"]["recommended"]) == (3, "0.300")
        wait_until(
            lambda: _advice(cluster).get("state") == "Proposed",
            lambda: f"{_advice(cluster)} {operator.output[-2000:]}",
        )
        assert _advice(cluster)["profile"] == "aggressive"
        assert float(_advice(cluster)["confidence"]) > 0.85
        assert "scopes" not in cluster.pointer()["stable.yaml"]
        _report(cluster, optimizer={"namespaces": ["shop"], "apply": "Apply"})
        wait_until(lambda: _advice(cluster).get("state") == "Applied", lambda: str(_advice(cluster)))
        scope = "- namespace: shop\n  profile: aggressive\n"
        wait_until(lambda: scope in cluster.pointer()["stable.yaml"], "the scope to be pushed")
        revision = cluster.pointer()["stable"]
        wait_until(
            lambda: all(_node(cluster, name).get("revision") == revision for name in OURS),
            lambda: str([_node(cluster, name).get("revision") for name in OURS]),
        )
        assert "OptimizationApplied" in _events(cluster)
        assert all("Traceback" not in agent.output for agent in agents.values())
        assert "Traceback" not in operator.output


def _node(cluster: Home, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.get(f"{cluster.ours}/nodetelemetries/{name}").get("status", {})
    return found


class Told:
    """Agents that a test plays: all nodes tell the same of namespace `shop`, under the profile it has."""

    def __init__(self, cluster: Home) -> None:
        self._cluster = cluster
        self.sent = 0.3
        self.critical = 1.0

    def turn(self) -> None:
        text = self._cluster.pointer().get("stable.yaml", "")
        profile = "aggressive" if "namespace: shop" in text else "balanced"
        numbers = {"points": 1e6, "points_sent": 1e6 * self.sent, "processes": 10.0, "cpu": 3600.0}
        numbers |= {"critical": 100.0, "critical_sent": 100.0 * self.critical}
        would = {"conservative": (9.0, 3600.0), "balanced": (5.0, 3500.0), "aggressive": (1.0, 3200.0)}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        usage = Usage(now, now, 3600.0, 0.0, 0.0, (Line("namespace", "shop", profile, numbers, would),), {})
        status = {"reportedAt": now, "usage": table(usage)}
        for name in NODES:
            path = f"{self._cluster.ours}/nodetelemetries/{name}/status"
            self._cluster.patch(path, {"status": status})

    def until(self, state: str, reason: str = "") -> None:
        def there() -> bool:
            self.turn()
            found = _advice(self._cluster)
            return bool(found.get("state") == state and reason in found["reason"])

        wait_until(there, lambda: f"{state} {reason}: {_advice(self._cluster)}")


def test_advice_is_applied_kept_and_taken_back_and_another_operator_goes_on(
    cluster: Home, tmp_path: Path
) -> None:
    cluster.profile("general", profile="balanced")
    _report(cluster, optimizer={"apply": "Apply"})
    first = hurried(cluster, tmp_path, "first", span=1.0, lease=3.0, day=4)
    first.start()
    told = Told(cluster)
    wait_until(lambda: cluster.get(f"{cluster.ours}/nodetelemetries")["items"], "the nodes")
    told.until("Applied")
    told.until("Applied", "nothing got worse")
    assert {"OptimizationApplied", "OptimizationKept"} <= _events(cluster)
    assert "namespace: shop" in cluster.pointer()["stable.yaml"]
    first.kill()
    before = cluster.pointer()["sequence"]
    with hurried(cluster, tmp_path, "second", span=1.0, lease=3.0, day=4) as second:
        wait_until(lambda: second.state()["leading"], "the second operator to lead")
        told.turn()
        second.wait_for_pass()
        assert cluster.pointer()["sequence"] == before, "what was applied does not flap"
        told.sent = 0.9
        told.until("Resting", "90.0% of the points are sent, and 30.0% were before")
        wait_until(lambda: "shop" not in cluster.pointer()["stable.yaml"], "the scope to go")
        assert "OptimizationTakenBack" in _events(cluster)
        told.sent = 0.3
        told.until("Applied")
        told.critical = 0.9
        told.until("Resting", "90.0% of the never-filtered processes were exported")
        wait_until(lambda: "shop" not in cluster.pointer()["stable.yaml"], "the scope to go again")
    first.stop()


def test_columns_for_people_and_mistakes_in_words(cluster: Home) -> None:
    wanted = {"apiVersion": "nrdot.io/v1alpha1", "kind": "TelemetryCostReport"}
    path = f"{cluster.ours}/telemetrycostreports"
    for spec, words in (
        ({"optimizer": {"minimum": 0.5}}, "greater than or equal to 0.85"),
        ({"optimizer": {"apply": "Always"}}, "Unsupported value"),
        ({"optimizer": {"exclude": ["*"]}}, "leave `optimizer` out instead"),
        ({"optimizer": {"namespaces": []}}, "at least 1 items"),
    ):
        with pytest.raises(Exception, match=words):
            cluster.create(
                path,
                {**wanted, "metadata": {"name": "x"}, "spec": spec},
                dryRun="All",
                fieldValidation="Strict",
            )
    made = cluster.create(
        path, {**wanted, "metadata": {"name": "x"}, "spec": {"optimizer": {}}}, dryRun="All"
    )
    assert made["spec"]["optimizer"] == {
        "apply": "Propose",
        "minimum": 0.85,
        "coverage": 0.8,
        "namespaces": ["*"],
    }
