"""The points that exports may come to: what is lent at the start, and what else is paid first."""

from __future__ import annotations

from nrdot.batch import Counter
from nrdot.decide.allowance import FEWEST, LENT, Allowance
from nrdot.decide.rules import Rules
from nrdot.testing.stages.desk import Desk

HALF = 0.5 * FEWEST * 7  # what an export of a small host earns


def export(allowance: Allowance, points: float) -> None:
    allowance.earn(FEWEST)
    allowance.settle(0)
    allowance.pay(int(points))


def test_what_is_lent_at_the_start_is_given_back_little_by_little_and_only_once() -> None:
    allowance = Allowance(0.5, points=7, export_interval=60.0)
    assert allowance.newcomers() == int(LENT * HALF // 14)
    for _ in range(10):
        export(allowance, HALF)
    assert allowance.newcomers() == int(LENT * HALF / 2 // 14)
    for _ in range(30):
        export(allowance, HALF)
    assert allowance.newcomers() == 0
    export(allowance, 0)
    assert allowance.newcomers() == int(HALF // 14)


def test_what_an_export_costs_beside_the_kept_is_taken_off_first() -> None:
    allowance = Allowance(0.5, points=7, export_interval=60.0)
    for _ in range(10):
        export(allowance, 0)  # so much is saved that what goes on has no need of its own share
    allowance.earn(FEWEST)
    allowance.settle(20)
    allowance.pay(20 * 7)
    alone = allowance.places()
    allowance.earn(FEWEST)
    allowance.settle(20)
    allowance.pay(20 * 7 + 70)
    allowance.pay(35)  # between two exports
    before = alone + int(HALF // 7) - 20  # earned, and paid for those who are kept
    assert before - allowance.places() in range(2 * (10 + 5), 2 * (10 + 5) + 3)  # paid, and to be paid again
    allowance.settle(20)
    assert allowance.places() - (before - 10 - 5) in (-2, -1, 0)


def test_there_are_no_newcomers_where_more_was_spent_than_earned() -> None:
    allowance = Allowance(0.5, points=7)
    export(allowance, 10 * HALF)
    assert allowance.newcomers() == 0


def desk_of(processes: int, share: float, **settings: float) -> Desk:
    rules = Rules(0.6, 0, 0, 0, **{"hold": 600.0, "grace": 0.0, "cpu_coverage": 0.9, **settings})
    return Desk(processes=processes, rules=rules, allowance=Allowance(share, points=7, export_interval=60.0))


def work(desk: Desk, ticks: dict[int, int]) -> None:
    """An export at whose own sample processes used so much CPU."""
    for _ in range(3):
        desk.step()
    for pid, amount in ticks.items():
        desk.host.run(desk.process(pid), Counter.CPU_USER, amount)
    desk.step()


def test_where_points_are_short_the_largest_are_kept() -> None:
    desk = desk_of(200, 0.1)
    for _ in range(5):
        desk.export()  # so that all can begin
    for _ in range(10):
        work(desk, {pid: pid - 50 for pid in range(100, 160)})
    assert desk.kept() == set(range(136, 160))  # four fifths of what an export earns


def test_where_points_are_short_who_works_now_is_before_who_did_a_while_ago() -> None:
    desk = desk_of(200, 0.1)
    desk.export()
    before, now = range(100, 125), range(130, 155)
    for _ in range(6):
        work(desk, dict.fromkeys(before, 50))
    assert desk.kept() == set(before[:23])  # nine tenths
    for _ in range(8):
        work(desk, dict.fromkeys(now, 10))
    assert desk.kept() == {before[0], *now[:23]}


def test_without_points_an_export_keeps_nobody_for_coverage() -> None:
    desk = desk_of(60, 0.0)
    work(desk, dict.fromkeys(range(100, 130), 5))
    assert desk.kept() == set()


def test_whoever_works_in_turn_what_is_sent_is_within_what_was_earned() -> None:
    desk = desk_of(200, 0.1)
    for number in range(40):
        first = 100 + 37 * number % 160
        work(desk, dict.fromkeys(range(first, first + 40), 20))
    assert desk.points <= 0.1 * FEWEST * 7 * (40 + LENT)


def test_the_kept_go_on_as_long_as_all_that_they_cost_is_earned() -> None:
    desk = desk_of(160, 0.5)
    for _ in range(12):
        work(desk, {process.pid: 20 for process in desk.host.processes})
    assert len(desk.kept()) == 144


def test_where_the_never_filtered_take_more_than_there_is_nobody_is_kept_for_coverage() -> None:
    desk = desk_of(200, 0.1)
    for _ in range(4):
        work(desk, dict.fromkeys(range(100, 120), 50))
    assert desk.kept() == set(range(100, 118))
    desk.critical = set(range(200, 260))
    for _ in range(6):
        desk.export()
    assert desk.kept() == desk.critical
