"""Who gets the places of the budget of series, and who waits."""

from __future__ import annotations

from dataclasses import replace

from nrdot.batch import Counter
from nrdot.decide.rules import Rules
from nrdot.stages import Reason
from nrdot.testing.desk import Desk

RULES = Rules(threshold=0.6, top_cpu=2, top_memory=2, top_io=1, hold=60.0, grace=45.0)
NOBODY = Rules(threshold=0.6, top_cpu=0, top_memory=0, top_io=0, hold=0.0, grace=0.0)


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


def test_what_a_drop_rule_gives_up_takes_no_place_in_the_budget():
    rules = Rules(0.6, 0, 0, 0, 0.0, 0.0, drop=lambda identity, _class, _score: identity.name == "worker-10")
    desk = Desk(rules=rules, limit=7)
    desk.scores = {110: 0.9, 111: 0.8}
    desk.export()
    assert desk.kept() == {111}


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
    desk.scores = {110: 0.5}
    desk.use(_110=100, _111=200, _112=300)
    desk.export()
    assert desk.kept() == {111, 112}
