"""How rollouts and the profiles that they guide go together: who decides, and what each is told."""

from __future__ import annotations

import pytest

from nrdot.cluster.api import ApiError
from nrdot.kube.plans import rfc3339
from nrdot.kube.unguided import STANDS
from nrdot.testing.clusters.nodes import node
from nrdot.testing.clusters.operated import MAPS, OURS, World


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
    assert world.condition("profilerollouts", "old", "Complete")["status"] == "False", (
        "nobody may wait for it"
    )
    assert world.condition("profilerollouts", "new", "Effective")["status"] == "True"
    del world.api.objects[f"{OURS}/profilerollouts/new"]
    world.settle()
    assert world.condition("profilerollouts", "old", "Effective")["status"] == "True"
    assert world.condition("profilerollouts", "old", "Complete")["status"] == "True"


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


def test_a_rollout_that_succeeded_is_not_complete_while_its_profile_is_refused() -> None:
    world = World()
    world.profile()
    world.rollout("roll")
    world.settle()
    assert world.condition("profilerollouts", "roll", "Complete")["status"] == "True"
    world.profile(profile="nowhere")
    world.settle()
    said = world.condition("profilerollouts", "roll", "Complete")
    assert (said["status"], said["reason"]) == ("False", "ProfileRefused")
    assert "what was compiled before counts: nothing to roll out" in said["message"]
    assert world.status("profilerollouts", "roll")["phase"] == "Succeeded", "what it reached stays readable"
    world.profile()
    world.settle()
    assert world.condition("profilerollouts", "roll", "Complete")["status"] == "True"


def test_a_rollout_of_a_profile_that_was_never_compiled_says_where_to_look() -> None:
    world = World()
    world.profile(profile="nowhere")
    world.rollout("roll")
    world.settle()
    for kind in ("Complete", "Effective"):
        said = world.condition("profilerollouts", "roll", kind)
        assert (said["status"], said["reason"]) == ("False", "ProfileRefused")
        assert said["message"].endswith("its condition Compiled says why; nothing was pushed yet")


def test_a_rollout_goes_on_while_the_server_refuses_to_keep_what_its_profile_says_now() -> None:
    world = World()
    world.profile()
    world.rollout("roll")
    world.settle()
    world.profile(profile="aggressive")
    world.settle()
    (candidate,) = world.status("profilerollouts", "roll")["candidates"]
    world.report(candidate, refused=world.pointer()["candidate"], error="profile: unknown")
    world.profile(profile="conservative")
    world.api.trouble.append(ApiError(422, "PATCH nrdot-revision-general: denied by a webhook"))
    world.turn()
    assert "denied by a webhook" in world.condition("telemetryprofiles", "general", "Compiled")["message"]
    assert world.condition("profilerollouts", "roll", "Effective")["reason"] == "ProfileRefused"
    assert world.status("profilerollouts", "roll")["phase"] == "RollingBack"
    assert world.pointer()["candidates"] == ""


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
