"""Formulas compute, and do nothing else."""

from __future__ import annotations

import pytest

from nrdot.config.problem import MalformedError
from nrdot.pricing.formulas import Formula, Tier, tiered

NAMES = {"bytes": 250e9, "free": 100.0, "price": 0.3}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("-(2 - 5)", 3),
        ("max(0, bytes / 1e9 - free) * price", 45.0),
        ("min(1, 2, 3)", 1),
        ("ceil(2.1) + floor(2.9)", 5),
    ],
)
def test_it_is_the_arithmetic_that_it_says(text, value):
    assert Formula(text).value(NAMES) == pytest.approx(value)


def test_tiers_price_each_unit_where_it_falls():
    tiers = (Tier(0.3, 10_000), Tier(0.1, 250_000), Tier(0.05))
    assert tiered(0, tiers) == 0
    assert tiered(10_000, tiers) == 3_000
    assert tiered(10_001, tiers) == pytest.approx(3_000.1)
    assert tiered(260_000, tiers) == pytest.approx(3_000 + 24_000 + 500)
    assert Formula("tiered(bytes / 1e9)").value(NAMES, (Tier(1.0, 200), Tier(0.5))) == 225


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "points ** 2",
        "__import__('os').system('x')",
        "(lambda: 1)()",
        "points.real",
        "[1][0]",
        "'text'",
        "True",
        "1 if points else 2",
        "open(1)",
        "max(1, key=2)",
        "max(1)",
        "1e999",
        "(" * 300 + "1" + ")" * 300,
        "1+" * 400 + "1",
        "a := 3",
        "1j",
    ],
)
def test_what_is_no_formula_is_refused_and_never_run(text):
    with pytest.raises(MalformedError):
        Formula(text)


def test_a_result_that_is_no_number_is_an_error_and_no_infinity():
    with pytest.raises(ZeroDivisionError):
        Formula("1 / hosts").value({"hosts": 0.0})
    with pytest.raises(OverflowError):
        Formula("1e308 * 10").value({})


def test_numbers_take_the_place_of_names_and_of_nothing_else():
    formula = Formula("max(0, bytes / 1e9 - free) * price")
    assert formula.filled_in(NAMES) == "max(0, 250000000000 / 1e9 - 100) * 0.3"
