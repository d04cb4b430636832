"""Who gets the places of the budget of series, and who waits."""

from __future__ import annotations

from dataclasses import replace

from nrdot.batch import Counter
from nrdot.decide.rules import Rules
from nrdot.stages import Reason
from nrdot.testing.stages.desk import Desk

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
    desk.critical = {112}
    desk.use(_113=500)  # has no place, because those of both are billed anyway
    desk.export()
    assert desk.kept() == {110, 112}
    assert (desk.reason(110), desk.reason(111)) == (Reason.HOLD, Reason.BUDGET)


def test_who_waits_takes_no_place_from_a_lesser_one_that_it_could_not_have_for_twenty_minutes():
    desk = Desk(rules=replace(NOBODY, top_cpu=1, visible=True), limit=3 * 7)
    desk.export()
    kept = desk.kept()
    for number in range(40):  # another one at each export
        desk.use(**{f"_{120 + number % 10}": 500})
        desk.export()
        assert desk.reason(120 + number % 10) == Reason.BUDGET
        assert desk.kept() == kept


def test_who_still_waits_after_twenty_minutes_has_the_place_of_a_lesser_one_twenty_minutes_later():
    desk = Desk(rules=replace(NOBODY, top_cpu=1, visible=True), limit=3 * 7)
    desk.export()
    before, seen = desk.kept(), []
    for _ in range(60):
        desk.use(_120=500)
        desk.export()
        seen.append(desk.kept())
    without = seen[20]
    assert seen[:20] == [before] * 20
    assert without < before
    assert seen[20:41] == [without] * 21
    assert seen[41:] == [without | {120}] * 19


def test_many_that_wait_take_the_places_of_lesser_ones_alone():
    desk = Desk(rules=replace(NOBODY, top_cpu=3, visible=True), limit=2 * 7)
    for number in range(60):
        desk.use(_100=400, _120=600 if number else 0, _121=500 if number else 0)
        desk.export()
        assert desk.kept() == ({100, 101} if number <= 20 else {100} if number <= 41 else {100, 120})


def test_who_waited_for_twenty_minutes_and_is_never_filtered_then_takes_one_place():
    desk = Desk(rules=replace(NOBODY, top_cpu=1, visible=True), limit=3 * 7)
    desk.export()
    for _ in range(20):
        desk.use(_120=500)
        desk.export()
    desk.critical = {120}
    desk.export()
    assert len(desk.kept()) == 3
    assert 120 in desk.kept()


def test_who_waits_for_as_good_a_reason_takes_no_place_however_long_it_waits():
    desk = Desk(rules=replace(NOBODY, visible=True), limit=3 * 7)
    desk.export()
    kept = desk.kept()
    desk.scores = {120: 0.99}
    for _ in range(60):
        desk.export()
        assert desk.kept() == kept


def test_who_has_nothing_but_a_score_takes_no_place_however_long_it_waits():
    desk = Desk(rules=replace(NOBODY, grace=7200.0), limit=4 * 7)
    desk.host.begin(900, "fresh")
    desk.export()
    assert 900 in desk.kept()
    desk.scores = {110: 0.9, 111: 0.9, 112: 0.9, 113: 0.9}
    for _ in range(60):
        desk.export()
        assert 900 in desk.kept()


def test_who_wants_no_place_meanwhile_begins_to_wait_anew():
    desk = Desk(rules=replace(NOBODY, top_cpu=1, visible=True), limit=3 * 7)
    desk.export()
    kept = desk.kept()
    for number in range(80):
        desk.use(**{"_120" if number % 15 else "_100": 5000})
        desk.export()
        assert desk.kept() == kept


def test_a_newcomer_does_not_go_on_with_the_wait_of_whoever_had_its_place_in_the_table():
    desk = Desk(rules=replace(NOBODY, top_cpu=1, visible=True), limit=3 * 7)
    desk.export()
    kept = desk.kept()
    for _ in range(15):
        desk.use(_120=500)
        desk.export()
    before = desk.process(120)
    desk.host.end(before)
    desk.export()
    heir = desk.host.begin(900, "heir")
    for _ in range(18):
        desk.use(_900=500)
        desk.export()
        assert desk.kept() == kept
    assert heir.row == before.row
    assert desk.reason(900) == Reason.BUDGET


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


def test_where_places_become_fewer_who_is_kept_is_before_who_was_whatever_the_score():
    desk = Desk(rules=NOBODY, limit=14)
    for desk.scores in ({110: 0.7, 111: 0.9}, {110: 0.7}):
        desk.export()
    assert desk.kept() == {110}
    desk.budget.limit = 7
    desk.scores = {110: 0.7, 111: 0.9}
    desk.export()
    assert desk.kept() == {110}


def test_a_process_under_other_words_finds_a_place_by_its_score_as_newcomers_do():
    desk = Desk(rules=NOBODY, limit=14)
    desk.scores = {110: 0.7}
    desk.export()
    desk.host.rename(desk.process(110), "renamed")
    desk.scores = {110: 0.7, 111: 0.9}
    desk.export()
    assert desk.kept() == {111}


def test_the_wait_for_a_place_begins_when_there_is_none():
    desk = Desk(rules=replace(NOBODY, top_cpu=1), limit=14)
    desk.scores = {100: 0.9, 101: 0.9}
    for number in range(45):
        desk.use(_120=500 if number >= 25 else 0)
        desk.export()
        assert desk.kept() == {100, 101}
    assert desk.reason(120) == Reason.BUDGET


def test_who_has_become_as_good_as_those_that_wait_keeps_its_place():
    desk = Desk(rules=replace(NOBODY, top_cpu=3, visible=True), limit=2 * 7)
    for number in range(30):
        desk.use(_100=400, _120=600 if number else 0, _101=500 if number > 20 else 0)
        desk.export()
        assert desk.kept() == {100, 101}
    assert desk.reason(120) == Reason.BUDGET


def test_other_words_of_one_process_give_no_place_to_others():
    desk = Desk(rules=NOBODY, limit=14)
    desk.scores = {110: 0.9}
    desk.export()
    desk.host.rename(desk.process(110), "renamed")
    desk.scores |= {111: 0.9, 112: 0.9}
    desk.export()
    assert desk.kept() == {110}
    assert desk.reason(111) == desk.reason(112) == Reason.BUDGET


def test_a_reason_of_a_while_ago_gives_way_to_one_that_holds_now():
    desk = Desk(rules=Rules(0.6, 0, 0, 0, hold=600.0, grace=0.0), limit=3 * 7)
    desk.scores = {110: 0.9, 111: 0.7}
    desk.export()
    assert desk.kept() == {110, 111}
    desk.scores = {111: 0.7}
    desk.critical = {112, 113}
    desk.export()
    assert desk.kept() == {111, 112, 113}


def test_of_the_largest_the_larger_find_places_first():
    desk = Desk(rules=Rules(0.6, 5, 0, 0, 0.0, 0.0), limit=14)
    desk.scores = {110: 0.5}
    desk.use(_110=100, _111=200, _112=300)
    desk.export()
    assert desk.kept() == {111, 112}


FULL = Rules(threshold=0.6, top_cpu=1, top_memory=0, top_io=0, hold=60.0, grace=0.0)


def test_who_has_nothing_but_a_score_leaves_a_quarter_of_the_places_to_whoever_uses_the_machine_later():
    desk = Desk(rules=FULL, limit=12 * 7)
    desk.scores = {100 + number: 0.9 for number in range(20)}
    desk.export()
    assert len(desk.kept()) == 9
    burst = max(desk.scores.keys() - desk.kept())
    assert desk.reason(burst) == Reason.BUDGET
    desk.host.run(desk.process(burst), Counter.CPU_USER, 500)
    desk.host.run(desk.process(129), Counter.CPU_USER, 100)
    desk.export()
    assert desk.reason(burst) == Reason.TOP_CPU
    assert len(desk.kept()) == 10
    desk.host.run(desk.process(129), Counter.CPU_USER, 3000)
    desk.export()
    assert desk.reason(129) == Reason.TOP_CPU
    assert len(desk.kept()) == 11


def test_a_profile_that_shows_everybody_fills_its_budget_to_the_last_place():
    desk = Desk(rules=Rules(0.6, 1, 0, 0, hold=0.0, grace=0.0, visible=True), limit=12 * 7)
    desk.export()
    assert len(desk.kept()) == 12


def test_whom_coverage_needs_has_a_place_before_higher_scores():
    desk = Desk(rules=Rules(0.6, 1, 0, 0, hold=0.0, grace=0.0, cpu_coverage=0.9), limit=12 * 7)
    desk.scores = {100 + number: 0.95 for number in range(20)} | {120: 0.7, 121: 0.7, 122: 0.1}
    for _ in range(8):
        desk.use(_120=100, _121=90, _122=80)
        desk.step()
    assert {120, 121, 122} <= desk.kept()
    assert {desk.reason(pid) for pid in (120, 121, 122)} == {Reason.TOP_CPU}


def test_a_newcomer_that_coverage_needs_stays_no_longer_than_its_grace_for_that():
    desk = Desk(rules=Rules(0.6, 0, 0, 0, hold=600.0, grace=90.0, cpu_coverage=0.9))
    young = desk.host.begin(900, "young").pid
    desk.step()
    for _ in range(2):
        desk.use(_900=100)
        desk.step()
    desk.export()
    assert desk.reason(young) == Reason.TOP_CPU
    for _ in range(3):
        desk.export()
    assert young not in desk.kept()
