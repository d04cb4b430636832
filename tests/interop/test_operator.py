"""The operator as a process beside a real API server: groups, revisions, rollouts, repairs, restarts.

Agents are played by the test: it reads a node's pointer as an agent would, and reports as one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from parts.kubernetes import Kubelet, pod
from parts.operated import NODES, Home, Operator
from parts.pretended import Agents
from parts.program import wait_until


def test_a_profile_reaches_every_node_and_says_so(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    cluster.profile("general", profile="balanced")
    with Operator(cluster, tmp_path) as operator:
        revision = agents.agree()
        wait_until(
            lambda: cluster.condition("Ready", "general").get("status") == "True", "the profile to be ready"
        )
        status = cluster.status("general", "telemetryprofiles")
        assert (status["revision"], status["nodes"], status["acknowledged"]) == (revision, 6, 6)
        assert status["observedGeneration"] == 1
        kept = cluster.get(f"{cluster.maps}/nrdot-revision-general-{revision}")
        assert kept["immutable"] is True
        assert yaml.safe_load(kept["data"]["document.yaml"]) == {"profile": "balanced"}
        assert operator.state()["leading"] is True
        # A pass that finds nothing changed writes nothing, and reports that say the same ask for no pass.
        before = operator.passes()
        path = f"{cluster.ours}/telemetryprofiles/general"
        cluster.patch(path, {"metadata": {"annotations": {"looked-at": "once"}}})
        version = cluster.get(path)["metadata"]["resourceVersion"]
        operator.wait_for_pass(before)
        before = operator.passes()
        agents.turn()
        cluster.patch(path, {"metadata": {"labels": {"looked-at": "twice"}}})
        operator.wait_for_pass(before)
        assert int(cluster.get(path)["metadata"]["resourceVersion"]) > int(version)
        assert cluster.get(path)["status"] == status


def test_pools_have_profiles_of_their_own_and_a_conflict_is_said(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    cluster.profile("general", profile="balanced")
    cluster.profile("gpu", profile="conservative", nodeSelector={"pool": "gpu"}, priority=10)
    with Operator(cluster, tmp_path):
        wait_until(lambda: cluster.pointer() and cluster.pointer("gpu"), "two pointers")
        wait_until(
            lambda: cluster.condition("Selected", "general").get("status") == "False",
            "the conflict to be said",
        )
        assert "node-5 uses gpu" in cluster.condition("Selected", "general")["message"]
        wait_until(lambda: agents.turn().keys() == set(NODES), "every node to be pointed somewhere")
        found = agents.turn()
        assert found["node-5"] == cluster.pointer("gpu")["stable"]
        assert found["node-0"] == cluster.pointer()["stable"]


def test_what_the_linter_refuses_is_not_pushed(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    cluster.profile("general", profile="balanced")
    with Operator(cluster, tmp_path):
        before = agents.agree()
        cluster.profile(
            "general",
            profile="balanced",
            configuration={"overrides": [{"process": "x", "importance": 7}]},
        )
        wait_until(lambda: cluster.condition("Compiled", "general").get("status") == "False", "the refusal")
        assert "importance" in cluster.condition("Compiled", "general")["message"]
        assert agents.agree() == before
        cluster.profile("general", profile="aggressive")
        wait_until(lambda: cluster.condition("Compiled", "general").get("status") == "True", "the mend")
        wait_until(lambda: agents.agree() != before, "the mended document")


def test_a_policy_that_the_linter_refuses_is_not_ready_and_keeps_what_runs(
    cluster: Home, tmp_path: Path
) -> None:
    agents = Agents(cluster)
    cluster.profile(profile="balanced")
    with Operator(cluster, tmp_path):
        before = agents.agree()
        cluster.policy(label_based_scoring=[{"selector": "tier in (", "score": 0.8}])

        def ready() -> dict[str, Any]:
            return cluster.condition("Ready", "tiers", "classificationpolicies")

        wait_until(lambda: ready().get("status") == "False", "the refusal")
        assert "tier in (" in ready()["message"]
        assert agents.agree() == before
        cluster.policy(label_based_scoring=[{"selector": "tier=frontend", "score": 0.8}])
        wait_until(lambda: ready()["status"] == "True", "the mend")
        wait_until(lambda: agents.agree() != before, "the mended document")


def test_the_scenarios_configmap_scores_pods_as_it_stands(cluster: Home, tmp_path: Path) -> None:
    fixture = Path(__file__).resolve().parents[1] / "fixtures" / "scenarios" / "2-configmap.yaml"
    rules = yaml.safe_load(fixture.read_text())
    cluster.profile("general", profile="balanced")
    cluster.apply(f"{cluster.maps}/{rules['metadata']['name']}", rules)
    with Operator(cluster, tmp_path):
        Agents(cluster).agree()
        document = yaml.safe_load(cluster.pointer()["stable.yaml"])
        assert {"selector": "tier=database", "score": 0.9} in document["label_based_scoring"]
        assert {"selector": "env=staging", "score_modifier": -0.2} in document["label_based_scoring"]


def test_a_rollout_goes_step_by_step_and_each_zone_takes_part(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    cluster.profile("general", profile="balanced")
    with Operator(cluster, tmp_path):
        old = agents.agree()
        cluster.rollout()
        wait_until(lambda: cluster.phase() == "Succeeded", "nothing to roll out")
        cluster.profile("general", profile="aggressive")
        wait_until(lambda: cluster.pointer().get("candidate"), "a candidate")
        said = cluster.pointer()
        assert said["stable"] == old
        assert len(said["candidates"].split("\n")) == 4  # a third of three in each zone, rounded up
        agents.settle("Succeeded")
        new = agents.agree()
        assert new != old
        assert cluster.pointer()["candidate"] == ""
        events = cluster.get(f"/api/v1/namespaces/{cluster.namespace}/events")["items"]
        phases = {one["reason"] for one in events if one["involvedObject"]["kind"] == "ProfileRollout"}
        assert phases >= {"Pending", "Progressing", "Baking", "Promoting", "Succeeded"}


def test_coverage_that_falls_takes_the_revision_back(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    cluster.profile("general", profile="balanced")
    with Operator(cluster, tmp_path):
        old = agents.agree()
        cluster.rollout(strategy={"steps": [{"percent": 34, "bake": "1h"}, {"percent": 100, "bake": "1s"}]})
        cluster.profile("general", profile="aggressive")
        agents.settle("Baking")
        said = cluster.pointer()
        victim = said["candidates"].split("\n")[0]
        agents.said[f"{victim}/{said['candidate']}"] = {
            "critical": {"seen": 4, "exported": 2, "covered": "0.5"}
        }
        agents.settle("RolledBack")
        assert agents.agree() == old
        status = cluster.status()
        assert status["reason"] == f"node {victim}: critical coverage is 50.00%, the gate is 100.00%"
        assert cluster.condition("Healthy", "roll", "profilerollouts")["status"] == "False"


def test_who_waits_for_a_rollout_is_not_told_that_a_refused_profile_is_complete(
    cluster: Home, tmp_path: Path
) -> None:
    agents = Agents(cluster)
    cluster.profile("general", profile="balanced")

    def complete() -> dict[str, Any]:
        return cluster.condition("Complete", "roll", "profilerollouts")

    with Operator(cluster, tmp_path):
        agents.agree()
        cluster.rollout()
        wait_until(lambda: complete().get("status") == "True", "nothing to roll out")
        cluster.profile("general", profile="nowhere")
        wait_until(lambda: complete()["status"] == "False", lambda: f"the refusal: {cluster.status()}")
        assert complete()["reason"] == "ProfileRefused"
        shown = cluster.columns(f"{cluster.ours}/profilerollouts/roll")
        assert (shown["Phase"], shown["Complete"]) == ("Succeeded", "False")
        cluster.profile("general", profile="aggressive")
        agents.settle("Succeeded")
        wait_until(lambda: complete()["status"] == "True", lambda: f"its end: {cluster.status()}")


def test_workloads_that_no_rule_speaks_of_are_proposed_and_applied_where_that_is_wanted(
    cluster: Home, tmp_path: Path
) -> None:
    kubelet = Kubelet(cluster)
    owner = ("StatefulSet", "ledger", "00000000-0000-4000-8000-000000000009")
    document = pod("ledger-0", "node-0", namespace=cluster.namespace, labels={"app": "ledger"}, owner=owner)
    document["spec"]["containers"][0]["image"] = "registry.example/team/postgres:16"
    kubelet.pods([document])
    kubelet.close()
    cluster.profile("general", profile="balanced")
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

    with Operator(cluster, tmp_path):
        wait_until(proposed, "a proposal")
        said = proposed()
        assert (said["class"], said["score"], said["applied"]) == ("database", 0.9, False)
        assert "postgres" in said["evidence"]
        wait_until(cluster.pointer, "a pointer")
        assert "ledger" not in cluster.pointer()["stable.yaml"]
        rules["discovery"] = {"apply": "Apply", "minimum": 0.85}
        cluster.apply(policy, {**wanted, "spec": rules})
        wait_until(lambda: "app=ledger" in cluster.pointer()["stable.yaml"], "the rule to be applied")
        wait_until(lambda: proposed() and proposed()["applied"], "the status to say so")


def test_a_workload_that_scales_out_holds_promotion_until_it_has_grown(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    cluster.profile("general", profile="balanced")
    scaler = f"/apis/autoscaling/v2/namespaces/{cluster.namespace}/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}
    spec = {"maxReplicas": 10, "scaleTargetRef": target}
    with Operator(cluster, tmp_path):
        old = agents.agree()
        cluster.create(scaler, {"metadata": {"name": "checkout"}, "spec": spec})
        _scale(cluster, scaler, 2, 8)
        cluster.rollout()
        cluster.profile("general", profile="aggressive")
        agents.turn()
        wait_until(lambda: "scales out" in cluster.status().get("reason", ""), "the rollout to wait")
        assert agents.agree() == old
        _scale(cluster, scaler, 8, 8)
        agents.settle("Succeeded")
        assert agents.agree() != old


def _scale(cluster: Home, path: str, current: int, desired: int) -> None:
    status = {"currentReplicas": current, "desiredReplicas": desired}
    cluster.patch(f"{path}/checkout/status", {"status": status})


@pytest.mark.parametrize("phase", ["Progressing", "Baking"])
def test_an_operator_killed_in_the_middle_is_followed_by_one_that_goes_on(
    cluster: Home, tmp_path: Path, phase: str
) -> None:
    agents = Agents(cluster)
    cluster.profile("general", profile="balanced")
    first = Operator(cluster, tmp_path, "first")
    first.start()
    try:
        old = agents.agree()
        bake = "1h" if phase == "Baking" else "1s"
        cluster.rollout(strategy={"steps": [{"percent": 34, "bake": bake}, {"percent": 100, "bake": "1s"}]})
        if phase == "Progressing":
            agents.silent = set(NODES)
        cluster.profile("general", profile="aggressive")
        agents.settle(phase)
        candidates = cluster.pointer()["candidates"]
        first.kill()
        with Operator(cluster, tmp_path, "second") as second:
            wait_until(lambda: second.state()["leading"], "the second operator to lead")
            second.wait_for_pass()
            assert cluster.phase() == phase
            assert cluster.pointer()["candidates"] == candidates, "no node flaps"
            agents.silent = set()
            cluster.rollout()
            agents.settle("Succeeded")
            assert agents.agree() != old
    finally:
        first.stop()


def test_a_pointer_that_was_deleted_or_edited_by_hand_is_repaired(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    cluster.profile("general", profile="balanced")
    with Operator(cluster, tmp_path):
        revision = agents.agree()
        number = int(cluster.pointer()["sequence"])
        cluster.patch(
            f"{cluster.maps}/nrdot-pointer-general",
            {"data": {"stable.yaml": "pushed: {}\nprofile: aggressive\n"}},
        )
        wait_until(lambda: "aggressive" not in cluster.pointer()["stable.yaml"], "the repair")
        assert agents.agree() == revision
        assert int(cluster.pointer()["sequence"]) > number, "agents take nothing older than they have"
        cluster.delete(f"{cluster.maps}/nrdot-pointer-general")
        wait_until(cluster.pointer, "the pointer to be back")
        assert agents.agree() == revision
        assert int(cluster.pointer()["sequence"]) > number


def test_a_restart_of_the_api_server_is_survived(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    cluster.profile("general", profile="balanced")
    with Operator(cluster, tmp_path) as operator:
        before = agents.agree()
        cluster.server.kill()
        cluster.server.start()
        cluster.profile("general", profile="aggressive")
        wait_until(
            lambda: operator.is_alive() and cluster.pointer()["stable"] != before,
            "the new profile",
        )
        wait_until(lambda: agents.agree() != before, "the mended document")
