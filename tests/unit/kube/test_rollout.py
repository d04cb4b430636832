from __future__ import annotations

from dataclasses import replace

import pytest

from nrdot.kube.gates import Gates
from nrdot.kube.rollout import Phase, Plan, Step, advance, next_look, progress
from nrdot.kube.strata import REGION
from nrdot.testing.clusters.nodes import ZONE, FakeCluster, node, zoned

PLAN = Plan((Step(20, bake=60.0), Step(100, bake=60.0)), stratify=(ZONE,))


def _until(cluster: FakeCluster, phase: Phase, turns: int = 50, seconds: float = 30.0) -> None:
    for _ in range(turns):
        if cluster.turn(seconds).phase is phase:
            return
    pytest.fail(f"still {cluster.status}")


def test_a_rollout_goes_through_its_phases_and_succeeds() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    seen = [cluster.turn(31.0).phase for _ in range(14)]
    assert list(dict.fromkeys(seen)) == [
        Phase.PENDING,
        Phase.PROGRESSING,
        Phase.BAKING,
        Phase.PROMOTING,
        Phase.SUCCEEDED,
    ]
    assert cluster.status.candidates == (), "what is stable everywhere needs no candidates"


def test_each_zone_gives_its_share_to_the_first_step() -> None:
    cluster = FakeCluster(zoned(30), PLAN)
    cluster.turn()
    cluster.turn()
    zones = [
        one.metadata.labels[ZONE] for one in cluster.nodes if one.metadata.name in cluster.status.candidates
    ]
    assert sorted(zones) == ["zone-0", "zone-0", "zone-1", "zone-1", "zone-2", "zone-2"]


def test_a_larger_step_keeps_every_node_of_the_smaller() -> None:
    cluster = FakeCluster(
        zoned(30), Plan((Step(5, bake=0), Step(50, bake=0), Step(100, bake=0)), stratify=(ZONE,))
    )
    sizes, before = [], set()
    for _ in range(20):
        now = set(cluster.turn(1.0).candidates)
        if cluster.status.settled:
            break
        assert now >= before
        before = now
        sizes.append(len(now))
    assert sorted(set(sizes)) == [0, 3, 15, 30]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"coverage": 0.99}, "critical coverage is 99.00%"),
        ({"cpu": 0.5}, "the agent uses 0.500 cores"),
        ({"tick_delay": 45.0}, "45 s late"),
    ],
)
def test_a_gate_that_fails_takes_everything_back(change: dict[str, float], words: str) -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    _until(cluster, Phase.BAKING)
    name = cluster.status.candidates[0]
    cluster.reports[name] = replace(cluster.reports[name], **change)
    assert cluster.turn(1.0).phase is Phase.ROLLING_BACK
    assert cluster.status.candidates == ()
    assert words in cluster.status.reason
    assert name in cluster.status.reason
    _until(cluster, Phase.ROLLED_BACK)
    assert words in cluster.status.reason, "the reason stays readable"
    assert {report.revision for report in cluster.reports.values()} == {"old"}


def test_a_reduction_that_is_too_small_fails_its_gate() -> None:
    plan = replace(PLAN, gates=Gates(minimum_reduction=0.8))
    cluster = FakeCluster(zoned(10), plan)
    for name, report in cluster.reports.items():
        cluster.reports[name] = replace(report, reduction=0.7)
    _until(cluster, Phase.ROLLING_BACK)
    assert "70.0% of the points are saved, the gate is 80.0%" in cluster.status.reason


def test_nothing_is_promoted_before_every_candidate_has_measured_what_is_saved() -> None:
    plan = replace(PLAN, gates=Gates(minimum_reduction=0.8))
    cluster = FakeCluster(zoned(10), plan)
    _until(cluster, Phase.BAKING)
    for _ in range(5):
        assert cluster.turn(3600.0).phase is Phase.BAKING
    assert "has not measured yet" in cluster.status.reason
    for name, report in cluster.reports.items():
        cluster.reports[name] = replace(report, reduction=0.9)
    assert cluster.turn(1.0).phase is Phase.PROMOTING


def test_a_node_that_refuses_the_revision_takes_it_back_at_once() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    _until(cluster, Phase.PROGRESSING)
    name = cluster.status.candidates[0]
    cluster.silent = set(cluster.status.candidates)
    cluster.reports[name] = replace(cluster.reports[name], refused="new", error="profile: unknown")
    assert cluster.turn(1.0).phase is Phase.ROLLING_BACK
    assert cluster.status.reason == f"node {name} refused the revision: profile: unknown"


def test_what_a_node_refused_before_is_forgotten_with_the_next_revision() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    for name, report in cluster.reports.items():
        cluster.reports[name] = replace(report, refused="older", error="profile: unknown")
    _until(cluster, Phase.SUCCEEDED)


def test_a_node_that_never_acknowledges_fails_the_step_at_its_deadline() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    _until(cluster, Phase.PROGRESSING)
    cluster.silent = {cluster.status.candidates[0]}
    assert cluster.turn(590.0).phase is Phase.PROGRESSING
    assert cluster.turn(20.0).phase is Phase.ROLLING_BACK
    assert cluster.status.reason == "1 nodes did not acknowledge in time: node-2"


def test_of_many_silent_nodes_the_first_are_named() -> None:
    cluster = FakeCluster(zoned(6), Plan((Step(100),)), silent={f"node-{n}" for n in range(6)})
    _until(cluster, Phase.PROGRESSING)
    assert next_look(cluster.plan, cluster.status, cluster.status.since + 595.0) == 5.0
    cluster.turn(601.0)
    said = "6 nodes did not acknowledge in time: node-0, node-1, node-2 and 3 more"
    assert cluster.status.reason == said


def test_silent_nodes_are_let_through_as_far_as_the_gate_says() -> None:
    cluster = FakeCluster(zoned(30), replace(PLAN, gates=Gates(missing=0.2)))
    cluster.silent = {"node-0"}
    _until(cluster, Phase.SUCCEEDED)


def test_a_node_that_falls_silent_while_it_bakes_counts_as_failed() -> None:
    cluster = FakeCluster(zoned(10), replace(PLAN, steps=(Step(20, bake=3600.0), Step(100))))
    _until(cluster, Phase.BAKING)
    cluster.silent = set(cluster.status.candidates)
    assert cluster.turn(600.0).phase is Phase.BAKING
    assert cluster.turn(120.0).phase is Phase.ROLLING_BACK
    assert "nodes that do not report" in cluster.status.reason


def test_a_pause_holds_what_was_reached_and_goes_on_from_there() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    _until(cluster, Phase.BAKING)
    held = cluster.status.candidates
    cluster.plan = replace(PLAN, paused=True)
    for _ in range(5):
        cluster.turn(1000.0)
        assert (cluster.status.phase, cluster.status.candidates) == (Phase.PAUSED, held)
    cluster.plan = PLAN
    assert cluster.turn(1.0).phase is Phase.PROGRESSING
    _until(cluster, Phase.SUCCEEDED)


def test_a_step_with_approval_waits_for_a_person() -> None:
    steps = (Step(20, bake=10.0, approval=True), Step(100, bake=10.0))
    cluster = FakeCluster(zoned(10), replace(PLAN, steps=steps))
    for _ in range(20):
        cluster.turn(60.0)
    assert cluster.status.phase is Phase.BAKING
    assert cluster.status.reason == "waits for `approved: 1` and `approvedRevision: new`"
    cluster.plan = replace(cluster.plan, approved=1, approved_revision="new")
    _until(cluster, Phase.SUCCEEDED)


def test_an_approval_of_one_revision_approves_no_other() -> None:
    steps = (Step(20, bake=10.0, approval=True), Step(100, bake=10.0))
    cluster = FakeCluster(
        zoned(10), replace(PLAN, steps=steps, approved=2, approved_revision="the one before")
    )
    for _ in range(20):
        cluster.turn(60.0)
    assert cluster.status.phase is Phase.BAKING
    assert cluster.status.reason == "waits for `approved: 1` and `approvedRevision: new`"


def test_scaling_out_freezes_promotion_and_nothing_else() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    _until(cluster, Phase.BAKING)
    cluster.frozen = "shop/checkout scales out"
    for _ in range(10):
        assert cluster.turn(60.0).phase is Phase.BAKING
    assert cluster.status.reason == "shop/checkout scales out"
    name = cluster.status.candidates[0]
    cluster.reports[name] = replace(cluster.reports[name], coverage=0.5)
    assert cluster.turn(1.0).phase is Phase.ROLLING_BACK


def test_a_person_can_take_it_back() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    _until(cluster, Phase.BAKING)
    cluster.plan = replace(PLAN, abort=True)
    assert cluster.turn(1.0).phase is Phase.ROLLING_BACK
    _until(cluster, Phase.ROLLED_BACK)
    assert cluster.turn(1.0).phase is Phase.ROLLED_BACK, "it does not begin again by itself"


def test_a_newer_revision_begins_anew_from_what_was_stable() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    _until(cluster, Phase.BAKING)
    cluster.wanted = "newer"
    begun = cluster.turn(1.0)
    assert (begun.phase, begun.before, begun.to, begun.candidates) == (Phase.PENDING, "old", "newer", ())


def test_going_back_to_what_is_stable_needs_no_steps() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    _until(cluster, Phase.BAKING)
    cluster.wanted = "old"
    assert cluster.turn(1.0).phase is Phase.SUCCEEDED
    assert cluster.status.candidates == ()


def test_regions_come_one_after_the_other() -> None:
    nodes = tuple(
        node(f"{region}-{n}", **{REGION: region}) for region in ("eu", "us", "elsewhere") for n in range(5)
    )
    plan = Plan((Step(20, bake=0), Step(100, bake=0)), order=("us", "eu"))
    cluster = FakeCluster(nodes, plan)
    reached: list[set[str]] = []
    for _ in range(60):
        status = cluster.turn(1.0)
        regions = {name.rsplit("-", 1)[0] for name in status.candidates}
        if regions and (not reached or regions != reached[-1]):
            reached.append(regions)
        if status.settled:
            break
    assert cluster.status.phase is Phase.SUCCEEDED
    assert reached == [{"us"}, {"us", "eu"}, {"us", "eu", "elsewhere"}]


def test_nodes_that_join_meanwhile_take_part() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    _until(cluster, Phase.BAKING)
    cluster.nodes = zoned(40)
    _until(cluster, Phase.PROMOTING)
    cluster.turn(1.0)
    assert len(cluster.status.candidates) == 40


def test_a_step_is_looked_at_when_it_has_baked_and_else_now_and_then() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    _until(cluster, Phase.BAKING)
    since = cluster.status.since
    assert next_look(PLAN, cluster.status, since + 10) == 15.0
    assert next_look(PLAN, cluster.status, since + 58) == 2.0
    assert next_look(PLAN, cluster.status, since + 70) == 15.0
    _until(cluster, Phase.SUCCEEDED)
    assert next_look(PLAN, cluster.status, cluster.now) is None


def test_a_look_without_a_change_changes_nothing() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    _until(cluster, Phase.SUCCEEDED)
    assert advance(cluster.plan, cluster.status, cluster.scene(), "rollout") == cluster.status


def test_a_report_that_leaves_out_what_a_gate_is_about_holds_promotion() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    _until(cluster, Phase.BAKING)
    name = cluster.status.candidates[0]
    for missing in ({"coverage": None}, {"exact": None}):
        complete = cluster.reports[name]
        cluster.reports[name] = replace(complete, **missing)
        for _ in range(5):
            assert cluster.turn(3600.0).phase is Phase.BAKING
        assert f"node {name} has not measured yet" in cluster.status.reason
        cluster.reports[name] = complete
    assert cluster.turn(1.0).phase is Phase.PROMOTING


def test_exports_that_do_not_add_up_take_it_back_also_while_other_nodes_still_acknowledge() -> None:
    cluster = FakeCluster(zoned(10), PLAN)
    _until(cluster, Phase.PROGRESSING)
    first, *others = cluster.status.candidates
    cluster.silent = set(others)
    cluster.reports[first] = replace(cluster.reports[first], exact=False, off="cpu_user by 3")
    assert cluster.turn(1.0).phase is Phase.ROLLING_BACK
    words = f"node {first}: its exports do not add up to what was measured: cpu_user by 3"
    assert cluster.status.reason == words


def test_the_gate_on_conservation_can_be_left_out() -> None:
    cluster = FakeCluster(zoned(10), replace(PLAN, gates=Gates(conservation=False)))
    cluster.reports = {name: replace(one, exact=None) for name, one in cluster.reports.items()}
    _until(cluster, Phase.SUCCEEDED)


class Bank:
    """Two regions, one after the other, each with its evidence."""

    def __init__(self) -> None:
        nodes = tuple(node(f"{region}-{n}", **{REGION: region}) for region in ("us", "eu") for n in range(3))
        gates = Gates(requirements=("PCI-DSS", "SOX"))
        plan = Plan((Step(34, bake=0), Step(100, bake=0)), order=("us", "eu"), gates=gates)
        self.cluster = FakeCluster(nodes, plan)
        self.prove("us", {"PCI-DSS": (2, 2), "SOX": (1, 1)})
        self.prove("eu", {"PCI-DSS": (0, 0)})

    def prove(self, region: str, requirements: dict[str, tuple[int, int]]) -> None:
        reports = self.cluster.reports
        for name in [name for name in reports if name.startswith(region)]:
            reports[name] = replace(reports[name], requirements=requirements)


def test_a_region_is_done_once_every_requirement_was_seen_in_it() -> None:
    bank = Bank()
    cluster = bank.cluster
    for _ in range(30):
        cluster.turn(60.0)
    assert (cluster.status.phase, cluster.status.step) == (Phase.BAKING, 3)
    assert cluster.status.reason == (
        "region eu: no node reports a process of PCI-DSS, SOX; "
        "it goes on when one does, or with `approved: 4` and `approvedRevision: new`"
    )
    bank.prove("eu", {"PCI-DSS": (1, 1), "SOX": (4, 4)})
    _until(cluster, Phase.SUCCEEDED)


def test_a_region_without_such_processes_is_done_when_a_person_says_so() -> None:
    cluster = Bank().cluster
    cluster.plan = replace(cluster.plan, approved=4, approved_revision="new")
    _until(cluster, Phase.SUCCEEDED)


def test_the_first_region_holds_the_second_back() -> None:
    bank = Bank()
    bank.prove("us", {"PCI-DSS": (2, 2), "SOX": (0, 0)})
    for _ in range(30):
        bank.cluster.turn(60.0)
    assert {name.split("-")[0] for name in bank.cluster.status.candidates} == {"us"}
    assert bank.cluster.status.reason.startswith("region us: no node reports a process of SOX;")


def test_a_process_of_a_requirement_that_is_not_exported_takes_it_back_and_no_approval_helps() -> None:
    bank = Bank()
    bank.prove("us", {"PCI-DSS": (3, 2), "SOX": (1, 1)})
    bank.cluster.plan = replace(bank.cluster.plan, approved=9, approved_revision="new")
    _until(bank.cluster, Phase.ROLLED_BACK)
    assert "2 of 3 processes of PCI-DSS are exported" in bank.cluster.status.reason


def test_the_order_can_be_of_any_label_and_nodes_that_come_shift_no_step() -> None:
    old = tuple(node(f"b-{n}", pool="b") for n in range(4))
    plan = Plan((Step(50, bake=0), Step(100, bake=0)), order=("a", "b"), order_by="pool")
    cluster = FakeCluster(old, plan)
    _until(cluster, Phase.BAKING)
    assert (cluster.status.step, len(cluster.status.candidates)) == (2, 2)
    assert progress(plan, cluster.nodes, 2) == (1, 2)
    cluster.nodes = (*old, node("a-0", pool="a"))
    cluster.turn(1.0)
    cluster.turn(1.0)
    assert cluster.status.step == 3
    assert set(cluster.status.candidates) == {"a-0", *(f"b-{n}" for n in range(4))}
    assert progress(plan, cluster.nodes, 3) == (4, 4)
