"""Rows for cloud cost tools: FOCUS 1.2, the FinOps Open Cost and Usage Specification, as CSV.

One charge a day and key of the allocation, of one meter: meters are alternatives, so adding them up would
make no sense. All rows add up to the month's bill times the part of a month that was seen: a day has of it
what its own rate says, a key of a day what it has of the window. Every cost is an estimate, `x_Estimate` says
so; what no optimizer would have cost and what was saved are no charges, and stand in `x_` columns.
"""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nrdot.pricing.amounts import rounded
from nrdot.pricing.prices import PricingError

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "1.2"
DIGITS = 6
_CURRENCY = re.compile(r"[A-Z]{3}")
COLUMNS = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuPriceId",
    "Tags",
    "x_AllocationKey",
    "x_Estimate",
    "x_FocusVersion",
    "x_SavedCost",
    "x_SavedByInterval",
    "x_SeenShare",
    "x_SharedCost",
    "x_UnoptimizedCost",
)


def as_focus(found: dict[str, Any]) -> str:
    """Raises PricingError where the currency is none that FOCUS knows."""
    if not _CURRENCY.fullmatch(found["currency"]):
        raise PricingError(
            f"currency '{found['currency']}' of the price list: FOCUS wants the three letters of ISO 4217, "
            "for example EUR; nothing was written"
        )
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    days = [day for day in found["days"] if "sent" in day]
    meter, seen = found["meters"][found["meter"]], [day["seen"] for day in days]
    part = sum(seen) * 24 / found["month_hours"]
    costs = _spread(_rates(days, "sent"), meter["sent"] * part, instead=seen)
    before = _spread(_rates(days, "unoptimized"), meter["unoptimized"] * part, instead=seen)
    interval = _spread(_rates(days, "unoptimized"), meter["attribution"]["interval"] * part, instead=seen)
    for day, *amounts in zip(days, costs, before, interval, strict=True):
        writer.writerows(_charges(found, day, *amounts))
    return out.getvalue()


def _rates(days: list[dict[str, Any]], name: str) -> list[float]:
    return [day[name] * day["seen"] for day in days]


def _charges(
    found: dict[str, Any], day: dict[str, Any], cost: float, before: float, interval: float
) -> Iterator[dict[str, Any]]:
    """A day's amounts among the keys as the window's are."""
    keys = found["allocation"]
    usage = [row["usage"] for row in keys]
    costs = _spread([row["value"] for row in keys], cost, instead=usage)
    befores = _spread([row["unoptimized"] for row in keys], before, instead=usage)
    shared = _spread([row["shared"] for row in keys], cost * _part(keys), instead=usage)
    intervals = _spread([row["unoptimized"] for row in keys], interval, instead=usage)
    points = _spread([row["points"] for row in keys], day["points_sent"], digits=0)
    quantities = _spread(usage, day["quantity"])
    period = _period(day["day"])
    for number, row in enumerate(keys):
        billed = _decimal(costs[number])
        yield {
            **period,
            **_constant(found),
            **_resource(found["allocation_by"], row),
            "BilledCost": billed,
            "ContractedCost": billed,
            "EffectiveCost": billed,
            "ListCost": billed,
            "ConsumedQuantity": int(points[number]),
            "PricingQuantity": _decimal(quantities[number]),
            "x_SavedByInterval": _decimal(intervals[number]),
            "x_SavedCost": _decimal(befores[number] - costs[number]),
            "x_SeenShare": day["seen"],
            "x_SharedCost": _decimal(shared[number]),
            "x_UnoptimizedCost": _decimal(befores[number]),
        }


def _resource(by: str, row: dict[str, Any]) -> dict[str, Any]:
    """What belongs to nobody is no resource, and a name that only repeats an id is none."""
    key = row["key"]
    common = {"Tags": json.dumps({by: key} if key else {}), "x_AllocationKey": by}
    if not key:
        return common
    name = row["name"] if row["name"] != key else ""
    return {**common, "ResourceId": key, "ResourceName": name, "ResourceType": by.capitalize()}


def _constant(found: dict[str, Any]) -> dict[str, Any]:
    meter = found["meters"][found["meter"]]
    title, provider = meter["title"], meter["provider"]
    return {
        "BillingAccountId": found["meter"],
        "BillingAccountName": title,
        "BillingCurrency": found["currency"],
        "ChargeCategory": "Usage",
        "ChargeDescription": f"Process metrics on {title}, estimated at prices of {found['prices_of']}",
        "ChargeFrequency": "Usage-Based",
        "ConsumedUnit": "Points",
        "InvoiceIssuerName": provider,
        "PricingCategory": "Standard",
        "PricingUnit": found["quantity_unit"],
        "ProviderName": provider,
        "PublisherName": provider,
        "ServiceCategory": "Management and Governance",
        "ServiceName": title,
        "ServiceSubcategory": "Observability",
        "SkuId": found["meter"],
        "SkuPriceId": found["meter"],
        "x_Estimate": "true",
        "x_FocusVersion": VERSION,
    }


def _period(day: str) -> dict[str, str]:
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    first = start.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return {
        "BillingPeriodStart": _rfc(first),
        "BillingPeriodEnd": _rfc(following),
        "ChargePeriodStart": _rfc(start),
        "ChargePeriodEnd": _rfc(start + timedelta(days=1)),
    }


def _part(keys: list[dict[str, Any]]) -> float:
    whole = sum(row["value"] for row in keys)
    return sum(row["shared"] for row in keys) / whole if whole else 0.0


def _spread(
    weights: list[float], total: float, digits: int = DIGITS, instead: list[float] | None = None
) -> list[float]:
    """`total` by `weights`, by `instead` where they are nothing, evenly where there is neither."""
    chosen = next((one for one in (weights, instead or []) if sum(one)), [1.0] * len(weights))
    whole = sum(chosen)
    return rounded([weight / whole * total for weight in chosen], total, digits)


def _decimal(amount: float) -> str:
    """Never with an exponent."""
    return f"{amount:.{DIGITS}f}"


def _rfc(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
