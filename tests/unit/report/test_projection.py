"""A month and a year, with the range that the days give."""

from __future__ import annotations

import math
import statistics

import msgspec
import pytest

from nrdot.pricing.amounts import rounded
from nrdot.testing import ledger

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
