"""For each reason that a process can have: what is known of it, and what would take it away."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from nrdot.batch import Owner
from nrdot.decide.explain import decision
from nrdot.decide.rules import Rules
from nrdot.stages import Reason, Verdict
from nrdot.testing.stages.desk import Alarming, Desk

NOTHING = Rules(threshold=0.6, top_cpu=0, top_memory=0, top_io=0, hold=60.0, grace=0.0)


def explain(desk, pid):
    return decision(desk.policy, desk.batch, desk.process(pid).row)


def check(found, reason):
    return next(one for one in found.checks if one.reason == reason)


def changes(found):
    return {change.setting: change.value for change in found.changes}


def order(found):
    return [change.setting for change in found.changes]


def sizes(found):
    return {change.setting: change.size for change in found.changes}


def newcomer(rules, *, score=0.1, seconds=45):
    """A process of so many seconds at an export."""
    desk = Desk(rules=rules)
    desk.scores[900] = score
    for _ in range(4 - seconds // 15):
        desk.step()
    desk.host.begin(900, "fresh")
    desk.export()
    return desk


def test_a_newcomer_leaves_when_its_grace_is_as_short_as_it_is_old():
    rules = replace(NOTHING, grace=100.0)
    found = explain(newcomer(rules), 900)
    assert (found.verdict, found.reason, found.threshold) == (Verdict.KEEP, Reason.NEW, 0.6)
    new = check(found, Reason.NEW)
    assert (new.holds, new.value, new.needed) == (True, 45.0, 100.0)
    assert changes(found) == {"grace": 45}
    assert explain(newcomer(replace(rules, grace=45.0)), 900).verdict == Verdict.ROLL_UP


def test_of_a_young_and_valued_process_the_smaller_change_comes_first():
    barely = newcomer(replace(NOTHING, grace=50.0), score=0.79)
    assert order(explain(barely, 900)) == ["grace", "threshold"]  # a tenth of the grace, a fifth of a score
    long = newcomer(replace(NOTHING, grace=600.0), score=0.79)
    assert order(explain(long, 900)) == ["threshold", "grace"]
    least = newcomer(replace(NOTHING, grace=46.0), score=0.6)
    assert order(explain(least, 900)) == ["threshold", "grace"]


def test_a_process_of_a_new_pod_leaves_by_the_grace_of_pods():
    desk = Desk(rules=NOTHING, pod_grace=300.0)
    row = desk.process(110).row
    born = desk.batch.time_ns - 100_000_000_000
    desk.host.rename(desk.process(110), "web")
    desk.process(110).identity = replace(
        desk.process(110).identity, owner=Owner(pod_uid="p", pod_born_ns=born)
    )
    desk.export()
    assert desk.host.table.reason[row] == Reason.NEW
    found = explain(desk, 110)
    assert changes(found) == {"kubernetes.pod_grace": 160}
    assert [(one.holds, one.needed) for one in found.checks if one.reason == Reason.NEW] == [
        (False, 0.0),
        (True, 300.0),
    ]
    for _ in range(3):
        desk.export()
    assert [one.holds for one in explain(desk, 110).checks if one.reason == Reason.NEW] == [False]


def test_where_every_process_is_visible_it_is_the_profile_that_has_to_change():
    desk = Desk(rules=replace(NOTHING, visible=True))
    desk.export()
    found = explain(desk, 110)
    assert found.reason == Reason.VISIBLE
    assert changes(found) == {"full_visibility": False}
    visible = check(found, Reason.VISIBLE)
    assert (visible.holds, visible.value) == (True, 1.0)
    assert math.isnan(visible.needed)


def test_who_left_its_band_or_is_near_its_limit_has_to_come_back():
    anomalies = Alarming()
    desk = Desk(rules=NOTHING, anomalies=anomalies)
    anomalies.rows = np.array([desk.process(110).row])
    one = desk.process(111)
    desk.host.rename(one, "web")
    one.identity = replace(one.identity, owner=Owner(pod_uid="p", memory_limit=100))
    desk.export()
    unlike, tight, neither = explain(desk, 110), explain(desk, 111), explain(desk, 112)
    assert (unlike.reason, changes(unlike)) == (Reason.ANOMALY, {"anomaly.enabled": False})
    assert (tight.reason, changes(tight)) == (Reason.LIMIT, {"limit": False})
    assert neither.verdict == Verdict.ROLL_UP
    for reason, found in ((Reason.ANOMALY, unlike), (Reason.LIMIT, tight)):
        assert [check(one, reason).holds for one in (found, neither)] == [True, False]
        assert [check(one, reason).value for one in (found, neither)] == [1.0, 0.0]
        assert math.isnan(check(found, reason).needed)


def test_who_is_never_filtered_is_known_by_a_yes_and_no_number():
    desk = Desk(rules=NOTHING)
    desk.critical = {110}
    desk.export()
    never = check(explain(desk, 110), Reason.NEVER_FILTERED)
    assert (never.holds, never.value) == (True, 1.0)
    assert math.isnan(never.needed)


def test_a_profile_that_would_give_a_process_up_says_so_while_the_agent_only_observes():
    desk = Desk(rules=replace(NOTHING, hold=0.0), observe=True)
    desk.scores = {110: 0.9}
    desk.export()
    assert explain(desk, 110).reason == Reason.SCORE
    desk.scores = {}
    desk.export()
    assert explain(desk, 110).reason == Reason.BELOW


def test_what_gave_a_process_up_is_named_before_force():
    trimmed = Desk(rules=NOTHING, limit=7)
    trimmed.scores = {110: 0.9, 111: 0.8}
    trimmed.export()
    assert order(explain(trimmed, 111)) == ["budget", "overrides.force_collect"]
    dropped = Desk(rules=replace(NOTHING, drop=lambda identity, *_: identity.name == "worker-10"))
    dropped.export()
    assert order(explain(dropped, 110)) == ["drop", "overrides.force_collect"]


@pytest.mark.parametrize(
    ("rank", "top", "first"),
    [
        # missed by one place of two, by as many places as there are, and by more than that
        (3, 2, ["top_n.cpu", "overrides.importance", "threshold", "overrides.force_collect"]),
        (2, 1, ["overrides.importance", "threshold", "overrides.force_collect", "top_n.cpu"]),
        (6, 2, ["overrides.importance", "threshold", "overrides.force_collect", "top_n.cpu"]),
    ],
)
def test_ways_in_are_told_by_how_much_of_what_is_there_would_change(rank, top, first):
    desk = Desk(rules=replace(NOTHING, top_cpu=top))
    desk.scores = dict.fromkeys(range(100, 130), 0.05)
    for process in desk.host.processes:
        process.rss = 0
    desk.use(**{f"_{pid}": 200 - pid for pid in range(100, 110)})
    desk.export()
    found = explain(desk, 99 + rank)
    assert check(found, Reason.TOP_CPU).rank == rank
    assert order(found) == first


def test_a_threshold_is_offered_down_to_the_lowest_that_can_be_written():
    desk = Desk(rules=NOTHING)
    desk.scores = {110: 0.01, 111: 0.009}
    desk.export()
    assert changes(explain(desk, 110))["threshold"] == 0.01
    assert "threshold" not in changes(explain(desk, 111))


def test_a_score_just_below_the_highest_leaves_by_the_highest_threshold():
    desk = Desk(rules=NOTHING)
    desk.scores = {110: 0.99}
    desk.export()
    assert changes(explain(desk, 110)) == {"threshold": 1.0}


def test_the_largest_by_little_is_nearer_to_the_way_out_than_the_largest_of_all():
    desk = Desk(rules=replace(NOTHING, top_cpu=4))
    desk.scores = {100: 0.9, 103: 0.9}
    desk.use(_100=400, _101=300, _102=200, _103=100)
    desk.export()
    assert order(explain(desk, 103)) == ["top_n.cpu", "threshold"]  # one place of four
    assert order(explain(desk, 100)) == ["threshold", "top_n.cpu"]  # all four
    assert sizes(explain(desk, 103))["top_n.cpu"] == 0.25
    assert sizes(explain(desk, 100))["top_n.cpu"] == 1.0


def test_too_few_for_a_group_and_those_whom_coverage_needs_are_told_how_much_would_change():
    few = Desk(processes=2, rules=NOTHING)
    few.export()
    assert sizes(explain(few, 100)) == {"few": 0.0}
    covered = Desk(rules=replace(NOTHING, cpu_coverage=0.9))
    for _ in range(3):
        covered.step()
    covered.use(_110=100)
    covered.step()
    assert sizes(explain(covered, 110)) == {"top_n.cpu_coverage": 1.0}


def test_what_ranks_compare_is_the_mean_of_the_use_since_the_last_export_and_the_usual_one():
    desk = Desk(rules=replace(NOTHING, top_cpu=1))
    desk.export()
    desk.use(_110=600)  # six seconds of one minute, and of the two that it was seen
    desk.export()
    assert check(explain(desk, 110), Reason.TOP_CPU).value == pytest.approx((6 / 60 + 6 / 120) / 2)


@pytest.mark.parametrize("pid", [113, 114, 115, 116])
def test_the_budget_that_is_named_counts_series_that_ended_and_those_of_others(pid):
    def trimmed():
        desk = Desk(rules=replace(NOTHING, hold=0.0), limit=28)
        desk.scores = {110: 0.9, 111: 0.9, 112: 0.9}
        desk.export()
        desk.host.end(desk.process(112))
        desk.scores.update({113: 0.9, 114: 0.85, 115: 0.8, 116: 0.75})
        for _ in range(3):
            desk.step()
        return desk

    desk = trimmed()
    desk.step()
    kept = desk.kept()
    budget = int(changes(explain(desk, pid)).get("budget", 28))
    assert (pid in kept) == (budget == 28)
    for limit, there in ((budget, True), (budget - 1, False)):
        desk = trimmed()
        desk.budget.limit = limit
        desk.step()
        assert (pid in desk.kept()) is there


def test_who_had_a_reason_a_while_ago_is_told_how_long_it_still_stays():
    desk = Desk(rules=replace(NOTHING, hold=90.0))
    desk.scores = {110: 0.9}
    desk.export()
    assert (check(explain(desk, 110), Reason.HOLD).holds, check(explain(desk, 110), Reason.HOLD).value) == (
        False,
        90.0,
    )
    desk.scores = {}
    desk.export()
    found = explain(desk, 110)
    hold = check(found, Reason.HOLD)
    assert (found.reason, hold.holds, hold.value) == (Reason.HOLD, True, 30.0)
    assert math.isnan(hold.needed)
    assert changes(found) == {"hold": None}
    for _ in range(2):
        desk.export()
    assert check(explain(desk, 110), Reason.HOLD).value == 0.0


def test_only_who_was_seen_to_begin_and_seen_twice_is_new():
    desk = Desk(rules=replace(NOTHING, grace=1e6))
    for _ in range(3):
        desk.step()
    desk.host.begin(900, "fresh")
    desk.step()
    assert not check(explain(desk, 110), Reason.NEW).holds  # it ran before the agent came
    assert not check(explain(desk, 900), Reason.NEW).holds
    desk.export()
    assert check(explain(desk, 900), Reason.NEW).holds


@pytest.mark.parametrize(("places", "needed"), [(1, 0.5), (2, 0.4), (3, 0.3), (4, 0.0)])
def test_the_least_that_it_takes_to_be_among_the_largest_is_told(places, needed):
    desk = Desk(rules=replace(NOTHING, top_cpu=places))
    desk.use(_101=3000, _102=2400, _103=1800)
    desk.export()
    top = check(explain(desk, 110), Reason.TOP_CPU)
    assert (top.holds, top.rank) == (False, 0)
    assert top.needed == pytest.approx(needed)
    assert math.isnan(check(explain(desk, 110), Reason.TOP_IO).needed)


def test_who_is_never_filtered_may_be_among_the_largest_as_well():
    desk = Desk(rules=replace(NOTHING, top_cpu=2))
    desk.critical = {102, 103}
    desk.use(_101=3000, _102=2400, _103=1800)
    desk.export()
    ranks = [check(explain(desk, pid), Reason.TOP_CPU) for pid in (102, 103)]
    assert [(one.rank, one.holds) for one in ranks] == [(2, True), (3, False)]


def test_the_only_place_among_the_largest_is_a_larger_change_than_most_of_a_score():
    desk = Desk(rules=replace(NOTHING, threshold=0.2, top_cpu=1))
    desk.scores = {101: 0.9}
    desk.use(_101=3000)
    desk.export()
    assert order(explain(desk, 101)) == ["threshold", "top_n.cpu"]
