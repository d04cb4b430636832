"""What a reader adds up, or takes from another, comes out to the cent."""

import pytest

from nrdot.pricing.prices import load_pricing
from nrdot.report.bill.cents import in_cents
from nrdot.report.bill.worth import explained
from nrdot.report.words import money

PRICES = """
meters:
  ours:
    formula: points * each
    prices: {each: 0.00000331}
"""


@pytest.fixture
def shown(reported, hours, tmp_path):
    """Three tenants that share a bill which three do not divide."""
    path = tmp_path / "prices.yaml"
    path.write_text(PRICES)
    rows = [row for number in range(3) for row in hours(72, host=f"h{number}", host_name=f"host-{number}")]
    found = reported(rows, meter="ours", by="host", pricing=load_pricing(path), introduction=500.0)
    return found, in_cents(found)


def cents(value):
    return round(value * 100)


def test_the_parts_of_a_bill_are_the_bill_to_the_cent(shown):
    found, seen = shown
    bill = found["meters"]["ours"]
    for name, total in (("value", bill["sent"]), ("unoptimized", bill["unoptimized"])):
        assert sum(cents(row[name]) for row in seen["allocation"]) == cents(total)
        assert sum(cents(round(row[name], 2)) for row in found["allocation"]) != cents(total)
    for row in seen["allocation"]:
        assert cents(row["direct"]) + cents(row["shared"]) == cents(row["value"])
        assert min(row["direct"], row["shared"]) >= 0


def test_what_was_saved_is_the_difference_of_what_stands_beside_it(shown):
    _, seen = shown
    for meter in seen["meters"].values():
        ends = [float(money(meter[name]).replace(",", "")) for name in ("unoptimized", "sent", "saved")]
        assert ends[0] - ends[1] == pytest.approx(ends[2], abs=1e-9)
        assert sum(meter["attribution"].values()) == pytest.approx(meter["saved"], abs=1e-9)
    back, saved = seen["return"], seen["meters"]["ours"]["saved"]
    assert cents(back["net_monthly"]) == cents(saved) - cents(back["agent_cost"]) - cents(back["monthly"])
    assert seen["projection"]["month"]["value"] == saved


def test_a_bill_of_less_than_one_unit_keeps_its_digits(reported, hours):
    found = reported(hours(48), meter="egress")
    assert found["meters"]["egress"]["unoptimized"] < 1
    assert in_cents(found)["allocation"] == found["allocation"]
    assert in_cents(found)["meters"]["egress"] == found["meters"]["egress"]


def test_a_return_can_be_computed_again_from_the_lines_that_explain_it(shown):
    _, seen = shown
    lines = {line.strip().partition(":")[0]: line.partition(": ")[2] for line in explained(seen)}
    back = seen["return"]
    assert lines["saved in a month"].endswith(f"= {money(seen['meters']['ours']['saved'])}")
    assert lines["paid back"] == f"500.00 / {back['net_monthly']:.2f} = {back['payback_months']:,.1f} months"
    sums, _, gain = lines["first year"].rpartition(" = ")
    number = eval(sums.replace(",", "").replace("x", "*"))
    assert gain == f"{number:+,.0%}"
    assert lines["range"].startswith("3 days, each taken as a month")
