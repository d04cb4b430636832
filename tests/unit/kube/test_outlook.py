"""What a rollout's condition says in each phase: what is so, why, what comes next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nrdot.kube.outlook import outlook
from nrdot.kube.plans import status_document
from nrdot.kube.rollout import Phase, Plan, Status, Step
from nrdot.testing.clusters.nodes import node

NODES = (node("a"), node("b"), node("c"))
PLAN = Plan((Step(34, bake=90.0), Step(100, bake=30.0)))
HALFWAY = Status(Phase.PROGRESSING, 0, "old", "new", 60.0, ("a", "b"), nodes=3, updated=1)
AGAIN = "it is tried again once the profile has changed; without this rollout it goes to all nodes at once"
SHARE = "step 1 of 2: 1 of 2 nodes run it"


@pytest.mark.parametrize(
    ("phase", "reason", "words"),
    [
        (Phase.PENDING, "", "begins at once"),
        (Phase.PENDING, "no node is selected", "no node is selected"),
        (Phase.PROGRESSING, "", f"{SHARE}, the others have until 1970-01-01T00:11:00Z"),
        (Phase.BAKING, "", f"{SHARE}, watched until 1970-01-01T00:02:30Z"),
        (Phase.BAKING, "shop scales out", "step 1 of 2: shop scales out"),
        (Phase.PROMOTING, "", "step 1 of 2 is done, the next one follows"),
        (Phase.SUCCEEDED, "", "every node runs it"),
        (Phase.ROLLING_BACK, "node a refused it", "node a refused it; 1 of 3 nodes still run it"),
        (Phase.ROLLED_BACK, "a gate broke", f"a gate broke; {AGAIN}"),
        (Phase.PAUSED, "held", "step 1 of 2: held"),
    ],
)
def test_each_phase_has_its_words(phase: Phase, reason: str, words: str) -> None:
    assert outlook(PLAN, replace(HALFWAY, phase=phase, reason=reason), NODES) == words


def test_a_region_is_named() -> None:
    plan = replace(PLAN, order=("eu",), order_by="region")
    nodes = (node("a", region="eu"), node("b", region="us"))
    assert outlook(plan, HALFWAY, nodes).startswith("step 1 of 4, region eu: ")


def test_what_was_aborted_is_not_tried_again_before_the_wish_is_taken_away() -> None:
    said = outlook(replace(PLAN, abort=True), replace(HALFWAY, phase=Phase.ROLLED_BACK, reason="so"), NODES)
    assert said == "so; nothing is tried again while spec.abort is true"


def test_what_succeeded_is_through_all_steps_also_where_there_was_nothing_to_do() -> None:
    done = replace(HALFWAY, phase=Phase.SUCCEEDED, reason="nothing to roll out")
    assert status_document(done, PLAN, NODES)["progress"] == "2/2"
