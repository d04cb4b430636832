"""FOCUS 1.2: every mandatory column, values that the specification allows, and sums that are the bill."""

from __future__ import annotations

import csv
import io
import json
import re

import msgspec
import pytest

from nrdot.pricing.prices import PricingError, load_pricing
from nrdot.report.tables.focus import COLUMNS, as_focus
from nrdot.testing.recordings import ledger

HOUR, DAY = 3600, 86400
START = ledger.NOON - 12 * HOUR
MANDATORY = {
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd",
    "ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost",
    "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName",
}  # fmt: skip
# Those that may be null.
NULLABLE = {"BillingAccountName", "ChargeClass"}
# Columns of 1.2 that are conditional or recommended.
OTHERS = {
    "ChargeFrequency", "ConsumedQuantity", "ConsumedUnit", "PricingCategory", "ResourceId", "ResourceName",
    "ResourceType", "ServiceSubcategory", "SkuId", "SkuPriceId", "Tags",
}  # fmt: skip
COSTS = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")
METERS = ("new_relic_data_plus", "datadog_pro", "google_prometheus", "cloudwatch", "egress")


def written(found):
    return list(csv.DictReader(io.StringIO(as_focus(found))))


def total(rows, column):
    return sum(float(row[column]) for row in rows)


def uneven(hours):
    """Two days and a half, the second ten times as busy, of which a part belongs to a team and a tenant."""
    rows = [*hours(24), *hours(24, START + DAY), *hours(12, START + 2 * DAY, host="h2")]
    return [
        msgspec.structs.replace(
            row,
            namespace="shop" if row.verdict == "keep" else "",
            points_sent=row.points_sent * (10 if row.t // DAY == START // DAY + 1 else 1),
            bytes_sent=row.bytes_sent * 1_000_000 * (10 if row.t // DAY == START // DAY + 1 else 1),
        )
        if hasattr(row, "namespace")
        else row
        for row in rows
    ]


def test_every_mandatory_column_of_the_version_is_there_and_others_are_marked_as_ours():
    assert set(COLUMNS) >= MANDATORY
    assert {name for name in COLUMNS if not name.startswith("x_")} == MANDATORY | OTHERS
    assert list(COLUMNS) == sorted(COLUMNS, key=lambda name: (name.startswith("x_"), COLUMNS.index(name)))


@pytest.mark.parametrize("by", ["namespace", "host", "tenant"])
def test_values_are_those_that_the_specification_allows(reported, hours, by):
    rows = written(reported(uneven(hours), meter="cloudwatch", by=by))
    assert rows
    for row in rows:
        assert not [name for name in MANDATORY - NULLABLE if row[name] == ""]
        assert re.fullmatch(r"[A-Z]{3}", row["BillingCurrency"])
        assert row["ChargeCategory"] == "Usage"
        assert row["ChargeClass"] == ""  # only corrections have one
        assert row["PricingCategory"] == "Standard"
        assert row["ChargeFrequency"] == "Usage-Based"
        assert (row["ServiceCategory"], row["ServiceSubcategory"]) == (
            "Management and Governance",
            "Observability",
        )
        for name in ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", row[name])
        assert row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["ChargePeriodEnd"]
        assert row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]
        for name in (*COSTS, "PricingQuantity", "x_SavedCost", "x_UnoptimizedCost"):
            assert re.fullmatch(r"-?\d+\.\d{6}", row[name])  # never with an exponent
        assert row["ResourceType"] == (by.capitalize() if row["ResourceId"] else "")
        assert bool(row["ResourceName"]) <= bool(row["ResourceId"])
        assert row["ResourceName"] != row["ResourceId"] or not row["ResourceId"]
        tags = json.loads(row["Tags"])
        assert tags == ({by: row["ResourceId"]} if row["ResourceId"] else {})


@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("by", ["class", "namespace", "host"])
def test_all_rows_add_up_to_the_bill_for_the_time_that_was_seen(reported, hours, meter, by):
    """Free allowances, percentiles and tiers are a month's: days by themselves would not add up to it."""
    found = reported(uneven(hours), meter=meter, by=by)
    rows, bill = written(found), found["meters"][meter]
    part = 60 / 730
    for name in COSTS:
        assert total(rows, name) == pytest.approx(bill["sent"] * part, abs=2e-6)
    assert total(rows, "x_UnoptimizedCost") == pytest.approx(bill["unoptimized"] * part, abs=2e-6)
    assert total(rows, "x_SavedCost") == pytest.approx(bill["saved"] * part, abs=4e-6)
    assert total(rows, "x_SavedByInterval") == pytest.approx(bill["attribution"]["interval"] * part, abs=2e-6)
    assert total(rows, "ConsumedQuantity") == found["points"]["sent"]


@pytest.mark.parametrize(
    ("meter", "unit", "quantity"),
    [
        ("google_prometheus", "Points", 24 * 9_000),
        ("new_relic_data_plus", "GB", 24 * 1_440_000 / 1e9),  # a third of it the agent's own
        ("cloudwatch", "Metric-Hours", 24 * 150),  # 110 series that were sent, and 40 of the agent's own
    ],
)
def test_quantities_are_in_the_unit_that_the_meter_prices(reported, hours, meter, unit, quantity):
    rows = written(reported(hours(24), meter=meter))
    assert {row["PricingUnit"] for row in rows} == {unit}
    assert total(rows, "PricingQuantity") == pytest.approx(quantity, rel=1e-4)


def test_what_is_within_a_free_allowance_costs_nothing_and_is_consumed_all_the_same(reported, hours):
    rows = written(reported(hours(24), meter="new_relic"))
    assert total(rows, "BilledCost") == 0
    assert total(rows, "ConsumedQuantity") == 24 * 9_000
    assert {row["x_Estimate"] for row in rows} == {"true"}


def test_who_bills_is_named_and_not_what_the_page_calls_the_meter(reported, hours):
    rows = written(reported(hours(24), meter="google_prometheus"))
    assert {(row["ProviderName"], row["InvoiceIssuerName"]) for row in rows} == {
        ("Google Cloud", "Google Cloud")
    }


def test_a_day_that_nobody_saw_is_no_charge(reported, hours):
    rows = written(reported([*hours(24), *hours(24, START + 2 * DAY)], meter="cloudwatch"))
    assert {row["ChargePeriodStart"][:10] for row in rows} == {"2026-11-21", "2026-11-23"}


def test_a_currency_that_is_no_code_is_refused(reported, hours, tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text("{currency: euro, only: [mine], meters: {mine: {formula: points / 1e6}}}")
    found = reported(hours(24), pricing=load_pricing(path))
    with pytest.raises(PricingError, match="'euro' of the price list: FOCUS wants the three letters"):
        as_focus(found)
