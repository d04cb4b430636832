"""When exports come, and what is exported between two of them because it cannot wait."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nrdot.batch import Owner
from nrdot.decide.rules import Rules
from nrdot.stages import Reason
from nrdot.testing.stages.desk import Alarming, Desk

RULES = Rules(threshold=0.6, top_cpu=2, top_memory=2, top_io=1, hold=60.0, grace=45.0)
NOBODY = Rules(threshold=0.6, top_cpu=0, top_memory=0, top_io=0, hold=0.0, grace=0.0)


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


@pytest.mark.parametrize("samples", [12, 60])
def test_samples_that_come_closer_than_the_agents_do_not_bring_exports_forward(samples):
    desk = Desk(3, rules=RULES)
    desk.host.interval = 60.0 / samples  # of a capture that was recorded with more samples
    exports = [due is not None and not due.size for due in (desk.step() for _ in range(3 * samples))]
    assert [number + 1 for number, due in enumerate(exports) if due] == [samples, 2 * samples, 3 * samples]


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
    desk.host.rename(desk.process(112), "renamed")
    assert desk.policy.steadfast(table).tolist() == [rows[110]]
    desk.host.end(desk.process(112))
    desk.step()
    assert desk.policy.steadfast(table).tolist() == [rows[110]]
    table.series[rows[110]] = False  # nothing was sent of it yet
    assert desk.policy.steadfast(table).size == 0


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


def test_a_place_that_a_newborn_takes_which_is_never_filtered_is_given_to_nobody_else():
    desk, anomalies = crowded(limit=14)
    newborn = desk.host.begin(900, "payment-gateway-1")
    desk.critical = {900}
    anomalies.rows = np.array([desk.process(110).row, desk.process(111).row])
    desk.use(_112=100)
    assert set(desk.step().tolist()) == {newborn.row, desk.process(110).row}
    desk, _ = crowded(limit=7)
    newborn = desk.host.begin(900, "payment-gateway-1")
    desk.critical = {900}
    desk.use(_112=100)
    assert desk.step().tolist() == [newborn.row]
    desk, _ = crowded(limit=7)
    newborn = desk.host.begin(900, "payment-gateway-1")
    desk.critical = {900}
    one = desk.process(112)
    desk.host.rename(one, "web")
    one.identity = replace(one.identity, owner=Owner(pod_uid="p", memory_limit=100))
    assert desk.step().tolist() == [newborn.row]


def test_what_a_drop_rule_gives_up_is_not_exported_between_two_exports_either():
    anomalies = Alarming()
    desk = Desk(rules=replace(NOBODY, drop=lambda one, *_: one.name == "worker-10"), anomalies=anomalies)
    desk.export()
    given_up, other = desk.process(110), desk.process(111)
    anomalies.rows = np.array([given_up.row, other.row])
    assert desk.step().tolist() == [other.row]
    assert desk.reason(110) == Reason.DROPPED
    anomalies.rows = anomalies.rows[:0]
    desk.host.rename(given_up, "worker-10")
    given_up.identity = replace(given_up.identity, owner=Owner(pod_uid="p", memory_limit=100))
    assert desk.step() is None


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


@pytest.mark.parametrize(("limit", "due"), [(7, []), (14, [10])])
def test_who_wants_every_sample_waits_under_other_words_until_the_budget_has_a_place(limit, due):
    desk = Desk(rules=NOBODY, limit=limit, every_sample=lambda count: np.arange(count) == 10)
    desk.scores = {110: 0.9}
    desk.critical = {110}  # or a score would leave the place to others
    desk.export()
    desk.critical = set()
    desk.host.rename(desk.process(110), "renamed")
    found = desk.step()
    assert (found is None and not due) or found.tolist() == due


@pytest.mark.parametrize(("limit", "due"), [(14, []), (21, [10])])
def test_an_anomaly_under_other_words_than_those_that_it_was_kept_under_takes_a_further_place(limit, due):
    anomalies = Alarming()
    desk = Desk(rules=NOBODY, limit=limit, anomalies=anomalies)
    desk.critical = {110, 111}
    desk.export()
    desk.critical = {111}
    desk.export()
    assert desk.kept() == {111}
    desk.host.rename(desk.process(110), "renamed")
    anomalies.rows = np.array([10])
    found = desk.step()
    assert (found is None and not due) or found.tolist() == due
    if due:
        anomalies.rows = np.array([12])
        assert desk.step() is None, "the series under the old words take the third place"


def test_samples_that_come_a_little_early_still_export_when_the_interval_is_nearly_over():
    desk = Desk(rules=RULES)
    desk.host.interval = 13.5
    exports = [due is not None and not due.size for due in (desk.step() for _ in range(8))]
    assert exports == [False, False, False, True] * 2
