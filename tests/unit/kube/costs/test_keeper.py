"""TelemetryCostReport over a cluster in memory: what is written, when, and what it does to the documents."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from nrdot.cluster.api import ApiError, Document
from nrdot.cluster.objects import Advice as Target
from nrdot.cluster.objects import (
    Annotated,
    ConfigMap,
    Container,
    Custom,
    Metadata,
    Node,
    Owner,
    Pod,
    PodSpec,
    PodStatus,
    Recommendation,
    Recommender,
    RecommenderSpec,
    RecommenderStatus,
    Resources,
)
from nrdot.cluster.objects import Target as Reference
from nrdot.cluster.usage import Line, Usage, document
from nrdot.kube.controller import Controller, View
from nrdot.kube.plans import rfc3339
from nrdot.kube.told import Teller
from nrdot.kube.unguided import STANDS
from nrdot.testing.clock import ManualClock
from nrdot.testing.clusters.api_server import FakeApi
from nrdot.testing.clusters.nodes import node

if TYPE_CHECKING:
    from collections.abc import Sequence

OURS = "/apis/nrdot.io/v1alpha1/namespaces/home"
MAPS = "/api/v1/namespaces/home/configmaps"
HOUR = 3600.0
WOULD = {"conservative": (9.0, 3600.0), "balanced": (5.0, 3500.0), "aggressive": (1.0, 3240.0)}


def _line(name: str, profile: str = "balanced", sent: float = 300e6, **numbers: float) -> Line:
    usual = {"points": 1e9, "points_sent": sent, "bytes": 17e10, "bytes_sent": sent * 170, "processes": 10.0}
    return Line("namespace", name, profile, {**usual, "cpu": 3600.0, "memory": 5e8, **numbers}, WOULD)


@dataclass
class World:
    """Two nodes; what their agents say is `lines`, from now on and at every look."""

    api: FakeApi = field(default_factory=FakeApi)
    clock: ManualClock = field(default_factory=ManualClock)
    nodes: tuple[Node, ...] = (node("node-1"), node("node-2"))
    lines: tuple[Line, ...] = (_line("shop"), _line("lab", sent=100e6))
    pods: Sequence[Pod] = ()
    recommenders: Sequence[Recommender] = ()
    silent: frozenset[str] = frozenset()
    workloads: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lead()
        self.profile()

    def lead(self) -> None:
        """An operator that knows nothing but what the cluster holds."""
        self.controller = Controller(self.api, self.clock, "home", Teller(self.api, self.clock, "home", "me"))

    def profile(self, name: str = "general", **spec: Any) -> None:
        self.api.put(f"{OURS}/telemetryprofiles/{name}", {"spec": {"profile": "balanced", **spec}})

    def report(self, name: str = "cluster", created: str = "2026-01-01T00:00:00Z", **spec: Any) -> None:
        path = f"{OURS}/telemetrycostreports/{name}"
        before = self.api.objects.get(path, {"metadata": {"generation": 0}})
        metadata = {"name": name, "creationTimestamp": created}
        metadata["generation"] = before["metadata"]["generation"] + 1
        self.api.put(path, {**before, "metadata": metadata, "spec": spec})

    def turn(self, after: float = 0.0) -> float | None:
        """And the next one where a change wants to stand for a moment first."""
        self.clock.advance(after)
        self.api.writes.clear()
        again = self.controller.turn(self.view())
        if again is not None and again <= STANDS:
            self.clock.advance(again)
            again = self.controller.turn(self.view())
        return again

    def hours(self, count: int) -> None:
        for _ in range(count):
            self.turn(HOUR)

    def view(self) -> View:
        maps = [
            ConfigMap(_metadata(found), found["data"])
            for path, found in self.api.objects.items()
            if path.startswith(f"{MAPS}/")
        ]
        return View(
            profiles=self._customs("telemetryprofiles"),
            policies=(),
            rollouts=self._customs("profilerollouts"),
            telemetries=[self._said(one.metadata.name) for one in self.nodes],
            nodes=self.nodes,
            maps=maps,
            rules=(),
            pods=self.pods,
            costs=self._customs("telemetrycostreports"),
            recommenders=self.recommenders,
        )

    def _said(self, name: str) -> Custom:
        if name in self.silent:
            return Custom(Metadata(name))
        at = rfc3339(self.clock.wall_ns() / 1e9)
        under = {one["namespace"]: one["profile"] for one in self.scopes()}
        lines = [replace(line, profile=under.get(line.name, line.profile)) for line in self.lines]
        usage = document(Usage(at, at, HOUR, 0.0, 0.0, tuple(lines), self.workloads))
        return Custom(
            Metadata(name), {"pointer": "nrdot-pointer-general"}, {"reportedAt": at, "usage": usage}
        )

    def _customs(self, plural: str) -> list[Custom]:
        return [
            Custom(_metadata(found), found.get("spec", {}), found.get("status", {}))
            for path, found in self.api.objects.items()
            if path.startswith(f"{OURS}/{plural}/")
        ]

    def status(self, name: str = "cluster") -> dict[str, Any]:
        found: dict[str, Any] = self.api.objects[f"{OURS}/telemetrycostreports/{name}"].get("status", {})
        return found

    def condition(self, kind: str, name: str = "cluster") -> dict[str, Any]:
        return next(one for one in self.status(name)["conditions"] if one["type"] == kind)

    def advice(self, namespace: str = "shop") -> dict[str, Any]:
        return next(one for one in self.status()["recommendations"] if one["namespace"] == namespace)

    def events(self) -> list[str]:
        return [one["reason"] for _, path, one in self.api.writes if path.split("/")[-2] == "events"]

    def scopes(self) -> list[dict[str, str]]:
        held = self.api.objects.get(f"{MAPS}/nrdot-pointer-general")
        found: list[dict[str, str]] = []
        if held is not None:
            found = yaml.safe_load(held["data"]["stable.yaml"]).get("scopes", [])
        return found


def _metadata(found: Document) -> Metadata:
    said = found["metadata"]
    return Metadata(
        said["name"],
        "home",
        uid=said["name"],
        resource_version=said["resourceVersion"],
        generation=said.get("generation", 1),
        creation_timestamp=said.get("creationTimestamp", ""),
        labels=said.get("labels", {}),
    )


@pytest.fixture
def world() -> World:
    return World()


def test_a_report_says_what_each_namespace_costs_and_who_did_not_report(world: World) -> None:
    world.silent = frozenset({"node-2"})
    world.report(meter="google_prometheus")
    world.turn()
    status = world.status()
    assert status["nodes"] == {"reporting": 1, "missing": 1, "names": ["node-2"]}
    assert world.condition("Complete")["message"] == "1 of 2 nodes do not report: node-2"
    assert world.condition("Ready")["status"] == "True"
    assert [one["namespace"] for one in status["namespaces"]] == ["shop", "lab"]
    shop, lab = status["namespaces"]
    assert float(shop["cost"]) == pytest.approx(3 * float(lab["cost"]), rel=1e-3)
    assert status["points"]["sent"] == round(400e6 / 60)
    assert "recommendations" not in status or status["recommendations"] == []


def test_figures_are_computed_every_five_minutes_and_at_once_when_the_resource_changes(world: World) -> None:
    world.report()
    assert world.turn() == 300.0
    first = world.status()
    assert world.turn(after=100.0) == pytest.approx(200.0)
    assert world.status() == first
    assert not world.api.writes
    world.report(meter="new_relic_eu")
    world.turn()
    assert world.status()["meter"] == "new_relic_eu"
    world.lines = (_line("shop"),)
    world.turn(after=301.0)
    assert [one["namespace"] for one in world.status()["namespaces"]] == ["shop"]


def test_what_was_just_computed_is_known_before_the_watch_tells_of_it(world: World) -> None:
    world.report()
    heard = world.view()
    world.controller.turn(heard)
    world.clock.advance(2.0)
    world.controller.turn(heard)
    written = [
        path for _, path, _ in world.api.writes if path.endswith("telemetrycostreports/cluster/status")
    ]
    assert len(written) == 1


def test_without_figures_it_says_so_and_looks_again_soon(world: World) -> None:
    world.silent = frozenset({"node-1", "node-2"})
    world.report()
    assert world.turn() == 15.0
    assert world.condition("Ready")["reason"] == "NoFigures"
    assert "cost" not in world.status()
    world.silent = frozenset()
    world.turn(after=15.0)
    assert world.condition("Ready")["status"] == "True"


def test_a_price_list_that_cannot_be_used_is_said_in_one_line_and_the_figures_stay(world: World) -> None:
    world.report()
    world.turn()
    before = world.status()["cost"]
    world.report(pricing={"meters": {"new_relic": {"prices": {"price": "dear"}}}})
    world.turn()
    said = world.condition("Ready")
    assert (said["status"], said["reason"]) == ("False", "NotPriced")
    assert said["message"].startswith("spec.pricing:")
    assert "price" in said["message"]
    assert world.status()["cost"] == before
    world.report(meter="grafana_cloud")
    world.turn()
    assert "spec.pricing.meters.grafana_cloud.prices" in world.condition("Ready")["message"]
    world.report(meter="new_relik")
    world.turn()
    assert "new_relic" in world.condition("Ready")["message"]
    world.report(meter="egress")
    world.turn()
    assert "no request went over a network" in world.condition("Ready")["message"]
    world.report(pricing={"currency": "EUR", "meters": {"new_relic": {"prices": {"price": 0.6}}}})
    world.turn()
    assert world.status()["currency"] == "EUR"
    assert float(world.status()["cost"]) > 1.9 * float(before)


def _pod(name: str, cpu: str, memory: str, phase: str = "Running") -> Pod:
    owner = Owner("StatefulSet", "ledger", "u", controller=True)
    container = Container("main", "example/ledger", Resources({"cpu": cpu, "memory": memory}))
    metadata = Annotated(name, "shop", owner_references=(owner,))
    return Pod(metadata, PodSpec("node-1", (container, container)), PodStatus(phase))


def test_what_is_requested_stands_beside_what_is_used_and_what_is_recommended(world: World) -> None:
    world.pods = [_pod("a", "500m", "1Gi"), _pod("b", "500m", "1Gi"), _pod("c", "8", "8Gi", "Succeeded")]
    world.workloads = {("shop", "StatefulSet/ledger"): (0.25, 2e8), ("lab", "Deployment/x"): (1.0, 1.0)}
    targets = (Target({"cpu": "200m", "memory": "256Mi"}), Target({"cpu": "100m"}))
    advice = RecommenderStatus(Recommendation(targets))
    spec = RecommenderSpec(Reference("StatefulSet", "ledger"))
    other = Recommender(Metadata("idle", "shop"), RecommenderSpec(Reference("Deployment", "idle")))
    world.recommenders = [Recommender(Metadata("ledger", "shop"), spec, advice), other]
    world.report()
    world.turn()
    shop = next(one for one in world.status()["namespaces"] if one["namespace"] == "shop")
    assert shop["cpu"] == {"requested": "2.000", "used": "2.000"}
    assert shop["memory"] == {"requested": 4 << 30, "used": 1_000_000_000}
    (ledger,) = world.status()["workloads"]
    assert (ledger["workload"], ledger["pods"]) == ("StatefulSet/ledger", 2)
    assert ledger["cpu"] == {"requested": "2.000", "used": "0.500", "recommended": "0.600"}
    assert ledger["memory"] == {"requested": 4 << 30, "used": 400_000_000, "recommended": 512 << 20}
    lab = next(one for one in world.status()["namespaces"] if one["namespace"] == "lab")
    assert lab["cpu"] == {"used": "2.000"}, "what nobody asked for is not 0"


def test_a_day_of_agreement_is_proposed_and_changes_nothing(world: World) -> None:
    world.report(optimizer={})
    world.hours(26)
    assert (world.advice()["state"], world.advice()["profile"]) == ("Proposed", "aggressive")
    assert float(world.advice()["confidence"]) > 0.85
    assert "26 of 26 hours call for aggressive" in world.advice()["evidence"]
    assert world.status()["recommended"].startswith("lab aggressive 0.9")
    assert world.scopes() == []


def test_it_is_applied_as_scopes_kept_hour_by_hour_and_taken_back_when_it_gets_dearer(world: World) -> None:
    world.report(optimizer={"apply": "Apply", "namespaces": ["sh*"]})
    events: list[str] = []
    for _ in range(24):
        world.turn(HOUR)
        events += world.events()
        if world.scopes():
            break
    assert "OptimizationApplied" in events
    assert world.status()["applied"] == 1
    scope = {"namespace": "shop", "profile": "aggressive", "reason": "TelemetryCostReport cluster"}
    assert world.scopes() == [scope]
    assert [one["namespace"] for one in world.status()["recommendations"]] == ["shop"]
    world.lines = (_line("shop", "aggressive", sent=200e6),)
    world.turn(HOUR)
    assert "OptimizationKept" in world.events()
    assert world.scopes() == [scope]
    world.lines = (_line("shop", "aggressive", sent=900e6),)
    world.turn(HOUR)
    assert "OptimizationTakenBack" in world.events()
    assert world.scopes() == []
    assert world.advice()["reason"] == "90.0% of the points are sent, and 30.0% were before"
    world.lines = (_line("shop"),)
    for _ in range(20):
        world.turn(HOUR)
        assert world.scopes() == []


def test_another_operator_goes_on_with_what_is_applied(world: World) -> None:
    world.report(optimizer={"apply": "Apply"})
    world.hours(24)
    applied = world.scopes()
    assert {one["namespace"] for one in applied} == {"shop", "lab"}
    until = world.advice()["until"]
    world.lead()
    world.turn(after=60.0)
    assert world.scopes() == applied
    assert world.advice()["until"] == until
    assert "OptimizationApplied" not in world.events()


def test_what_teams_say_of_a_namespace_comes_first_and_a_report_that_goes_takes_everything_back(
    world: World,
) -> None:
    world.profile("shops", profile="conservative", workloads=[{"namespace": "sh?p"}])
    world.report(optimizer={"apply": "Apply", "exclude": ["lab"]})
    world.hours(26)
    assert world.advice()["reason"] == "TelemetryProfile shops speaks of this namespace"
    assert [one["reason"] for one in world.scopes()] == ["TelemetryProfile shops"]
    world.report(optimizer={"apply": "Apply"})
    world.hours(26)
    assert [one["namespace"] for one in world.scopes()] == ["sh?p", "lab"]
    world.api.delete(f"{OURS}/telemetrycostreports/cluster")
    world.turn()
    assert [one["namespace"] for one in world.scopes()] == ["sh?p"]


def test_of_two_reports_with_an_optimizer_the_older_one_decides(world: World) -> None:
    world.report("new", created="2026-02-01T00:00:00Z", optimizer={"apply": "Apply"})
    world.report("old", created="2026-01-01T00:00:00Z", optimizer={})
    world.hours(26)
    assert world.scopes() == []
    assert world.condition("Effective", "new")["reason"] == "Superseded"
    assert world.condition("Effective", "old")["status"] == "True"
    assert world.status("new")["cost"] == world.status("old")["cost"]


def test_nothing_is_applied_while_a_rollout_is_under_way(world: World) -> None:
    strategy = {"steps": [{"percent": 50}, {"percent": 100}]}
    world.turn()
    spec = {"profile": "general", "strategy": strategy, "paused": True}
    world.api.put(f"{OURS}/profilerollouts/roll", {"spec": spec})
    world.profile(configuration={"overrides": [{"process": "x", "importance": 0.5}]})
    world.report(optimizer={"apply": "Apply"})
    world.hours(26)
    assert world.advice()["reason"] == "ProfileRollout roll is under way"
    assert world.scopes() == []


def test_a_status_that_the_server_refuses_holds_nothing_up_and_is_not_tried_in_a_loop(world: World) -> None:
    world.report()
    status = f"{OURS}/telemetrycostreports/cluster/status"

    class Refusing(FakeApi):
        def apply(self, path: str, document: Document) -> Document:
            if path == status:
                self.writes.append(("REFUSED", path, document))
                raise ApiError(422, "it is invalid")
            return super().apply(path, document)

    refusing = Refusing()
    refusing.objects = world.api.objects
    world.api = refusing
    world.lead()
    world.turn()
    assert ("REFUSED", status) in [(method, path) for method, path, _ in world.api.writes]
    assert f"{MAPS}/nrdot-pointer-general" in world.api.objects
    world.turn(after=1.0)
    assert world.api.writes == []
