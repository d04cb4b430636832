"""What a ClassificationPolicy is told of itself."""

from __future__ import annotations

from nrdot.testing.clusters.operated import OURS, World


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
