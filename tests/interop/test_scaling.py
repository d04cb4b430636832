"""What the operator makes of HorizontalPodAutoscalers on a real API server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import yaml
from parts.operated import Home, Operator
from parts.pretended import Agents
from parts.program import wait_until

if TYPE_CHECKING:
    from pathlib import Path


class Scaler:
    """Of the Deployment checkout, from two to ten pods."""

    def __init__(self, cluster: Home) -> None:
        self._cluster = cluster
        self._path = f"/apis/autoscaling/v2/namespaces/{cluster.namespace}/horizontalpodautoscalers"
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}
        spec = {"minReplicas": 2, "maxReplicas": 10, "scaleTargetRef": target}
        cluster.create(self._path, {"metadata": {"name": "checkout"}, "spec": spec})

    def is_at(self, current: int, desired: int) -> None:
        at = datetime.now(UTC) - timedelta(minutes=1)
        status = {
            "currentReplicas": current,
            "desiredReplicas": desired,
            "lastScaleTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self._cluster.patch(f"{self._path}/checkout/status", {"status": status})


def _scopes(cluster: Home) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(cluster.pointer()["stable.yaml"]).get("scopes", [])
    return found


def test_a_workload_at_its_minimum_has_the_profile_for_it_until_it_scales_out(
    cluster: Home, tmp_path: Path
) -> None:
    scaler = Scaler(cluster)
    scaler.is_at(8, 2)
    cluster.profile(profile="balanced", scaleIn={"profile": "aggressive", "cooldown": "30s"})
    with Operator(cluster, tmp_path):
        Agents(cluster).agree()
        assert _scopes(cluster) == []
        scaler.is_at(2, 2)
        wait_until(lambda: _scopes(cluster), "the scope")
        (scope,) = _scopes(cluster)
        assert (scope["namespace"], scope["profile"]) == (cluster.namespace, "aggressive")
        assert scope["selector"] == "workload=Deployment/checkout"
        assert cluster.condition("Compiled")["status"] == "True"
        scaler.is_at(2, 6)
        wait_until(lambda: _scopes(cluster) == [], "the profile of before")


def test_what_a_rollout_decides_about_does_not_change_with_the_size_of_workloads(
    cluster: Home, tmp_path: Path
) -> None:
    Scaler(cluster).is_at(2, 2)
    cluster.profile(profile="balanced", scaleIn={"profile": "aggressive", "cooldown": "30s"})
    cluster.rollout()
    with Operator(cluster, tmp_path):
        Agents(cluster).agree()
        wait_until(lambda: cluster.phase() == "Succeeded", "nothing to roll out")
        assert _scopes(cluster) == []
