"""The price list that ships, and a user's own over it."""

from __future__ import annotations

import re

import pytest

from nrdot.pricing.amounts import cost
from nrdot.pricing.prices import QUANTITIES, PricingError, load_pricing, shipped_text

TWICE = """meters:
  m:
    formula: tiered(points)
    tiers: [{up_to: 5, price: 1}, {up_to: 5, price: 1}, {price: 0}]
"""
NOTHING = dict.fromkeys(QUANTITIES, 0.0)


@pytest.fixture
def own(tmp_path):
    def _own(text):
        path = tmp_path / "prices.yaml"
        path.write_text(text)
        return path

    return _own


@pytest.mark.parametrize(
    ("meter", "month", "expected"),
    [
        ("new_relic", {"bytes": 100e9}, 0),
        ("new_relic", {"bytes": 350e9}, 75),
        ("new_relic_eu", {"bytes": 350e9}, 87.5),
        ("new_relic_data_plus", {"bytes": 350e9}, 125),
        ("new_relic_data_plus_eu", {"bytes": 350e9}, 137.5),
        ("datadog_pro", {"hosts": 10, "series_hourly": 1_000}, 150),  # the allotment covers them
        ("datadog_pro", {"hosts": 10, "series_hourly": 3_000}, 250),
        ("datadog_enterprise", {"hosts": 10, "series_hourly": 3_000}, 280),
        ("google_prometheus", {"points": 50e9}, 3_000),
        ("google_prometheus", {"points": 60e9}, 3_480),
        ("google_prometheus", {"points": 600e9}, 3_000 + 9_600 + 9_000 + 2_400),
        ("cloudwatch", {"series_hourly": 10}, 0),
        ("cloudwatch", {"series_hourly": 110}, 30),
        ("cloudwatch", {"series_hourly": 20_010}, 4_000),
        ("egress", {"wire_bytes": 2e9}, 0.18),
    ],
)
def test_each_vendor_bills_what_it_documents(meter, month, expected):
    assert cost(load_pricing().meter(meter), NOTHING | month) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("month", "expected"),
    [
        ({"series_p95": 8_000, "dpm_p95": 8_000}, 0),
        ({"series_p95": 30_000, "dpm_p95": 30_000}, 160),
        (
            {"series_p95": 30_000, "dpm_p95": 120_000},
            880,
        ),  # four points a minute and series: four times the series
    ],
)
def test_grafana_bills_series_or_data_points_a_minute_whichever_is_more(own, month, expected):
    pricing = load_pricing(own("meters: {grafana_cloud: {prices: {per_1000: 8}}}"))
    assert cost(pricing.meter("grafana_cloud"), NOTHING | month) == pytest.approx(expected)


def test_what_is_the_users_to_give_is_missing_until_given():
    pricing = load_pricing()
    assert pricing.meter("grafana_cloud").missing == ("per_1000",)
    assert pricing.meter("self_hosted").missing == ("per_million_samples", "per_series")


def test_a_users_file_lies_over_the_shipped_one_key_by_key(own):
    pricing = load_pricing(own("as_of: 2026-12-01\nmeters: {new_relic: {prices: {price: 0.25}}}"))
    assert pricing.meter("new_relic").prices == {"free": 100.0, "price": 0.25}
    assert (pricing.as_of, pricing.meter("cloudwatch").prices["free"]) == ("2026-12-01", 10.0)


def test_a_meter_of_ones_own_is_a_formula_and_only_leaves_the_meters_wanted(own):
    text = "only: [mine]\nmeters: {mine: {formula: processes * each + points / 1e6, prices: {each: 2}}}"
    pricing = load_pricing(own(text))
    assert list(pricing.meters) == ["mine"]
    assert pricing.primary == "mine"
    assert cost(pricing.meter("mine"), NOTHING | {"processes": 10, "points": 5e6}) == 25


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("meters: {new_relic: {prices: {price: -1}}}", "must be 0 or more"),
        ("meters: {new_relic: {prices: {price: cheap}}}", "a number is wanted"),
        ("meters: {new_relc: {prices: {price: 1}}}", "did you mean `new_relic`?"),
        ("meters:\n  mine: {formula: points *}", "is not a formula"),
        ("meters: {mine: {formula: pints * 2}}", "did you mean `points`?"),
        ("meters: {mine: {formula: points * price}}", "add `price` under `prices`"),
        ("meters: {mine: {formula: tiered(points)}}", "tiered() has no `tiers`"),
        ("meters: {m: {formula: tiered(points), tiers: [{up_to: 5, price: 1}]}}", "above the last tier"),
        ("meters: {m: {formula: tiered(points), tiers: [{price: 1}, {price: 2}]}}", "put it last"),
        (TWICE, "write more than 5"),
        ("primary: nothing", "unknown meter 'nothing'"),
        ("as_of: yesterday", "'yesterday' is no day; write it as 2026-11-21"),
        ("currency: eur", "codes of currencies are capitals, not 'eur'; write EUR"),
        ("meters: {m: {formula: points * 2, prices: {points: 2}}}", "what a formula knows already"),
        ("meters: {m: {formula: points * 2, prices: {max: 2}}}", "call it max_price"),
        ("only: [nothing]", "unknown meter 'nothing'"),
        ("baseline_compression: 0.5", "must be 1 or more"),
        ("prices: 3", "unknown key"),
        ("- a list", "a table of settings is wanted, not a list; begin with `meters:`"),
        ("meters: {a: [", "not YAML"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(own, text, words):
    path = own(text)
    with pytest.raises(PricingError) as error:
        load_pricing(path)
    assert words in str(error.value)
    assert re.match(re.escape(str(path)) + r":\d+:\d+: ", str(error.value))
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PricingError, match="no such file"):
        load_pricing(tmp_path / "none.yaml")


def test_the_shipped_file_is_itself_a_users_file(own):
    copied, shipped = load_pricing(own(shipped_text())), load_pricing()
    assert {name: meter.prices for name, meter in copied.meters.items()} == {
        name: meter.prices for name, meter in shipped.meters.items()
    }
