"""Prices that are the user's own: other currencies, formulas that do not fit, where a price comes from."""

from __future__ import annotations

import msgspec
import pytest

from nrdot.cli.report_tables import as_text
from nrdot.pricing.prices import PricingError, load_pricing, shipped_text
from nrdot.report.pages.page import page
from nrdot.report.tables.flat import as_csv
from nrdot.testing.recordings import ledger

HOUR = 3600
START = ledger.NOON - 12 * HOUR


def test_a_formula_that_holds_for_the_window_and_not_for_each_hour_leaves_hours_empty(
    reported, hours, tmp_path
):
    path = tmp_path / "prices.yaml"
    path.write_text("meters: {mine: {formula: bytes / points, driver: points}}")
    silent = [row for row in hours(2, START + 2 * HOUR) if not hasattr(row, "verdict")]
    silent = [
        msgspec.structs.replace(row, own_points=0, own_bytes=0, points_produced=0, points_delivered=0)
        for row in silent
    ]
    found = reported([*hours(2), *silent], pricing=load_pricing(path), meter="mine")
    assert [hour.get("sent") is None for hour in found["hours"]] == [False, False, True, True]
    assert sum(row["value"] for row in found["allocation"]) == pytest.approx(found["meters"]["mine"]["sent"])
    assert "Cost by hour" in page(found, "savings")


def test_a_formula_that_gives_less_than_nothing_is_left_out_with_a_line(reported, hours, tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text("meters: {mine: {formula: (bytes / 1e9 - 100) * 0.3}}")
    found = reported(hours(24), pricing=load_pricing(path))
    assert "mine" not in found["meters"]
    assert any("mine: its formula gives less than nothing here: (bytes" in line for line in found["left_out"])


def test_prices_in_one_currency_are_no_prices_in_another(reported, hours, tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text(
        "{currency: EUR, meters: {google_prometheus: {tiers: [{price: 0.05}]}, "
        "new_relic: {prices: {price: 0.2}}}}"
    )
    found = reported(hours(24), pricing=load_pricing(path))
    assert set(found["meters"]) == {"new_relic", "google_prometheus"}
    assert any(
        line == "meter cloudwatch: no price for free in EUR; give it in a file with --pricing"
        for line in found["left_out"]
    )
    assert any(line.startswith("nrdot.core_hour is known in USD alone") for line in found["left_out"])
    assert found["return"]["agent_cost"] == 0
    for text in (page(found, "savings"), as_csv(found, "savings"), as_text(found, "savings", explain=True)):
        assert "EUR a month" in text
        assert "USD" not in text.replace("known in USD alone", "")
    said = found["explain"]["google_prometheus"]
    assert "  price: stated in prices.yaml" in said


def test_a_copy_of_the_shipped_list_keeps_its_sources(reported, hours, tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text(shipped_text())
    found = reported(hours(24), pricing=load_pricing(path))
    assert any("0.30 USD a GB" in line for line in found["explain"]["new_relic"])


def test_another_currency_without_any_price_says_what_is_missing(reported, hours, tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text("currency: EUR")
    with pytest.raises(
        PricingError, match="no meter can be computed; meter new_relic: no price for free, price in EUR"
    ):
        reported(hours(24), pricing=load_pricing(path))
