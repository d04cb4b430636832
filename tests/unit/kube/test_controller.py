"""One pass of the operator after another, over a cluster in memory: what it writes, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from nrdot.cluster.api import ApiError, Document
from nrdot.cluster.objects import ConfigMap, Custom, Metadata, Node
from nrdot.kube.compiled import Compiler, NotCompiledError
from nrdot.kube.controller import Controller, View
from nrdot.kube.plans import rfc3339
from nrdot.kube.pointers import fitting
from nrdot.kube.told import Teller
from nrdot.kube.unguided import STANDS
from nrdot.testing.api_server import FakeApi
from nrdot.testing.clock import ManualClock
from nrdot.testing.cluster import node

OURS = "/apis/nrdot.io/v1alpha1/namespaces/home"
MAPS = "/api/v1/namespaces/home/configmaps"


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
        written = []
        for _ in range(6):
            self.api.writes.clear()
            self.turn()
            if not self.api.writes:
                return written
            written += [(method, path) for method, path, _ in self.api.writes]
        pytest.fail(f"every pass writes: {self.api.writes}")

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


def test_a_cluster_that_does_not_change_is_written_once() -> None:
    world = World()
    world.profile()
    world.rollout("roll")
    written = world.settle()
    assert ("APPLY", f"{OURS}/nodetelemetries/node-1") in written
    assert ("APPLY", f"{MAPS}/nrdot-pointer-general") in written
    world.clock.advance(3600.0)
    world.api.writes.clear()
    world.turn()
    assert world.api.writes == []


def test_what_is_the_same_is_compiled_once_and_what_nobody_asks_for_is_forgotten() -> None:
    compiler = Compiler()
    first = compiler.compile(_profile_of("balanced"), (), (), ())
    other = compiler.compile(_profile_of("aggressive"), (), (), ())
    assert other.revision != first.revision
    compiler.forget_unused()
    assert compiler.compile(_profile_of("balanced"), (), (), ()) is first
    compiler.forget_unused()
    assert compiler.compile(_profile_of("aggressive"), (), (), ()) is not other


def test_what_is_refused_is_refused_again_without_a_second_look() -> None:
    compiler = Compiler()
    for _ in range(2):
        with pytest.raises(NotCompiledError, match="nonsense"):
            compiler.compile(_profile_of("nonsense"), (), (), ())


def _profile_of(name: str) -> Custom:
    return Custom(Metadata("general"), {"profile": name})


def test_a_pass_that_begins_before_its_copies_heard_of_the_last_one_tells_nothing_twice() -> None:
    world = World()
    world.profile()
    world.rollout("roll")
    world.settle()
    world.profile(profile="aggressive")
    world.stale = world.view()
    world.api.writes.clear()
    world.turn()
    assert world.events().count("Pending") == 1
    world.turn()
    assert world.events().count("Pending") == 1
    assert world.events().count("Progressing") == 1


def test_a_rollout_of_a_profile_that_is_not_there_says_so_and_says_it_once() -> None:
    world = World()
    world.rollout("roll", profile="typo")
    world.settle()
    said = world.condition("profilerollouts", "roll", "Effective")
    assert (said["status"], said["reason"]) == ("False", "ProfileMissing")
    assert "typo" in said["message"]


def test_of_two_rollouts_of_one_profile_the_older_says_that_it_decides_nothing() -> None:
    world = World()
    world.profile()
    world.rollout("old")
    world.settle()
    world.rollout("new", "2026-02-01T00:00:00Z")
    world.settle()
    said = world.condition("profilerollouts", "old", "Effective")
    assert (said["status"], said["reason"]) == ("False", "Superseded")
    assert "new" in said["message"]
    assert world.status("profilerollouts", "old")["phase"] == "Succeeded", "what it reached stays readable"
    assert world.condition("profilerollouts", "new", "Effective")["status"] == "True"
    del world.api.objects[f"{OURS}/profilerollouts/new"]
    world.settle()
    assert world.condition("profilerollouts", "old", "Effective")["status"] == "True"


def test_a_profile_that_is_deleted_while_it_is_rolled_out_comes_back_to_where_it_was() -> None:
    world = World()
    world.profile()
    world.rollout("roll")
    world.settle()
    world.profile(profile="aggressive")
    world.settle()
    before = dict(world.api.objects[f"{MAPS}/nrdot-pointer-general"]["data"])
    assert before["candidates"]
    gone = world.api.objects.pop(f"{OURS}/telemetryprofiles/general")
    world.settle()
    assert world.condition("profilerollouts", "roll", "Effective")["reason"] == "ProfileMissing"
    world.api.objects[f"{OURS}/telemetryprofiles/general"] = gone
    world.settle()
    after = world.api.objects[f"{MAPS}/nrdot-pointer-general"]["data"]
    assert (after["stable"], after["candidates"]) == (before["stable"], before["candidates"])
    assert world.status("profilerollouts", "roll")["phase"] == "Progressing"


def test_a_change_without_a_rollout_reaches_every_node_once_it_has_stood_for_a_moment() -> None:
    world = World()
    world.profile()
    world.settle()
    world.profile(profile="aggressive")
    left = world.turn()
    assert left == pytest.approx(STANDS)
    assert "balanced" in world.pointer()["stable.yaml"]
    world.clock.advance(STANDS / 2)
    world.profile(profile="conservative")
    assert world.turn() == pytest.approx(STANDS), "another change stands for itself"
    world.clock.advance(STANDS)
    world.settle()
    assert "conservative" in world.pointer()["stable.yaml"]


def test_a_change_that_is_heard_of_before_its_rollout_is_still_rolled_out() -> None:
    world = World()
    world.profile()
    world.settle()
    world.profile(profile="aggressive")
    world.turn()
    world.rollout("roll")
    world.settle()
    assert "balanced" in world.pointer()["stable.yaml"]
    assert world.pointer()["candidates"]
    assert world.status("profilerollouts", "roll")["phase"] == "Progressing"


def test_a_rollout_that_is_heard_of_late_still_guides_a_change_that_has_stood() -> None:
    world = World()
    world.profile()
    world.settle()
    world.profile(profile="aggressive")
    without = world.view()
    world.rollout("roll")
    world.stale = without
    world.turn()
    world.clock.advance(STANDS)
    assert world.turn() == pytest.approx(STANDS)
    assert "balanced" in world.pointer()["stable.yaml"]
    world.stale = None
    world.settle()
    assert world.pointer()["candidates"]


def test_a_profile_is_not_ready_while_its_rollout_is_held_and_says_by_which() -> None:
    world = World()
    world.profile()
    world.settle()
    for name in ("node-1", "node-2"):
        at = rfc3339(world.clock.wall_ns() / 1e9)
        world.report(name, revision=world.pointer()["stable"], reportedAt=at)
    world.rollout("roll", paused=True)
    world.settle()
    assert world.condition("telemetryprofiles", "general", "Ready")["status"] == "True"
    world.profile(profile="aggressive")
    world.settle()
    said = world.condition("telemetryprofiles", "general", "Ready")
    assert (said["status"], said["reason"]) == ("False", "Held")
    assert said["message"].startswith("0 of 2 nodes run revision ")
    assert "ProfileRollout roll is Paused: not begun: held until spec.paused is false" in said["message"]
    assert world.status("telemetryprofiles", "general")["acknowledged"] == 0


def test_a_rollout_of_a_profile_that_is_refused_has_no_effect_and_says_where_to_look() -> None:
    world = World()
    world.profile()
    world.rollout("roll")
    world.settle()
    world.profile(profile="nowhere")
    world.api.writes.clear()
    world.turn()
    said = world.condition("profilerollouts", "roll", "Effective")
    assert (said["status"], said["reason"]) == ("False", "ProfileRefused")
    assert "its condition Compiled says why" in said["message"]
    assert "ProfileRefused" in world.events()
    refusal = world.condition("telemetryprofiles", "general", "Compiled")["message"]
    assert refusal.startswith("profile: there is no profile 'nowhere'"), "no line of a file that nobody has"


def test_who_edits_a_refused_profile_into_another_mistake_is_told_of_that_one() -> None:
    world = World()
    world.profile(profile="nowhere")
    world.settle()
    world.api.writes.clear()
    world.generation = 2
    world.profile(profile="elsewhere")
    world.turn()
    world.turn()
    assert world.events().count("Refused") == 1


def test_a_group_that_the_server_will_never_take_does_not_hold_up_the_others() -> None:
    world = World(nodes=(node("node-1", pool="a"), node("node-2", pool="b")))
    world.profile("a", nodeSelector={"pool": "a"})
    world.profile("b", nodeSelector={"pool": "b"})
    world.api.trouble.append(ApiError(422, "PATCH nrdot-revision-a: must be no more than 63 characters"))
    world.turn()
    said = world.condition("telemetryprofiles", "a", "Compiled")
    assert said["status"] == "False"
    assert "63 characters" in said["message"]
    assert f"{MAPS}/nrdot-pointer-b" in world.api.objects
    world.settle()
    assert world.condition("telemetryprofiles", "a", "Compiled")["status"] == "True"


def test_a_server_that_is_busy_cuts_the_pass_short_and_the_next_one_ends_it() -> None:
    world = World()
    world.profile()
    world.api.trouble.append(ApiError(429, "later", 2.0))
    with pytest.raises(ApiError):
        world.turn()
    world.settle()
    assert f"{MAPS}/nrdot-pointer-general" in world.api.objects


def test_a_node_that_moves_to_another_group_is_told_under_a_number_that_it_takes() -> None:
    world = World(nodes=(node("node-1", pool="a"), node("node-2", pool="b")))
    world.profile("a", nodeSelector={"pool": "a"})
    world.profile("b", nodeSelector={"pool": "b"})
    world.settle()
    world.clock.advance(60.0)
    world.profile("a", nodeSelector={"pool": "a"}, profile="aggressive")
    world.settle()
    world.clock.advance(STANDS)
    world.settle()
    told = int(world.api.objects[f"{MAPS}/nrdot-pointer-a"]["data"]["sequence"])
    assert int(world.api.objects[f"{MAPS}/nrdot-pointer-b"]["data"]["sequence"]) < told
    world.nodes = (node("node-1", pool="b"), node("node-2", pool="b"))
    world.settle()
    assert world.api.objects[f"{OURS}/nodetelemetries/node-1"]["spec"]["pointer"] == "nrdot-pointer-b"
    assert int(world.api.objects[f"{MAPS}/nrdot-pointer-b"]["data"]["sequence"]) > told


def test_a_pointer_that_nears_its_end_is_written_anew() -> None:
    world = World()
    world.profile()
    world.settle()
    world.clock.advance(200 * 86400.0)
    assert ("APPLY", f"{MAPS}/nrdot-pointer-general") in world.settle()


def test_a_rollout_that_would_not_fit_into_a_pointer_is_refused_in_words() -> None:
    nodes = [node(f"node-{n:058d}") for n in range(5000)]
    fitting("a" * 330_000, "b" * 330_000, nodes)
    with pytest.raises(NotCompiledError, match="5000 nodes"):
        fitting("a" * 450_000, "b" * 450_000, nodes)


def test_nodes_that_change_places_while_both_pointers_are_written_take_what_they_find() -> None:
    """The copies know neither the new pointers nor their numbers when nodes are sent to them."""
    world = World(nodes=(node("node-1", pool="a"), node("node-2", pool="b")))
    world.profile("a", nodeSelector={"pool": "a"})
    world.profile("b", nodeSelector={"pool": "b"})
    world.settle()
    world.clock.advance(60.0)
    for name in ("a", "b"):
        world.profile(name, nodeSelector={"pool": name}, profile="aggressive")
    world.nodes = (node("node-1", pool="b"), node("node-2", pool="a"))
    world.api.writes.clear()
    world.turn()
    # What the server said, write by write: whoever follows a pointer was told no higher number before.
    numbers = dict.fromkeys(("a", "b"), 0)
    follows, taken = {"node-1": "a", "node-2": "b"}, {"node-1": 0, "node-2": 0}
    for _, path, document in world.api.writes:
        place = path.rsplit("/", 1)[-1]
        if "nrdot-pointer-" in place:
            group = place.rsplit("-", 1)[-1]
            numbers[group] = int(document["data"]["sequence"])
            for name in [name for name, at in follows.items() if at == group]:
                assert numbers[group] > taken[name], f"{name} refuses it"
                taken[name] = numbers[group]
        elif "/nodetelemetries/" in path:
            follows[place] = document["spec"]["pointer"].rsplit("-", 1)[-1]
            assert numbers[follows[place]] > taken[place], f"{place} refuses {follows[place]}"
            taken[place] = numbers[follows[place]]
    assert follows == {"node-1": "b", "node-2": "a"}


def test_a_policy_that_is_refused_says_so_and_the_others_do_not() -> None:
    world = World()
    world.profile()
    bad = {"spec": {"label_based_scoring": [{"selector": "tier in (", "score": 0.8}]}}
    good = {"spec": {"label_based_scoring": [{"selector": "tier=frontend", "score": 0.8}]}}
    world.api.put(f"{OURS}/classificationpolicies/bad", bad)
    world.api.put(f"{OURS}/classificationpolicies/good", good)
    world.settle()
    said = world.condition("classificationpolicies", "bad", "Ready")
    assert (said["status"], said["reason"]) == ("False", "Refused")
    assert "tier in (" in said["message"]
    assert "no profile is pushed anew" in said["message"]
    other = world.condition("classificationpolicies", "good", "Ready")
    assert (other["status"], other["message"]) == ("True", "but for TelemetryProfile general, not compiled")
    world.api.put(f"{OURS}/classificationpolicies/bad", good)
    world.settle()
    assert world.condition("classificationpolicies", "bad", "Ready")["status"] == "True"
    assert world.condition("classificationpolicies", "good", "Ready")["message"] == ""


def test_policies_that_are_refused_only_together_all_say_so() -> None:
    world = World()
    world.profile()
    for name in ("one", "two"):
        patterns = [f"{name}-{n}-{'x' * 900}" for n in range(280)]
        spec = {"process_classification": {name: {"score": 0.5, "patterns": patterns}}}
        world.api.put(f"{OURS}/classificationpolicies/{name}", {"spec": spec})
    world.settle()
    for name in ("one", "two"):
        said = world.condition("classificationpolicies", name, "Ready")
        assert said["status"] == "False"
        assert "together with other policies" in said["message"]


def test_a_rollout_over_more_nodes_than_a_status_names_says_how_many_and_forgets_none() -> None:
    world = World(nodes=tuple(node(f"node-{n}") for n in range(5003)))
    world.profile()
    world.rollout("roll")
    world.controller.turn(world.view())
    world.profile(profile="aggressive")
    steps = [{"percent": 100}]
    world.api.put(
        f"{OURS}/profilerollouts/roll",
        {
            **world.api.objects[f"{OURS}/profilerollouts/roll"],
            "spec": {"profile": "general", "strategy": {"steps": steps}},
        },
    )
    for _ in range(3):
        world.turn()
    status = world.status("profilerollouts", "roll")
    assert (len(status["candidates"]), status["candidatesLeftOut"]) == (5000, 3)
    pointer = world.api.objects[f"{MAPS}/nrdot-pointer-general"]["data"]
    assert len(pointer["candidates"].split("\n")) == 5003
    world.settle()
    assert len(world.api.objects[f"{MAPS}/nrdot-pointer-general"]["data"]["candidates"].split("\n")) == 5003
