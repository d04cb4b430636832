"""Rows for cloud cost tools: FOCUS 1.2, the FinOps Open Cost and Usage Specification, as CSV.

One charge a day and key of the allocation, of one meter: meters are alternatives, so adding them up would
make no sense. Every cost is an estimate, which `x_Estimate` says; what no optimizer would have cost and what
was saved are no charges, so they stand in `x_` columns.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nrdot.pricing.amounts import rounded

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "1.2"
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
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for day in found["days"]:
        if day["seen"]:
            writer.writerows(_charges(found, day))
    return out.getvalue()


def _charges(found: dict[str, Any], day: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A day's cost among the keys as the window's is."""
    keys, scale = found["allocation"], day["seen"]
    costs = _spread([row["value"] for row in keys], day["sent"] * scale)
    before = _spread([row["unoptimized"] for row in keys], day["unoptimized"] * scale)
    shared = _spread([row["shared"] for row in keys], day["sent"] * scale * _part(keys))
    interval = _spread([row["unoptimized"] for row in keys], day["attribution"]["interval"] * scale)
    points = _spread([row["points"] for row in keys], day["points_sent"], digits=0)
    period = _period(day["day"])
    for number, row in enumerate(keys):
        cost = costs[number]
        yield {
            **period,
            **_constant(found),
            "BilledCost": cost,
            "ContractedCost": cost,
            "EffectiveCost": cost,
            "ListCost": cost,
            "ConsumedQuantity": int(points[number]),
            "PricingQuantity": int(points[number]),
            "ResourceId": row["key"],
            "ResourceName": row["key"] or "unallocated",
            "ResourceType": found["allocation_by"],
            "Tags": json.dumps({found["allocation_by"]: row["key"]} if row["key"] else {}),
            "x_AllocationKey": found["allocation_by"],
            "x_SavedByInterval": interval[number],
            "x_SavedCost": round(before[number] - cost, 6),
            "x_SeenShare": day["seen"],
            "x_SharedCost": shared[number],
            "x_UnoptimizedCost": before[number],
        }


def _constant(found: dict[str, Any]) -> dict[str, Any]:
    title = found["meters"][found["meter"]]["title"]
    provider = title.partition(",")[0]
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
        "PricingUnit": "Points",
        "ProviderName": provider,
        "PublisherName": provider,
        "ServiceCategory": "Management and Governance",
        "ServiceName": title,
        "ServiceSubcategory": "Observability",
        "SkuId": found["meter"],
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


def _spread(weights: list[float], total: float, digits: int = 6) -> list[float]:
    """`total` by `weights`, evenly where they are nothing, adding up to it."""
    whole = sum(weights)
    parts = [weight / whole if whole else 1 / len(weights) for weight in weights]
    return rounded([part * total for part in parts], total, digits)


def _rfc(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
