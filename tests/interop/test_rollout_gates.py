"""What a rollout waits for and takes back, on a real API server: approvals, regions, evidence, sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from parts.kubernetes import RefusedError
from parts.operated import NODES, Home, Operator
from parts.pretended import Agents
from parts.program import wait_until

if TYPE_CHECKING:
    from pathlib import Path

ONE_STEP = [{"percent": 100, "bake": "1s"}]
BY_ZONE = {"steps": ONE_STEP, "order": ["zone-1", "zone-0"], "orderBy": "topology.kubernetes.io/zone"}


def _waits(cluster: Home, agents: Agents, words: str) -> None:
    def there() -> bool:
        agents.turn()
        return words in cluster.status().get("reason", "")

    wait_until(there, lambda: f"the rollout to say '{words}': {cluster.status()}")


def _proving(agents: Agents, name: str, revision: str, seen: int, exported: int) -> None:
    said: dict[str, Any] = {"requirement": "PCI-DSS", "seen": seen, "exported": exported}
    agents.said[f"{name}/{revision}"] = {"requirements": [said]}


def test_an_approval_is_of_the_revision_that_a_person_looked_at(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    cluster.profile(profile="balanced")
    steps = [{"percent": 34, "bake": "1s", "approval": True}, {"percent": 100, "bake": "1s"}]
    with Operator(cluster, tmp_path):
        agents.agree()
        cluster.rollout(strategy={"steps": steps})
        cluster.profile(profile="aggressive")
        _waits(cluster, agents, "waits for `approved: 1`")
        first = cluster.status()["to"]
        with pytest.raises(RefusedError, match="an approval is of one revision"):
            cluster.rollout(strategy={"steps": steps}, approved=1)
        cluster.rollout(strategy={"steps": steps}, approved=1, approvedRevision=first)
        agents.settle("Succeeded")
        cluster.profile(profile="conservative")
        wait_until(lambda: cluster.status()["to"] != first, "the next revision")
        second = cluster.status()["to"]
        _waits(cluster, agents, f"waits for `approved: 1` and `approvedRevision: {second}`")


def test_regions_follow_one_another_and_each_brings_its_evidence(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    cluster.profile(profile="balanced")
    with Operator(cluster, tmp_path):
        agents.agree()
        cluster.rollout(strategy=BY_ZONE, gates={"requirements": ["PCI-DSS"]})
        cluster.profile(profile="aggressive")
        wait_until(lambda: cluster.pointer().get("candidate"), "a candidate")
        new = cluster.pointer()["candidate"]
        zones = {name: f"zone-{n % 2}" for n, name in enumerate(NODES)}
        for name in NODES:
            _proving(agents, name, new, 0, 0)
        _waits(cluster, agents, "region zone-1: no node reports a process of PCI-DSS")
        assert {zones[name] for name in cluster.pointer()["candidates"].split("\n")} == {"zone-1"}
        assert (cluster.status()["region"], cluster.status()["progress"]) == ("zone-1", "1/2")
        _proving(agents, "node-1", new, 2, 2)
        _waits(cluster, agents, "region zone-0: no node reports a process of PCI-DSS")
        _proving(agents, "node-0", new, 3, 2)
        agents.settle("RolledBack")
        words = "node node-0: 2 of 3 processes of PCI-DSS are exported, and every one has to be"
        assert cluster.status()["reason"] == words


def test_exports_that_do_not_add_up_take_a_revision_back(cluster: Home, tmp_path: Path) -> None:
    agents = Agents(cluster)
    cluster.profile(profile="balanced")
    with Operator(cluster, tmp_path):
        old = agents.agree()
        cluster.rollout(strategy={"steps": [{"percent": 34, "bake": "1h"}, {"percent": 100, "bake": "1s"}]})
        cluster.profile(profile="aggressive")
        agents.settle("Baking")
        said = cluster.pointer()
        victim = said["candidates"].split("\n")[0]
        off = {"exports": 4, "exact": False, "difference": "written by 4096"}
        agents.said[f"{victim}/{said['candidate']}"] = {"conservation": off}
        agents.settle("RolledBack")
        assert cluster.status()["reason"].endswith("do not add up to what was measured: written by 4096")
        assert agents.agree() == old


def test_nothing_is_promoted_before_agents_have_said_that_their_exports_add_up(
    cluster: Home, tmp_path: Path
) -> None:
    agents = Agents(cluster)
    cluster.profile(profile="balanced")
    with Operator(cluster, tmp_path):
        agents.agree()
        cluster.rollout()
        cluster.profile(profile="aggressive")
        wait_until(lambda: cluster.pointer().get("candidate"), "a candidate")
        new = cluster.pointer()["candidate"]
        agents.said = {f"{name}/{new}": {"conservation": None} for name in NODES}
        _waits(cluster, agents, "has not measured yet whether its exports add up")
        agents.said = {}
        agents.settle("Succeeded")
