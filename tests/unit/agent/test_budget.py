import pytest

from nrdot.agent.loop.budget import LARGEST_STRETCH, Budget, Change

INTERVAL = 15.0


def minutes(budget: Budget, cost: float, number: int, *, start: float = 0.0, spent: float = 0.0):
    """Ticks of `cost` CPU seconds each at the cadence that the budget asks for; the changes that it made."""
    now, cpu, changes = start, spent, []
    end = start + 60.0 * number
    changes.append(budget.observe(now, cpu))
    while now < end:
        now, cpu = now + INTERVAL * budget.stretch, cpu + cost
        changes.append(budget.observe(now, cpu))
    return [change for change in changes if change is not None], now, cpu


def test_what_fits_changes_nothing():
    changes, _, _ = minutes(Budget(0.01, INTERVAL), 0.14, 60)

    assert changes == []


def test_past_the_budget_the_cadence_is_halved_once_and_said_once():
    changes, _, _ = minutes(Budget(0.01, INTERVAL), 0.2, 60)

    assert [(change.before, change.stretch) for change in changes] == [(1, 2)]
    assert changes[0].cores > changes[0].limit


def test_shedding_ends_where_the_budget_is_kept_on_average():
    budget = Budget(0.01, INTERVAL)
    minutes(budget, 0.5, 60)

    assert budget.stretch == 4
    assert budget.cores is not None
    assert budget.cores <= 0.01


def test_shedding_has_a_cap_and_past_it_the_budget_is_called_hopeless_once():
    budget = Budget(0.01, INTERVAL)
    changes, _, _ = minutes(budget, 100.0, 600)

    assert budget.stretch == LARGEST_STRETCH
    assert [(change.before, change.stretch) for change in changes] == [(1, 2), (2, 4), (4, 8), (8, 8)]


@pytest.mark.parametrize(("interval", "slowest"), [(1.0, 64.0), (10.0, 80.0), (15.0, 120.0), (60.0, 480.0)])
def test_a_short_interval_may_be_stretched_further(interval, slowest):
    budget = Budget(0.01, interval)
    for minute in range(20):
        budget.observe(60.0 * minute, 60.0 * minute)

    assert interval * budget.stretch == slowest


def test_a_minutes_allowance_spent_early_is_not_waited_for():
    budget = Budget(0.01, INTERVAL)
    budget.observe(0.0, 0.0)

    assert budget.observe(5.0, 0.61) is not None


def test_the_cost_of_the_start_is_free():
    assert Budget(0.01, INTERVAL).observe(0.0, 30.0) is None


def test_one_dear_tick_within_the_minutes_allowance_is_no_reason():
    budget = Budget(0.01, INTERVAL)
    budget.observe(0.0, 0.0)

    assert budget.observe(15.0, 0.5) is None


def test_the_cadence_comes_back_when_the_faster_one_fits_with_room():
    budget = Budget(0.01, INTERVAL)
    _, now, spent = minutes(budget, 0.2, 10)
    changes, _, _ = minutes(budget, 0.05, 10, start=now, spent=spent)

    assert [(change.before, change.stretch) for change in changes] == [(2, 1)]


def test_the_cadence_stays_where_the_faster_one_would_only_just_fit():
    budget = Budget(0.01, INTERVAL)
    _, now, spent = minutes(budget, 0.2, 10)
    changes, _, _ = minutes(budget, 0.14, 60, start=now, spent=spent)

    assert changes == []
    assert budget.stretch == 2


def test_without_a_limit_nothing_is_shed_but_the_average_is_known():
    budget = Budget(0, INTERVAL)
    changes, _, _ = minutes(budget, 3.0, 10)

    assert changes == []
    assert budget.cores == pytest.approx(0.2)


def test_a_change_says_what_was_used_and_what_is_allowed():
    budget = Budget(0.01, INTERVAL)
    budget.observe(0.0, 1.0)

    change = budget.observe(60.0, 2.2)

    assert change == Change(stretch=2, before=1, cores=pytest.approx(0.02), limit=0.01)
