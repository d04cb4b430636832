"""Places for series: what groups may take, what ended a while ago, and where there is no limit."""

from __future__ import annotations

import numpy as np

from nrdot.decide.budget import SeriesBudget


def test_places_are_whole_and_beside_what_is_reserved_for_groups() -> None:
    budget = SeriesBudget(100, reserved=25, points=7)
    assert budget.places(0, now=0.0) == (10, 10)
    assert budget.places(4, now=0.0) == (10, 6)
    assert budget.places(11, now=0.0) == (10, 0)


def test_where_groups_may_take_all_there_is_no_place_even_for_a_single_point() -> None:
    assert SeriesBudget(10, reserved=25, points=1).places(0, now=0.0) == (0, 0)
    assert SeriesBudget(10, reserved=0, points=1).places(10, now=0.0) == (10, 0)


def test_what_ended_counts_for_twenty_minutes_each_from_its_own_end() -> None:
    budget = SeriesBudget(100, reserved=0, points=5)
    budget.end(2, now=100.0)
    budget.end(4, now=700.0)
    budget.end(0, now=800.0)
    new = {now: budget.places(0, now=now)[1] for now in (1300.0, 1301.0, 1900.0, 1901.0)}
    assert new == {1300.0: 14, 1301.0: 16, 1900.0: 16, 1901.0: 20}


def test_without_a_limit_there_are_more_places_than_a_host_has_processes() -> None:
    total, new = SeriesBudget(0, reserved=25, points=7).places(10**6, now=0.0)
    assert min(total, new) > 10**9


def test_the_limit_that_would_give_a_place_counts_what_is_reserved_for_groups() -> None:
    going, begun, modest = np.array([True, False]), np.array([0, 1]), np.array([False, False])
    seats = np.array([1, 1])
    budget = SeriesBudget(0, reserved=25, points=7)
    needed = budget.needed(going, begun, seats, active=1, modest=modest).tolist()
    for places, limit in enumerate(needed, 1):
        enough, short = (SeriesBudget(given, reserved=25, points=7) for given in (limit, limit - 1))
        assert (enough.places(0, now=0.0)[0], short.places(0, now=0.0)[0]) == (places, places - 1)
