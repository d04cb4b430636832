"""The points that exports may come to: what is lent at the start, and what else is paid first."""

from __future__ import annotations

from nrdot.decide.allowance import FEWEST, LENT, Allowance

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
