"""Which processes are kept, and why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nrdot.batch import Counter, Gauge
from nrdot.decide.policy import Policy
from nrdot.decide.rules import Rules
from nrdot.stages import Reason
from nrdot.testing.stages.desk import Desk

RULES = Rules(threshold=0.6, top_cpu=2, top_memory=2, top_io=1, hold=60.0, grace=45.0)
NOBODY = Rules(threshold=0.6, top_cpu=0, top_memory=0, top_io=0, hold=0.0, grace=0.0)


def test_a_process_without_a_reason_is_rolled_up():
    desk = Desk(rules=RULES)
    desk.export()
    assert desk.reason(110) == Reason.BELOW
    assert 110 not in desk.kept()


def test_the_threshold_keeps_from_the_very_score_on():
    desk = Desk(rules=RULES)
    desk.scores = {110: 0.6, 111: 0.59}
    desk.export()
    assert desk.reason(110) == Reason.SCORE
    assert desk.reason(111) == Reason.BELOW


@pytest.mark.parametrize(
    ("counter", "reason", "count"),
    [(Counter.CPU_SYSTEM, Reason.TOP_CPU, 2), (Counter.WRITTEN, Reason.TOP_IO, 1)],
)
def test_the_largest_consumers_since_the_last_export_are_kept(counter, reason, count):
    desk = Desk(rules=RULES)
    for pid, amount in ((110, 50), (111, 400), (112, 300)):
        desk.host.run(desk.process(pid), counter, amount)
    desk.export()
    chosen = [pid for pid in (111, 112, 110) if desk.reason(pid) == reason]
    assert chosen == [111, 112][:count]


def test_who_uses_nothing_is_not_among_the_largest():
    desk = Desk(rules=Rules(0.6, 10, 0, 10, 0.0, 0.0))
    desk.export()
    assert desk.kept() == set()


def test_the_largest_in_memory_are_kept():
    desk = Desk(rules=RULES)
    desk.process(115).rss = 9 << 30
    desk.process(116).rss = 8 << 30
    desk.export()
    assert desk.reason(115) == desk.reason(116) == Reason.TOP_MEMORY


def test_a_newcomer_is_kept_from_its_second_observation_until_its_grace_is_over():
    desk = Desk(rules=Rules(0.6, 0, 0, 0, 0.0, grace=100.0))
    for _ in range(3):
        desk.step()
    desk.host.begin(900, "fresh")
    desk.step()  # the export of the first minute, its first observation
    assert desk.reason(900) == Reason.BELOW
    desk.export()
    assert desk.reason(900) == Reason.NEW
    desk.export()
    assert desk.reason(900) == Reason.BELOW


def test_no_more_than_twenty_newcomers_are_in_their_grace():
    desk = Desk(rules=Rules(0.6, 0, 0, 0, 0.0, grace=600.0))
    for number in range(50):
        desk.host.begin(900 + number, f"fresh-{number}")
    desk.export()
    assert sum(desk.reason(900 + number) == Reason.NEW for number in range(50)) == 20


def test_a_kept_process_stays_for_the_hold_time_and_no_longer():
    desk = Desk(rules=Rules(0.6, 0, 0, 0, hold=90.0, grace=0.0))
    desk.scores = {110: 0.9}
    desk.export()
    desk.scores = {}
    desk.export()
    assert desk.reason(110) == Reason.HOLD
    desk.export()
    assert desk.reason(110) == Reason.BELOW
    assert 110 not in desk.kept()


def test_a_hold_stays_with_its_process_while_the_table_grows():
    desk = Desk(rules=Rules(0.6, 0, 0, 0, hold=600.0, grace=0.0))
    desk.scores = {110: 0.9}
    desk.export()
    desk.scores = {}
    before = desk.host.table.capacity
    for number in range(before):
        desk.host.begin(900 + number, "late")
    desk.export()
    assert desk.host.table.capacity > before
    assert (desk.kept(), desk.reason(110)) == ({110}, Reason.HOLD)


def test_a_rest_of_one_or_two_is_kept_because_a_group_would_cost_more():
    desk = Desk(processes=5, rules=Rules(0.6, 0, 0, 0, 0.0, 0.0))
    desk.scores = {100: 0.9, 101: 0.9, 102: 0.9}
    desk.export()
    assert desk.reason(103) == desk.reason(104) == Reason.FEW
    assert len(desk.kept()) == 5


def test_a_rest_of_three_is_a_group():
    desk = Desk(processes=5, rules=Rules(0.6, 0, 0, 0, 0.0, 0.0))
    desk.scores = {100: 0.9, 101: 0.9}
    desk.export()
    assert desk.kept() == {100, 101}


def test_a_drop_rule_takes_detail_but_never_from_the_never_filtered():
    rules = Rules(0.6, 0, 0, 0, 0.0, 0.0, drop=lambda identity, _class, _score: identity.name == "worker-10")
    desk = Desk(rules=rules)
    desk.scores = {110: 0.9}
    desk.export()
    assert desk.reason(110) == Reason.DROPPED
    desk.critical = {110}
    desk.export()
    assert desk.reason(110) == Reason.NEVER_FILTERED


def test_observing_exports_everything_and_remembers_what_the_profile_would_have_kept():
    desk = Desk(rules=RULES, observe=True)
    desk.scores = {110: 0.9}
    desk.export()
    assert len(desk.kept()) == 30
    assert desk.policy.would_keep(np.array([desk.process(110).row, desk.process(111).row])).tolist() == [
        True,
        False,
    ]


def test_an_observing_policy_would_not_keep_a_process_for_what_its_row_held_before():
    desk = Desk(rules=RULES, observe=True)
    desk.scores = {110: 0.9}
    desk.export()
    row = desk.process(110).row
    desk.host.end(desk.process(110))
    desk.export()
    desk.host.begin(900, "other")
    desk.step()
    assert desk.process(900).row == row
    assert not desk.policy.would_keep(np.array([row]))[0]


def test_a_drop_rule_is_asked_with_name_class_and_score_in_its_own_scope():
    asked = set()

    def drops(identity, class_name, score):
        asked.add((identity.name, class_name, score))
        return identity.name in {"worker-10", "worker-11"}

    desk = Desk(rules=RULES)
    desk.policy = Policy(
        [NOBODY, replace(NOBODY, drop=drops)],
        desk.budget,
        export_interval=60.0,
        interval=15.0,
        scope_of=lambda identity, class_name: int(identity.name != "worker-11" and class_name == "web"),
        class_name=lambda number: ("none", "web")[number],
    )
    desk.host.table.class_id[:] = 1
    desk.host._named = set(range(30))
    desk.scores = {110: 0.25}
    desk.export()
    assert {desk.reason(110), desk.reason(111)} == {Reason.DROPPED, Reason.BELOW}
    assert ("worker-10", "web", 0.25) in asked
    assert len(asked) == 29


def test_a_scope_judges_its_processes_by_its_own_profile():
    strict = Rules(threshold=0.95, top_cpu=0, top_memory=0, top_io=0, hold=0.0, grace=0.0)
    host_rules = Rules(threshold=0.5, top_cpu=0, top_memory=0, top_io=0, hold=0.0, grace=0.0)
    desk = Desk(rules=RULES)
    desk.policy = Policy(
        [host_rules, strict],
        desk.budget,
        export_interval=60.0,
        interval=15.0,
        scope_of=lambda identity, _class: int(identity.name == "worker-10"),
    )
    desk.host._named = set(range(30))
    desk.scores = {110: 0.9, 111: 0.9}
    desk.export()
    assert desk.kept() == {111}


def test_gauges_of_memory_do_not_decide_about_kernel_threads():
    desk = Desk(rules=Rules(0.6, 0, 5, 0, 0.0, 0.0))
    for process in desk.host.processes:
        process.rss = 0
    desk.export()
    assert desk.host.table.gauges[Gauge.RSS].sum() == 0
    assert desk.kept() == set()


def test_a_daemon_that_always_works_is_before_one_that_once_did_a_little_more():
    desk = Desk(rules=Rules(0.6, 1, 0, 0, 0.0, 0.0))
    for _ in range(12):
        desk.use(_110=20)
        desk.step()
    for _ in range(4):
        desk.use(_110=20, _111=30)
        desk.step()
    assert desk.kept() == {110}


def test_the_largest_are_those_of_the_last_export_not_of_all_time():
    desk = Desk(rules=Rules(0.6, 1, 0, 0, 0.0, 0.0))
    desk.use(_110=1000)
    desk.export()
    assert desk.kept() == {110}
    desk.use(_111=900)
    desk.export()
    assert desk.kept() == {111}


def test_who_has_series_keeps_its_place_beside_who_uses_a_little_more():
    desk = Desk(rules=Rules(0.6, 1, 0, 0, 0.0, 0.0))
    for _ in range(4):
        desk.use(_110=100)
        desk.step()
    for _ in range(3):
        for _ in range(4):
            desk.use(_110=100, _111=110)
            desk.step()
        assert desk.kept() == {110}


@pytest.mark.parametrize("counter", [Counter.CPU_USER, Counter.READ, Counter.WRITTEN])
def test_of_those_that_use_the_same_as_many_are_kept_as_the_profile_says(counter):
    desk = Desk(rules=Rules(0.6, 2, 0, 2, hold=0.0, grace=0.0))
    for pid in (110, 111, 112, 113):
        desk.host.run(desk.process(pid), counter, 4096)
    desk.export()
    assert len(desk.kept() & {110, 111, 112, 113}) == len(desk.kept()) == 2


def test_the_largest_of_a_scope_are_found_among_its_own():
    desk = Desk(rules=RULES)
    desk.policy = Policy(
        [replace(NOBODY, top_cpu=1), replace(NOBODY, top_cpu=2)],
        desk.budget,
        export_interval=60.0,
        interval=15.0,
        scope_of=lambda identity, _class: int(identity.name in {"worker-1", "worker-2", "worker-3"}),
    )
    desk.host._named = set(range(30))
    desk.use(_101=30, _102=20, _103=10, _110=900, _111=800)
    desk.export()
    assert desk.kept() == {101, 102, 110}
