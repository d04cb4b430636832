"""Limits in words, and who is recommended under them."""

from __future__ import annotations

import pytest

from nrdot.config.schema.governance import Dimension
from nrdot.errors import ConfigError
from nrdot.simulate.goals import MEASURES, USUAL, goals, limit, points, recommend


def document(cost, coverage, compliance=1.0, performance=0.001):
    measures = {"cost": cost, "coverage": coverage, "compliance": compliance, "performance": performance}
    return {"measures": measures}


SCENARIO = {
    "cost": Dimension(weight=0.4, target="minimize", constraint="< $10k/month"),
    "coverage": Dimension(weight=0.3, target="maximize", constraint="> 95%"),
    "performance": Dimension(weight=0.2, target="minimize overhead", constraint="< 2% CPU"),
    "compliance": Dimension(weight=0.1, target="maintain", constraint="100% critical coverage"),
}


@pytest.mark.parametrize(
    ("name", "text", "sign", "value"),
    [
        ("cost", "< $10k/month", "<", 10_000.0),
        ("cost", "$1.5M", "<=", 1_500_000.0),
        ("cost", "<=$200 a month", "<=", 200.0),
        ("coverage", "> 95%", ">", 0.95),
        ("coverage", "99.5 %", ">=", 0.995),
        ("performance", "< 2% CPU", "<", 0.02),
        ("compliance", "100% critical coverage", ">=", 1.0),
    ],
)
def test_limits_are_read_as_people_write_them(name, text, sign, value):
    found = limit(MEASURES[name], text)
    assert (found.sign, found.value) == (sign, pytest.approx(value))


@pytest.mark.parametrize(
    ("name", "text"),
    [("cost", "cheap"), ("cost", "< 10k"), ("coverage", "> 95"), ("coverage", "most"), ("cost", "> $-5")],
)
def test_a_limit_that_nobody_can_keep_track_of_is_refused_with_an_example(name, text):
    with pytest.raises(ConfigError, match=rf"optimization_dimensions.{name}.constraint: .* try `"):
        limit(MEASURES[name], text)


@pytest.mark.parametrize("text", ["< 10k EUR/month", "< €10k/month", "< EUR 10k"])
def test_a_limit_of_money_is_in_the_currency_of_the_prices(text):
    dimensions = {"cost": Dimension(weight=1.0, constraint=text)}
    found = recommend({"dear": document(10_500.0, 1.0)}, goals(dimensions, "EUR"))
    assert found.reasons[0] == f"cost 10,500.00 EUR a month: BREAKS the limit '{text}'"
    with pytest.raises(ConfigError, match=r"is in EUR, and prices are in USD; write .*`< 10k USD/month`"):
        goals(dimensions)


def test_an_unknown_dimension_is_refused_with_its_neighbour():
    with pytest.raises(ConfigError, match="did you mean `coverage`"):
        goals({"covrage": Dimension(weight=1.0)})


def test_without_dimensions_nothing_critical_may_be_missing():
    found = recommend({"blind": document(1.0, 0.99, compliance=0.9), "whole": document(50.0, 0.8)}, USUAL)
    assert (found.name, found.kept) == ("whole", True)


def test_limits_come_before_weights_and_each_is_told():
    documents = {
        "cheap": document(10.0, 0.60),
        "dear": document(20_000.0, 1.0),
        "right": document(9_000.0, 0.97),
    }
    found = recommend(documents, goals(SCENARIO))
    assert (found.name, found.kept) == ("right", True)
    assert found.reasons[:4] == (
        "cost 9,000.00 USD a month: keeps the limit '< $10k/month'",
        "coverage 97.00%: keeps the limit '> 95%'",
        "performance 0.10%: keeps the limit '< 2% CPU'",
        "compliance 100.00%: keeps the limit '100% critical coverage'",
    )
    assert "1 of 3 candidates keep every limit" in found.reasons[-1]


def test_where_nobody_keeps_the_limits_the_nearest_is_named_with_what_it_breaks():
    documents = {"far": document(50_000.0, 0.5), "near": document(10_500.0, 0.96)}
    found = recommend(documents, goals(SCENARIO))
    assert (found.name, found.kept) == ("near", False)
    assert found.reasons[0] == "cost 10,500.00 USD a month: BREAKS the limit '< $10k/month'"
    assert found.reasons[-1] == "no candidate of 2 keeps every limit; this one misses by least"


def test_how_far_a_limit_is_missed_counts_before_the_weights_do():
    """The one that costs a little too much misses by less than the one that sees a tenth too little."""
    documents = {"blind": document(100.0, 0.85), "dear": document(10_100.0, 0.99)}
    weighed = {**SCENARIO, "cost": Dimension(weight=0.9, constraint="< $10k/month")}
    assert recommend(documents, goals(weighed)).name == "dear"


def test_weights_decide_among_those_that_keep_the_limits():
    documents = {"cheap": document(100.0, 0.96), "thorough": document(200.0, 0.99)}
    saver = {"cost": Dimension(weight=0.9), "coverage": Dimension(weight=0.1)}
    seer = {"cost": Dimension(weight=0.1), "coverage": Dimension(weight=0.9)}
    assert recommend(documents, goals(saver)).name == "cheap"
    assert recommend(documents, goals(seer)).name == "thorough"
    assert points(documents, goals(saver)) == pytest.approx({"cheap": 0.9, "thorough": 0.1})


def test_of_equals_the_first_is_taken():
    documents = {name: document(1.0, 0.9) for name in ("b", "a")}
    assert recommend(documents, USUAL).name == "b"
