"""A month and a year, with the range that the days give."""

from __future__ import annotations

import math
import statistics

import msgspec
import pytest

from nrdot.pricing.amounts import rounded
from nrdot.testing.recordings import ledger

DAY, HOUR = 86400, 3600
START = ledger.NOON - 12 * HOUR


def days(hours, factors):
    """Days that differ by a factor in what was rolled up."""
    return [
        msgspec.structs.replace(
            row,
            points_unoptimized=factor * row.points_unoptimized,
            points_interval=factor * row.points_interval,
        )
        if getattr(row, "verdict", "") == "roll_up"
        else row
        for number, factor in enumerate(factors)
        for row in hours(24, START + number * DAY)
    ]


def test_days_that_are_alike_give_a_range_of_nothing(reported, hours):
    month = reported(days(hours, [1, 1, 1]), meter="google_prometheus")["projection"]["month"]
    assert month["low"] == pytest.approx(month["value"], abs=1e-3)
    assert month["high"] == pytest.approx(month["value"], abs=1e-3)


def test_the_range_is_students_t_around_the_mean_of_days_to_come(reported, hours):
    found = reported(days(hours, [1, 2, 3]), meter="google_prometheus")
    month = found["projection"]["month"]
    saved = [day["saved"] for day in found["days"]]
    in_month = 730 / 24
    around = 2.920 * statistics.stdev(saved) * in_month * math.sqrt(1 / 3 + 1 / in_month)
    assert month["high"] - month["value"] == pytest.approx(around, rel=1e-2)
    assert found["projection"]["days"] == 3
    year = found["projection"]["year"]
    assert year["value"] == pytest.approx(12 * month["value"], abs=1e-2)
    assert year["high"] - year["value"] < 12 * (month["high"] - month["value"])


def test_one_day_gives_no_range_and_half_days_count_for_nothing(reported, hours):
    found = reported([*hours(24), *hours(6, START + DAY)])
    assert found["projection"]["days"] == 1
    assert found["projection"]["month"]["low"] is None


@pytest.mark.parametrize(
    "values", [[1.00004, 2.00004, 3.00004], [-0.00005, 0.00005], [1 / 3] * 3, [5.0], [-1.23456, 2.34567, 0.0]]
)
def test_rounded_parts_add_up_to_the_rounded_whole(values):
    parts = rounded(values)
    assert sum(parts) == pytest.approx(round(sum(values), 4), abs=1.01e-4)
    assert all(abs(part - value) <= 1.01e-4 for part, value in zip(parts, values, strict=True))
    assert sum(rounded(values, 7.0)) == pytest.approx(7.0)


def test_two_days_give_a_wide_range_and_a_gap_between_them_changes_nothing(reported, hours):
    """With one degree of freedom Student's t is 6.314: two days tell little, and the range says so."""
    busy = [
        msgspec.structs.replace(row, points_unoptimized=2 * row.points_unoptimized)
        if getattr(row, "verdict", "") == "roll_up"
        else row
        for row in hours(24, START + 3 * DAY)
    ]
    found = reported([*hours(24), *busy], meter="google_prometheus")
    month = found["projection"]["month"]
    assert [day["seen"] for day in found["days"]] == [1.0, 0.0, 0.0, 1.0]
    assert found["projection"]["days"] == 2
    saved = [day["saved"] for day in found["days"] if day["seen"]]
    assert month["value"] == pytest.approx(sum(saved) / 2 * 730 / 24, rel=1e-3)
    in_month = 730 / 24
    around = 6.314 * statistics.stdev(saved) * in_month * math.sqrt(1 / 2 + 1 / in_month)
    assert month["high"] - month["value"] == pytest.approx(around, rel=1e-2)
    assert month["low"] < 0 < month["high"]


def test_hours_that_nobody_saw_are_in_no_mean(reported, hours):
    """Twelve hours are a month of such hours; twelve more of silence make it neither less nor more."""
    whole = reported(hours(12), meter="cloudwatch")["meters"]["cloudwatch"]
    gapped = reported(hours(1, START + 30 * HOUR), meter="cloudwatch")
    assert gapped["meters"]["cloudwatch"]["unoptimized"] == whole["unoptimized"]
    assert gapped["window"]["hours_seen"] == 13


def test_a_baseline_of_ones_own_is_beside_that_of_hostmetrics(reported, hours):
    """Whoever scrapes each 15 s sends four times what hostmetrics sends each 60 s."""
    rows = [
        msgspec.structs.replace(row, baseline=15.0, points_unoptimized=4 * row.points_unoptimized)
        if hasattr(row, "baseline")
        else row
        for row in hours(24)
    ]
    found = reported(rows, meter="google_prometheus")
    points = found["points"]
    assert (points["unoptimized"], points["hostmetrics"]) == (24 * 168_000, 24 * 42_000)
    assert found["attribution"]["interval"] == 24 * 126_000
    bill = found["meters"]["google_prometheus"]
    assert bill["unoptimized"] == pytest.approx(4 * bill["hostmetrics"], rel=1e-4)
    assert bill["attribution"]["interval"] == pytest.approx(3 * bill["hostmetrics"], rel=1e-4)


def test_a_clock_that_went_back_doubles_no_rate(reported, hours):
    """Two hours ran under the name of one: twice the points in twice the time."""
    once = reported(hours(3), meter="google_prometheus")["meters"]["google_prometheus"]
    twice = reported(hours(1, START + 2 * HOUR), meter="google_prometheus")
    assert twice["meters"]["google_prometheus"]["unoptimized"] == pytest.approx(once["unoptimized"], rel=1e-6)
    assert max(cell["seen"] for cell in twice["coverage"]["cells"]) == 1.0
