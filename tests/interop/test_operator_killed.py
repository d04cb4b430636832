"""The operator killed in every phase of a rollout, and the API server under it: it goes on where it was.

A follower runs beside the leader from the start, as the chart's two replicas do. What nodes were told is
read from the API server event by event: no node is ever told to go back and forth.
"""

from __future__ import annotations

import urllib.error
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from parts.history import History
from parts.operated import NODES, Home, Operator
from parts.pretended import Agents
from parts.program import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLOW = [{"percent": 34, "bake": "1h"}, {"percent": 100, "bake": "1s"}]
FAST = [{"percent": 34, "bake": "1s"}, {"percent": 100, "bake": "1s"}]


class Pair:
    """Two replicas; never do both say that they lead."""

    def __init__(self, cluster: Home, folder: Path) -> None:
        self.first = Operator(cluster, folder, "first")
        self.second = Operator(cluster, folder, "second")

    def leads(self, which: Operator) -> bool:
        """Asked of both, so that two leaders would be seen."""
        said = {one: _leading(one) for one in (self.first, self.second)}
        assert sum(said.values()) <= 1, "two operators lead"
        return said[which]


def _leading(operator: Operator) -> bool:
    try:
        return bool(operator.state()["leading"])
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def _pair(cluster: Home, folder: Path) -> Iterator[Pair]:
    pair = Pair(cluster, folder)
    with pair.first:
        wait_until(lambda: pair.leads(pair.first), "the first operator to lead")
        with pair.second:
            yield pair


def _grow(cluster: Home, current: int, desired: int) -> None:
    """A workload that scales out holds every rollout before it begins."""
    path = f"/apis/autoscaling/v2/namespaces/{cluster.namespace}/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}
    document = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "checkout"},
        "spec": {"maxReplicas": 10, "scaleTargetRef": target},
    }
    cluster.apply(f"{path}/checkout", document)
    status = {"currentReplicas": current, "desiredReplicas": desired}
    cluster.patch(f"{path}/checkout/status", {"status": status})


def _hold(cluster: Home, agents: Agents, phase: str) -> None:
    """Bring a rollout into a phase, and keep it there."""
    steps = FAST if phase in {"Pending", "Progressing"} else SLOW
    cluster.rollout(strategy={"steps": steps})
    if phase == "Pending":
        _grow(cluster, 2, 8)
    elif phase == "Progressing":
        agents.silent = set(NODES)
    cluster.profile(profile="aggressive")
    if phase in {"Pending", "Progressing"}:
        agents.settle(phase)
        return
    agents.settle("Baking")
    if phase == "Paused":
        cluster.rollout(strategy={"steps": SLOW}, paused=True)
    elif phase == "RollingBack":
        agents.silent = set(NODES)  # nobody says that it went back
        cluster.rollout(strategy={"steps": SLOW}, abort=True)
    agents.settle(phase)


def _release(cluster: Home, agents: Agents, phase: str) -> None:
    agents.silent = set()
    if phase == "Pending":
        _grow(cluster, 8, 8)
    elif phase != "RollingBack":
        cluster.rollout(strategy={"steps": FAST})


def _known(cluster: Home) -> tuple[Any, ...]:
    status, pointer = cluster.status(), cluster.pointer()
    candidates = pointer["candidates"], pointer["candidate"], pointer["stable"]
    return status["phase"], status["step"], status["to"], *candidates


@pytest.mark.parametrize("phase", ["Pending", "Progressing", "Baking", "Paused", "RollingBack"])
def test_who_follows_a_killed_operator_finds_the_rollout_where_it_was(
    cluster: Home, tmp_path: Path, phase: str
) -> None:
    agents = Agents(cluster)
    cluster.profile(profile="balanced")
    with _pair(cluster, tmp_path) as pair, History(cluster) as history:
        old = agents.agree()
        history.catch_up()
        _hold(cluster, agents, phase)
        before = _known(cluster)
        pair.first.kill()
        wait_until(lambda: pair.leads(pair.second), "the second operator to lead")
        pair.second.wait_for_pass()
        assert _known(cluster) == before
        _release(cluster, agents, phase)
        agents.settle("RolledBack" if phase == "RollingBack" else "Succeeded")
        new = agents.agree()
        assert (new == old) is (phase == "RollingBack")
        history.catch_up()
        for node in NODES:
            told = history.told(node)
            assert len(told) == len(set(told)) or (phase == "RollingBack" and len(told) == 3), told
        assert history.sequences == sorted(set(history.sequences))


def test_an_operator_that_died_between_promoting_and_the_next_step_takes_that_step_once(
    cluster: Home, tmp_path: Path
) -> None:
    """That phase lasts no longer than one write, so a status as it was left is put there."""
    agents = Agents(cluster)
    cluster.profile(profile="balanced")
    with Operator(cluster, tmp_path, "first"):
        old = agents.agree()
        cluster.rollout(strategy={"steps": SLOW})
        cluster.profile(profile="aggressive")
        agents.settle("Baking")
    cluster.patch(f"{cluster.ours}/profilerollouts/roll/status", {"status": {"phase": "Promoting"}})
    first = set(cluster.pointer()["candidates"].split("\n"))
    with History(cluster) as history:
        history.catch_up()
        with Operator(cluster, tmp_path, "second"):
            agents.settle("Succeeded")
            assert agents.agree() != old
        history.catch_up()
        assert len(history.told(next(iter(first)))) == 1, "who ran it goes on running it"
        assert all(len(history.told(node)) <= 2 for node in NODES)


@pytest.mark.parametrize("compacted", [False, True], ids=["restarted", "compacted"])
def test_a_rollout_goes_on_when_the_api_server_comes_back(
    cluster: Home, tmp_path: Path, *, compacted: bool
) -> None:
    agents = Agents(cluster)
    cluster.profile(profile="balanced")
    with _pair(cluster, tmp_path) as pair, History(cluster) as history:
        old = agents.agree()
        history.catch_up()
        _hold(cluster, agents, "Baking")
        before = _known(cluster)
        cluster.server.kill()
        if compacted:
            cluster.compact()
        cluster.server.start()
        if compacted:
            cluster.compact()
        assert _known(cluster) == before
        wait_until(
            lambda: pair.leads(pair.first) or pair.leads(pair.second), "one of them to lead, old or new"
        )
        _release(cluster, agents, "Baking")
        agents.settle("Succeeded")
        assert agents.agree() != old
        pair.leads(pair.first)
        history.catch_up()
        for node in NODES:
            assert len(history.told(node)) == 2, history.told(node)
        assert history.sequences == sorted(set(history.sequences))
