"""One pass of the operator after another, over a cluster in memory: what it writes, and what it says."""

from __future__ import annotations

import pytest

from nrdot.cluster.api import ApiError
from nrdot.kube.unguided import STANDS
from nrdot.testing.clusters.nodes import node
from nrdot.testing.clusters.operated import MAPS, OURS, World


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
