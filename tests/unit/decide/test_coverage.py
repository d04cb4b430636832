"""Enough users of CPU are kept to have nine tenths of it at every sample, and no more than it takes."""

from __future__ import annotations

import numpy as np
import pytest

from nrdot.batch import Counter
from nrdot.decide.allowance import FEWEST, Allowance
from nrdot.decide.policy import Policy
from nrdot.decide.rules import Rules
from nrdot.stages import Reason
from nrdot.testing.stages.desk import Desk

NINE_TENTHS = Rules(0.6, 0, 0, 0, hold=600.0, grace=0.0, cpu_coverage=0.9)


def covering(**changes):
    return Rules(
        **{
            "threshold": 0.6,
            "top_cpu": 0,
            "top_memory": 0,
            "top_io": 0,
            "hold": 600.0,
            "grace": 0.0,
            "cpu_coverage": 0.9,
            **changes,
        }
    )


def test_a_user_of_cpu_is_kept_at_the_very_sample_at_which_the_others_cover_too_little():
    desk = Desk(rules=covering(top_cpu=1))
    desk.use(_110=100)
    desk.export()
    assert desk.kept() == {110}
    desk.use(_110=100, _111=40, _112=3)
    assert desk.step().tolist() == [desk.process(111).row]
    assert (desk.kept(), desk.reason(111)) == ({110, 111}, Reason.TOP_CPU)


def test_nobody_is_kept_at_once_while_the_kept_ones_cover_enough():
    desk = Desk(rules=NINE_TENTHS)
    desk.use(_110=100)
    desk.export()
    desk.use(_110=90, _111=10)
    assert desk.step() is None


def test_at_an_export_those_are_kept_who_are_needed_for_its_own_sample():
    desk = Desk(rules=NINE_TENTHS)
    for _ in range(3):
        desk.step()
    desk.use(_110=50, _111=39, _112=11)
    assert desk.step().size == 0
    assert desk.kept() == {110, 111, 112}
    assert {desk.reason(pid) for pid in desk.kept()} == {Reason.TOP_CPU}


def test_no_more_are_kept_than_it_takes():
    desk = Desk(rules=NINE_TENTHS)
    desk.export()
    desk.use(_110=50, _111=40, _112=5, _113=5)
    desk.step()
    assert desk.kept() == {110, 111}


def test_of_those_who_used_the_same_now_it_is_who_usually_uses_more():
    desk = Desk(rules=Rules(0.6, 0, 0, 0, 0.0, 0.0))
    for _ in range(8):
        desk.use(_125=3)
        desk.step()
    covered = Policy([NINE_TENTHS], desk.budget, export_interval=60.0, interval=15.0)
    covered.adopt(desk.policy)
    desk.policy = covered
    desk.use(_110=80, _120=10, _125=10)
    desk.step()
    assert desk.kept() == {110, 125}


def test_a_newcomer_is_kept_at_its_second_observation_where_it_does_most_of_the_work():
    desk = Desk(rules=covering(top_cpu=1))
    desk.use(_110=100)
    desk.export()
    desk.host.begin(900, "connection")
    desk.use(_900=500)
    assert desk.step() is None  # nobody knows when it used what it has
    desk.use(_900=500)
    desk.step()
    assert 900 in desk.kept()


def test_who_was_needed_once_stays_for_one_export_more_and_who_was_needed_often_stays_longer():
    desk = Desk(rules=NINE_TENTHS)
    for _ in range(3):
        desk.use(_110=90)
        desk.export()
    desk.use(_111=90)
    desk.export()
    assert desk.kept() == {110, 111}
    desk.export()
    assert desk.kept() == {110}
    for _ in range(2):
        desk.export()
    assert (desk.kept(), desk.reason(110)) == ({110}, Reason.HOLD)
    desk.export()
    assert desk.kept() == set()


def test_nobody_stays_longer_than_the_hold_however_often_it_was_needed():
    desk = Desk(rules=covering(hold=90.0))
    for _ in range(20):
        desk.use(_110=90)
        desk.export()
    desk.export()
    assert desk.kept() == {110}
    desk.export()
    assert desk.kept() == set()


def test_who_has_another_reason_stays_for_the_whole_hold():
    desk = Desk(rules=NINE_TENTHS)
    desk.scores = {110: 0.9}
    desk.use(_110=90)
    desk.export()
    desk.scores = {}
    for _ in range(9):
        desk.export()
        assert desk.kept() == {110}
    desk.export()
    assert desk.kept() == set()


def test_many_who_use_the_same_are_kept_as_far_as_the_points_go():
    allowance = Allowance(0.1, points=7, export_interval=60.0)
    desk = Desk(processes=200, rules=NINE_TENTHS, allowance=allowance)
    exports = 30
    for _ in range(4 * exports):
        for process in desk.host.processes:
            desk.host.run(process, Counter.CPU_USER, 5)
        desk.step()
    assert desk.points <= 0.1 * FEWEST * 7 * exports
    assert desk.points > 0.09 * FEWEST * 7 * exports  # and what there is, is used
    assert len(desk.kept()) >= 24  # the same go on: those who would begin wait


def test_without_an_allowance_all_are_kept_whom_it_takes():
    desk = Desk(processes=200, rules=NINE_TENTHS)
    desk.export()
    for process in desk.host.processes:
        desk.host.run(process, Counter.CPU_USER, 5)
    desk.step()
    assert len(desk.kept()) == 180


def test_what_was_saved_is_spent_when_many_work():
    desk = Desk(processes=200, rules=NINE_TENTHS, allowance=Allowance(0.1, points=7, export_interval=60.0))
    for _ in range(10):
        desk.export()
    for process in desk.host.processes:
        desk.host.run(process, Counter.CPU_USER, 5)
    desk.step()
    assert len(desk.kept()) > 0.1 * FEWEST
    for _ in range(50):
        desk.export()
    assert desk.policy.allowance.newcomers() <= 20 * 0.1 * FEWEST / 2  # of twenty minutes, not of an hour


def test_a_spike_is_kept_where_no_points_are_left():
    desk = Desk(processes=200, rules=NINE_TENTHS, allowance=Allowance(0.0, points=7, export_interval=60.0))
    desk.export()
    desk.use(_110=80, _111=15, _112=5)
    desk.step()
    assert desk.kept() == {110, 111}
    desk.use(_110=80, _111=2, _112=9, _113=9)
    desk.step()
    assert desk.kept() == {110, 111}  # the others use less than a tenth


def test_who_is_kept_for_another_reason_is_paid_for_before_coverage():
    desk = Desk(processes=200, rules=NINE_TENTHS, allowance=Allowance(0.1, points=7, export_interval=60.0))
    desk.scores = dict.fromkeys(range(200, 220), 0.9)
    for process in desk.host.processes[:60]:
        desk.host.run(process, Counter.CPU_USER, 5)
    desk.export()
    assert set(desk.scores) < desk.kept()
    assert len(desk.kept()) <= 0.1 * FEWEST * 1.15


def test_users_who_are_no_spike_leave_an_eighth_of_the_places_to_those_who_are():
    desk = Desk(processes=60, rules=NINE_TENTHS, limit=16 * 7)
    desk.export()
    for process in desk.host.processes[:30]:
        desk.host.run(process, Counter.CPU_USER, 5)
    desk.step()
    assert len(desk.kept()) == 14
    desk.use(_150=500)
    desk.step()
    assert len(desk.kept()) == 15
    assert 150 in desk.kept()


def test_a_spike_and_the_users_beside_it_leave_an_eighth_of_the_places_together():
    desk = Desk(processes=60, rules=NINE_TENTHS, limit=16 * 7)
    desk.export()
    for process in desk.host.processes[:30]:
        desk.host.run(process, Counter.CPU_USER, 5)
    desk.use(_150=500)
    desk.step()
    assert len(desk.kept()) == 14
    assert 150 in desk.kept()


def test_nobody_is_kept_for_coverage_where_the_budget_has_no_place():
    desk = Desk(rules=covering(top_cpu=1), limit=7)
    desk.use(_110=100)
    desk.export()
    desk.use(_111=500)
    assert desk.step() is None
    assert desk.kept() == {110}


def test_without_a_coverage_users_of_cpu_wait_for_the_next_export():
    desk = Desk(rules=Rules(0.6, 1, 0, 0, 0.0, 0.0))
    desk.export()
    desk.use(_111=500)
    assert desk.step() is None
    desk.export()
    assert desk.kept() == {111}


def test_without_a_coverage_the_largest_of_the_kept_has_no_reason_but_its_own():
    desk = Desk(rules=Rules(0.6, 0, 0, 0, hold=0.0, grace=0.0))
    desk.scores = {110: 0.9}
    desk.export()
    desk.use(_110=500)
    desk.export()
    assert desk.reason(110) == Reason.SCORE


def test_what_a_drop_rule_gives_up_is_not_kept_for_its_cpu():
    desk = Desk(rules=covering(drop=lambda one, *_: one.name == "worker-11"))
    desk.export()
    desk.use(_111=500)
    assert desk.step() is None


def test_each_scope_has_its_own_share_of_its_own_cpu():
    desk = Desk(rules=NINE_TENTHS)
    desk.policy = Policy(
        [covering(cpu_coverage=0.0), covering(cpu_coverage=0.5), NINE_TENTHS],
        desk.budget,
        export_interval=60.0,
        interval=15.0,
        scope_of=lambda identity, _class: {"worker-1": 1, "worker-2": 1, "worker-3": 0}.get(identity.name, 2),
    )
    desk.host._named = set(range(30))
    desk.step()
    desk.use(_101=60, _102=40, _103=900, _104=8, _105=1, _106=1)
    desk.step()
    assert desk.kept() == {101, 104, 105}


def test_an_observing_policy_exports_nobody_between_two_exports_and_tells_whom_it_would_have_kept():
    desk = Desk(rules=NINE_TENTHS, observe=True)
    desk.export()
    desk.use(_110=90, _111=9, _112=1)
    assert desk.step() is None
    desk.export()
    rows = np.array([desk.process(pid).row for pid in (110, 111, 112)])
    assert desk.policy.would_keep(rows).tolist() == [True, False, False]


def test_an_observing_policy_would_need_nobody_beside_those_that_it_would_keep_if_they_cover_enough():
    desk = Desk(rules=covering(cpu_coverage=0.4, hold=0.0), observe=True)
    desk.scores = {110: 0.9}
    desk.export()
    desk.use(_110=50, _111=60)
    desk.export()
    rows = np.array([desk.process(pid).row for pid in (110, 111)])
    assert desk.policy.would_keep(rows).tolist() == [True, False]


@pytest.mark.parametrize("counter", [Counter.CPU_USER, Counter.WRITTEN])
def test_who_is_seen_for_the_first_time_is_not_among_the_largest_yet(counter):
    desk = Desk(rules=Rules(0.6, 3, 3, 3, 0.0, 0.0))
    for process in desk.host.processes:
        process.rss = 1 << 20
    for _ in range(3):
        desk.step()
    job = desk.host.begin(900, "job")
    job.rss = 8 << 30
    desk.host.run(job, counter, 10_000)
    desk.step()
    assert 900 not in desk.kept()
    desk.export()
    assert 900 in desk.kept()


def test_what_was_saved_and_who_was_needed_outlive_a_change_of_rules():
    desk = Desk(processes=200, rules=NINE_TENTHS, allowance=Allowance(0.1, points=7, export_interval=60.0))
    for _ in range(5):
        desk.use(_110=90)
        desk.export()
    saved = desk.policy.allowance.newcomers()
    after = Policy(
        [NINE_TENTHS],
        desk.budget,
        export_interval=60.0,
        interval=15.0,
        allowance=Allowance(0.1, points=7, export_interval=60.0),
    )
    fresh = after.allowance.newcomers()
    after.adopt(desk.policy)
    assert after.allowance.newcomers() == saved > fresh
    desk.policy = after
    for _ in range(8):
        desk.export()
    assert desk.kept() == {110}  # nine times in a row, and so for long after


def test_a_limit_that_begins_after_a_time_without_one_begins_afresh():
    before, after = Allowance(1.0, points=7), Allowance(0.1, points=7)
    for _ in range(100):
        before.settle(300)
        before.pay(2100)
    fresh = after.newcomers()
    after.adopt(before)
    assert after.newcomers() == fresh > 0


def test_those_who_go_on_are_not_given_up_for_those_who_begin():
    allowance = Allowance(0.1, points=7)
    allowance.earn(300)
    allowance.settle(10)
    allowance.pay(200)  # nearly all of what was earned, most of it for who began
    allowance.earn(300)
    assert allowance.places() == int(0.8 * 0.1 * 300)
