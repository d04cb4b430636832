"""A cluster in memory and an operator over it, pass by pass: what it writes, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nrdot.cluster.objects import ConfigMap, Custom, Metadata, Node
from nrdot.kube.controller import Controller, View
from nrdot.kube.plans import rfc3339
from nrdot.kube.told import Teller
from nrdot.testing.clock import ManualClock
from nrdot.testing.clusters.api_server import FakeApi
from nrdot.testing.clusters.nodes import node

if TYPE_CHECKING:
    from nrdot.cluster.api import Document

OURS = "/apis/nrdot.io/v1alpha1/namespaces/home"
MAPS = "/api/v1/namespaces/home/configmaps"


@dataclass
class World:
    """A cluster, and an operator whose copies of it are current unless `stale` holds them."""

    api: FakeApi = field(default_factory=FakeApi)
    clock: ManualClock = field(default_factory=ManualClock)
    nodes: tuple[Node, ...] = (node("node-1"), node("node-2"))
    stale: View | None = None
    generation: int = 1

    def __post_init__(self) -> None:
        self.controller = Controller(self.api, self.clock, "home", Teller(self.api, self.clock, "home", "me"))

    def view(self) -> View:
        return self.stale or View(
            profiles=self._customs("telemetryprofiles"),
            policies=self._customs("classificationpolicies"),
            rollouts=self._customs("profilerollouts"),
            telemetries=self._customs("nodetelemetries"),
            nodes=self.nodes,
            maps=[
                ConfigMap(_metadata(found), found["data"])
                for path, found in self.api.objects.items()
                if path.startswith(f"{MAPS}/")
            ],
            rules=(),
        )

    def _customs(self, plural: str) -> list[Custom]:
        return [
            Custom(_metadata(found, self.generation), found.get("spec", {}), found.get("status", {}))
            for path, found in self.api.objects.items()
            if path.startswith(f"{OURS}/{plural}/")
        ]

    def turn(self) -> float | None:
        return self.controller.turn(self.view())

    def settle(self) -> list[tuple[str, str]]:
        """Passes until nothing is written any more; method and path of what was."""
        written: list[tuple[str, str]] = []
        for _ in range(6):
            self.api.writes.clear()
            self.turn()
            if not self.api.writes:
                return written
            written += [(method, path) for method, path, _ in self.api.writes]
        raise AssertionError(f"every pass writes: {self.api.writes}")

    def profile(self, name: str = "general", **spec: Any) -> None:
        self.api.put(f"{OURS}/telemetryprofiles/{name}", {"spec": {"profile": "balanced", **spec}})

    def rollout(
        self, name: str, created: str = "2026-01-01T00:00:00Z", profile: str = "general", **more: Any
    ) -> None:
        spec = {"profile": profile, "strategy": {"steps": [{"percent": 50}, {"percent": 100}]}, **more}
        metadata = {"name": name, "creationTimestamp": created}
        self.api.put(f"{OURS}/profilerollouts/{name}", {"metadata": metadata, "spec": spec})

    def status(self, plural: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.objects[f"{OURS}/{plural}/{name}"].get("status", {})
        return found

    def pointer(self, group: str = "general") -> dict[str, Any]:
        found: dict[str, Any] = self.api.objects[f"{MAPS}/nrdot-pointer-{group}"]["data"]
        return found

    def condition(self, plural: str, name: str, kind: str) -> dict[str, Any]:
        conditions = self.status(plural, name)["conditions"]
        return next(one for one in conditions if one["type"] == kind)

    def events(self) -> list[str]:
        return [one["reason"] for method, path, one in self.api.writes if path.split("/")[-2] == "events"]

    def report(self, name: str, **said: Any) -> None:
        path = f"{OURS}/nodetelemetries/{name}"
        status = {"reportedAt": rfc3339(self.clock.wall_ns() / 1e9), **said}
        self.api.put(path, {**self.api.objects[path], "status": status})


def _metadata(found: Document, generation: int = 1) -> Metadata:
    said = found["metadata"]
    return Metadata(
        said["name"],
        "home",
        uid=said["name"],
        resource_version=said["resourceVersion"],
        generation=generation,
        creation_timestamp=said.get("creationTimestamp", ""),
        labels=said.get("labels", {}),
    )
