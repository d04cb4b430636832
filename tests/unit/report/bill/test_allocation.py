"""The bill divided: direct, shared, unallocated, and nothing lost or added."""

from __future__ import annotations

import msgspec
import pytest

from nrdot.pricing.prices import load_pricing
from nrdot.report.evidence.engine import Engine
from nrdot.report.evidence.files import find
from nrdot.report.kinds.savings import Wanted, savings
from nrdot.testing.recordings import ledger

HOUR, DAY = 3600, 86400
START = ledger.NOON - 12 * HOUR


def of(rows, **fields):
    return [msgspec.structs.replace(row, **fields) if hasattr(row, "namespace") else row for row in rows]


@pytest.fixture(scope="module")
def two_hosts(tmp_path_factory):
    """A ledger of two hosts, opened once for every meter and key."""
    folder = tmp_path_factory.mktemp("two") / "ledger"
    times = [START + number * HOUR for number in range(6)]
    shop = [row for time in times for row in ledger.hour(time)]
    pay = [row for time in times for row in ledger.hour(time, host="h2")]
    ledger.write(folder, [*of(shop, namespace="shop"), *of(pay, namespace="pay", tenant="acme")])
    with Engine(find(folder), START + 400 * DAY) as engine:
        yield engine, engine.open(30.0 * DAY, None)


@pytest.mark.parametrize(
    "meter", ["new_relic_data_plus", "google_prometheus", "cloudwatch", "datadog_pro", "egress"]
)
@pytest.mark.parametrize("by", ["class", "namespace", "unit", "user", "host", "tenant", "profile"])
def test_the_parts_are_the_bill_whatever_the_key_and_the_meter(two_hosts, meter, by):
    found = savings(*two_hosts, load_pricing(), Wanted(meter=meter, by=by))
    bill = found["meters"][meter]
    assert sum(row["value"] for row in found["allocation"]) == pytest.approx(bill["sent"], abs=1e-9)
    assert sum(row["unoptimized"] for row in found["allocation"]) == pytest.approx(
        bill["unoptimized"], abs=1e-9
    )
    for row in found["allocation"]:
        assert row["value"] == pytest.approx(row["direct"] + row["shared"], abs=1e-9)


def test_own_series_are_direct_and_sums_go_to_who_is_in_them(reported, hours):
    rows = [
        msgspec.structs.replace(row, namespace={"keep": "pay", "roll_up": "shop"}.get(row.verdict, ""))
        if hasattr(row, "verdict")
        else row
        for row in hours(24)
    ]
    found = reported(rows, by="namespace", meter="google_prometheus")
    shares = {row["key"]: row for row in found["allocation"]}
    whole = found["meters"]["google_prometheus"]["sent"]
    assert shares["pay"]["direct"] == pytest.approx(whole * 4_200 / 9_000, abs=1e-3)
    assert shares["shop"]["direct"] == 0
    # 2,400 points of sums, and of the agent's own 2,400 the part that 2,400 are of 6,600.
    assert shares["shop"]["shared"] == pytest.approx(
        whole * (2_400 + 2_400 * 2_400 / 6_600) / 9_000, abs=1e-3
    )
    assert shares[""]["value"] == 0


def test_what_nobody_can_be_named_for_stands_under_the_empty_key(reported, hours):
    found = reported(hours(24), by="tenant", meter="google_prometheus")
    assert [row["key"] for row in found["allocation"]] == [""]
    assert found["allocation"][0]["value"] == found["meters"]["google_prometheus"]["sent"]


def test_fees_that_do_not_depend_on_use_are_shared_by_use(reported, hours):
    """Datadog's two hosts are 30 USD if nothing is sent; 300 series are 100 above the allotment, 5 USD, of
    which the agents' own 80 are shared as well."""
    rows = [*hours(24), *of(hours(24, host="h2"), class_="other")]
    shares = reported(rows, by="host", meter="datadog_pro")["allocation"]
    assert sum(row["shared"] for row in shares) == pytest.approx(30 + 5 * 80 / 300, abs=1e-3)
    assert shares[0]["shared"] == pytest.approx(shares[1]["shared"], abs=1e-3)
