"""Each vendor's meter right at the edges of its free allowance and its tiers, computed by hand."""

from __future__ import annotations

import pytest

from nrdot.pricing.amounts import cost
from nrdot.pricing.prices import QUANTITIES, load_pricing

NOTHING = dict.fromkeys(QUANTITIES, 0.0)
GB = 1e9
MILLION, BILLION = 1e6, 1e9


@pytest.mark.parametrize(
    ("meter", "price"),
    [
        ("new_relic", 0.30),
        ("new_relic_eu", 0.35),
        ("new_relic_data_plus", 0.50),
        ("new_relic_data_plus_eu", 0.55),
    ],
)
def test_new_relic_bills_the_bytes_beyond_a_hundred_gigabytes_of_ten_to_the_ninth(meter, price):
    def bill(size):
        return cost(load_pricing().meter(meter), NOTHING | {"bytes": size})

    assert bill(0) == bill(99 * GB) == bill(100 * GB) == 0
    assert bill(100 * GB + 1) == pytest.approx(price / GB, rel=1e-3)
    assert bill(101 * GB) == pytest.approx(price)
    assert bill(100 * 2**30) == pytest.approx(7.3741824 * price)  # a hundred of the other gigabytes are more


@pytest.mark.parametrize(
    ("meter", "host", "allotment"), [("datadog_pro", 15, 100), ("datadog_enterprise", 23, 200)]
)
def test_datadog_pools_the_allotments_of_all_hosts(meter, host, allotment):
    def bill(hosts, series):
        return cost(load_pricing().meter(meter), NOTHING | {"hosts": hosts, "series_hourly": series})

    assert bill(1, allotment - 1) == bill(1, allotment) == host
    assert bill(1, allotment + 1) == pytest.approx(host + 0.05)
    assert bill(1, allotment + 100) == pytest.approx(host + 5)
    assert bill(3, 3 * allotment) == 3 * host
    assert bill(3, 3 * allotment + 100) == pytest.approx(3 * host + 5)


@pytest.fixture
def grafana(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text("meters: {grafana_cloud: {prices: {per_1000: 6.5}}}")
    meter = load_pricing(path).meter("grafana_cloud")

    def _bill(series, dpm):
        return cost(meter, NOTHING | {"series_p95": series, "dpm_p95": dpm})

    return _bill


def test_grafana_frees_ten_thousand_and_then_bills_what_is_more(grafana):
    assert grafana(9_999, 9_999) == grafana(10_000, 10_000) == 0
    assert grafana(10_001, 10_000) == pytest.approx(0.0065)
    assert grafana(10_000, 10_001) == pytest.approx(0.0065)
    assert grafana(11_000, 500) == pytest.approx(6.5)
    assert grafana(11_000, 22_000) == pytest.approx(12 * 6.5)


def test_google_prices_each_tiers_samples_by_themselves():
    def bill(points):
        return cost(load_pricing().meter("google_prometheus"), NOTHING | {"points": points})

    assert bill(0) == 0
    assert bill(1 * MILLION) == pytest.approx(0.060)
    first = 50_000 * 0.060
    assert bill(50 * BILLION) == pytest.approx(first)
    assert bill(50 * BILLION + MILLION) == pytest.approx(first + 0.048)
    second = first + 200_000 * 0.048
    assert bill(250 * BILLION) == pytest.approx(second)
    assert bill(250 * BILLION + MILLION) == pytest.approx(second + 0.036)
    third = second + 250_000 * 0.036
    assert bill(500 * BILLION) == pytest.approx(third)
    assert bill(500 * BILLION + MILLION) == pytest.approx(third + 0.024)


def test_cloudwatch_frees_ten_and_prices_each_tiers_metrics_by_themselves():
    def bill(series):
        return cost(load_pricing().meter("cloudwatch"), NOTHING | {"series_hourly": series})

    assert bill(9) == bill(10) == 0
    assert bill(11) == pytest.approx(0.30)
    first = 10_000 * 0.30
    assert bill(10_010) == pytest.approx(first)
    assert bill(10_011) == pytest.approx(first + 0.10)
    second = first + 240_000 * 0.10
    assert bill(250_010) == pytest.approx(second)
    assert bill(250_011) == pytest.approx(second + 0.05)
    third = second + 750_000 * 0.05
    assert bill(1_000_010) == pytest.approx(third)
    assert bill(1_000_011) == pytest.approx(third + 0.02)


def test_self_hosting_and_egress_have_neither(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text("meters: {self_hosted: {prices: {per_series: 0.002, per_million_samples: 0.01}}}")
    pricing = load_pricing(path)
    month = NOTHING | {"series_mean": 1, "points": 1 * MILLION, "wire_bytes": 1.0}
    assert cost(pricing.meter("self_hosted"), month) == pytest.approx(0.012)
    assert cost(pricing.meter("egress"), month) == pytest.approx(0.09e-9)


def test_every_meter_that_ships_is_told_here():
    """A meter that is added needs its edges computed as well."""
    assert set(load_pricing().meters) == {
        "new_relic", "new_relic_eu", "new_relic_data_plus", "new_relic_data_plus_eu", "datadog_pro",
        "datadog_enterprise", "grafana_cloud", "google_prometheus", "cloudwatch", "self_hosted", "egress",
    }  # fmt: skip
