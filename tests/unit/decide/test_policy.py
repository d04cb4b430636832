"""Which processes are kept, and why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nrdot.batch import Counter, Gauge, Owner
from nrdot.decide.policy import Policy
from nrdot.decide.rules import Rules
from nrdot.stages import Reason
from nrdot.testing.desk import Desk

RULES = Rules(threshold=0.6, top_cpu=2, top_memory=2, top_io=1, hold=60.0, grace=45.0)


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


def test_the_never_filtered_are_kept_whatever_the_score_and_the_budget():
    desk = Desk(rules=RULES, limit=7)
    desk.critical = {110, 111, 112}
    desk.scores = {120: 1.0}
    desk.export()
    assert {110, 111, 112} <= desk.kept()
    assert desk.reason(120) == Reason.BUDGET


def test_it_is_said_once_when_the_never_filtered_alone_exceed_the_budget(caplog):
    caplog.set_level("INFO", "nrdot.decide")
    desk = Desk(rules=RULES, limit=14)
    many, few = {110, 111, 112}, {110, 111}
    for critical in (few, many, many, many, few, few):
        desk.critical = critical
        desk.export()
    assert [(record.levelname, record.message.split(" are ")[-1]) for record in caplog.records] == [
        ("WARNING", "exported and no others; raise `budget`"),
        ("INFO", "within the budget again"),
    ]
    assert caplog.records[0].fields == {"processes": 3, "places": 2}


def test_the_budget_gives_up_grace_before_score_and_score_before_the_largest():
    desk = Desk(rules=Rules(0.6, 1, 0, 0, 0.0, grace=600.0), limit=14)
    desk.scores = {110: 0.9, 111: 0.7}
    desk.host.begin(900, "fresh")
    desk.host.run(desk.process(112), Counter.CPU_USER, 100)
    desk.export()
    assert desk.kept() == {112, 110}
    assert desk.reason(111) == desk.reason(900) == Reason.BUDGET


def test_a_series_that_ended_takes_its_place_in_the_budget_for_twenty_minutes():
    desk = Desk(rules=Rules(0.6, 0, 0, 0, hold=0.0, grace=0.0), limit=7)
    desk.scores = {110: 0.9}
    desk.export()
    desk.scores = {111: 0.9}
    for _ in range(20):
        desk.export()
        assert desk.kept() == set()
    desk.export()
    desk.export()
    assert desk.kept() == {111}


def test_equals_do_not_take_places_from_each_other():
    desk = Desk(rules=Rules(0.6, 0, 0, 0, hold=0.0, grace=0.0), limit=7)
    desk.scores = {110: 0.7}
    desk.export()
    desk.scores = {110: 0.7, 111: 0.95}
    for _ in range(30):
        desk.export()
        assert desk.kept() == {110}


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


def test_what_a_drop_rule_gives_up_takes_no_place_in_the_budget():
    rules = Rules(0.6, 0, 0, 0, 0.0, 0.0, drop=lambda identity, _class, _score: identity.name == "worker-10")
    desk = Desk(rules=rules, limit=7)
    desk.scores = {110: 0.9, 111: 0.8}
    desk.export()
    assert desk.kept() == {111}


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


def test_a_hold_is_worth_what_its_reason_was_worth():
    desk = Desk(rules=replace(NOBODY, top_cpu=1, hold=600.0), limit=14)
    desk.use(_110=100)
    desk.scores = {111: 0.7}
    desk.export()
    assert desk.kept() == {110, 111}
    desk.scores = {112: 0.99}
    desk.use(_113=500)  # comes first and finds no place, because the series of both are billed anyway
    desk.export()
    assert (desk.kept(), desk.reason(110)) == ({110}, Reason.HOLD)


def test_the_birth_of_a_never_filtered_process_does_not_wait_for_the_next_export():
    desk = Desk(rules=RULES)
    desk.critical = {900}
    process = desk.host.begin(900, "payment-gateway-1")
    assert desk.step().tolist() == [process.row]


def test_processes_that_want_every_sample_are_due_at_every_sample():
    desk = Desk(rules=RULES, every_sample=lambda count: np.arange(count) == 0)
    desk.critical = {p.pid for p in desk.host.processes if p.row == 0}
    desk.export()
    assert desk.step().tolist() == [0]
    assert desk.step().tolist() == [0]


def test_exports_come_at_the_profiles_interval_rounded_up_to_samples():
    desk = Desk(rules=RULES)
    due = [desk.step() is not None for _ in range(12)]
    assert due == [False, False, False, True] * 3


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


NOBODY = Rules(threshold=0.6, top_cpu=0, top_memory=0, top_io=0, hold=0.0, grace=0.0)


def test_a_process_that_is_kept_again_goes_on_with_series_that_are_billed_anyway():
    desk = Desk(rules=NOBODY, limit=14)
    for kept in ({110: 0.9, 111: 0.9}, {}, {110: 0.9, 111: 0.9}):
        desk.scores = kept
        desk.export()
        assert desk.kept() == set(kept)
    desk.scores = {112: 0.9}
    desk.export()
    assert desk.kept() == set()


def test_series_under_other_words_are_further_series():
    desk = Desk(rules=NOBODY, limit=14)
    desk.scores = {110: 0.9}
    desk.export()
    desk.host.rename(desk.process(110), "renamed")
    desk.export()
    desk.scores = {110: 0.9, 111: 0.9}
    desk.export()
    assert desk.kept() == {110}  # the series of both its names fill the budget


def test_a_reason_of_a_while_ago_gives_way_to_one_that_holds_now():
    desk = Desk(rules=Rules(0.6, 0, 0, 0, hold=600.0, grace=0.0), limit=21)
    desk.scores = {110: 0.9}
    desk.export()
    desk.budget.limit = 7
    desk.budget.places = lambda _active, _now: (1, 1)  # one place, and no series that ended
    desk.scores = {111: 0.7}
    desk.export()
    assert desk.kept() == {111}


def test_of_the_largest_the_larger_find_places_first():
    desk = Desk(rules=Rules(0.6, 5, 0, 0, 0.0, 0.0), limit=14)
    desk.scores = {112: 0.5}
    desk.use(_110=300, _111=200, _112=100)
    desk.export()
    assert desk.kept() == {110, 111}


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


def test_samples_that_come_closer_than_the_agents_do_not_bring_exports_forward():
    desk = Desk(rules=RULES)
    desk.host.interval = 5.0  # of a capture that was recorded with more samples
    exports = [due is not None and not due.size for due in (desk.step() for _ in range(36))]
    assert [number + 1 for number, due in enumerate(exports) if due] == [12, 24, 36]


def test_everything_is_due_at_the_next_sample_where_that_is_asked_for():
    desk = Desk(rules=RULES)
    desk.export()
    assert desk.step() is None
    desk.policy.demand()
    due = desk.step()
    assert due is not None
    assert not due.size
    assert desk.step() is None


def test_steadfast_are_those_who_have_series_of_their_own_and_want_every_sample():
    wanting = np.zeros(64, np.bool_)
    desk = Desk(rules=RULES, every_sample=lambda capacity: wanting[:capacity])
    for pid in (110, 111, 112):
        wanting[desk.process(pid).row] = True
    desk.scores = {110: 0.9, 113: 0.9}
    desk.critical = {112}
    table = desk.host.table
    desk.export()
    rows = {pid: desk.process(pid).row for pid in (110, 112)}
    assert set(desk.policy.steadfast(table).tolist()) == set(rows.values())
    desk.host.end(desk.process(112))
    desk.step()
    assert desk.policy.steadfast(table).tolist() == [rows[110]]
    table.series[rows[110]] = False  # nothing was sent of it yet
    assert desk.policy.steadfast(table).size == 0


class Alarming:
    """Knows which rows are anomalous; the test says so."""

    def __init__(self):
        self.rows = np.zeros(0, np.intp)

    def observe(self, _batch):
        return self.rows


def crowded(*, limit):
    """A desk with room for so many series, whose anomalies the test names; an export is over."""
    anomalies = Alarming()
    desk = Desk(rules=replace(NOBODY, cpu_coverage=0.9), limit=limit, anomalies=anomalies)
    desk.export()
    return desk, anomalies


def test_what_cannot_wait_gets_the_last_place_in_the_order_of_its_worth():
    desk, anomalies = crowded(limit=7)
    anomalies.rows = np.array([desk.process(110).row])
    desk.use(_111=100)
    due = desk.step()
    assert due.tolist() == [desk.process(110).row]
    assert desk.kept() == {110}
    desk, anomalies = crowded(limit=7)
    one = desk.process(112)
    desk.host.rename(one, "web")
    one.identity = replace(one.identity, owner=Owner(pod_uid="p", memory_limit=100))
    anomalies.rows = np.array([desk.process(110).row])
    assert desk.step().tolist() == [one.row]
    assert (desk.kept(), desk.reason(112)) == ({112}, Reason.LIMIT)


def test_the_series_of_who_ended_between_two_exports_are_counted_once():
    desk, anomalies = crowded(limit=14)
    desk.scores = {110: 0.9}
    desk.export()
    desk.host.end(desk.process(110))
    desk.step()
    anomalies.rows = np.array([desk.process(111).row, desk.process(112).row])
    assert desk.step().tolist() == [desk.process(111).row]


@pytest.mark.parametrize(("renamed", "kept"), [(True, {110}), (False, {110, 111})])
def test_series_under_other_words_that_begin_between_two_exports_are_further_series(renamed, kept):
    desk = Desk(rules=NOBODY, limit=14, every_sample=lambda count: np.arange(count) == 10)
    desk.scores = {110: 0.9}
    desk.export()
    assert desk.process(110).row == 10
    if renamed:
        desk.host.rename(desk.process(110), "renamed")
    desk.step()
    desk.scores = {110: 0.9, 111: 0.9}
    desk.export()
    assert desk.kept() == kept


def test_samples_that_come_a_little_early_still_export_when_the_interval_is_nearly_over():
    desk = Desk(rules=RULES)
    desk.host.interval = 13.5
    exports = [due is not None and not due.size for due in (desk.step() for _ in range(8))]
    assert exports == [False, False, False, True] * 2
