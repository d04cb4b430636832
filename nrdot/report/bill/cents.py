"""Money as people read it: in cents that add up.

The document has four digits of everything, and they add up. Cut to cents one by one they would not: whoever
adds a column, or takes one figure from another, would be off by a cent and doubt the rest. So what is shown
is rounded together: the parts of a bill to the bill, its steps to what was saved, and what was saved is the
difference of the two amounts beside it. Bills below one unit keep their four digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nrdot.pricing.amounts import rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

Document = dict[str, Any]
CENTS = 2  # digits


def in_cents(found: Document) -> Document:
    """The document of savings for the terminal and for pages; nothing but amounts of money differs."""
    meters = {name: _meter(meter) for name, meter in found["meters"].items()}
    chosen = found["meters"][found["meter"]]
    if not _whole(chosen):
        return {**found, "meters": meters}
    saved = meters[found["meter"]]["saved"]
    month = {**found["projection"]["month"], "value": saved}
    return {
        **found,
        "meters": meters,
        "allocation": _shares(found["allocation"], chosen),
        "classes": _shares(found["classes"], chosen),
        "projection": {**found["projection"], "month": month},
        "return": _return(found["return"], saved),
    }


def _whole(meter: Document) -> bool:
    return bool(max(meter["unoptimized"], meter["sent"]) >= 1)


def _meter(meter: Document) -> Document:
    if not _whole(meter):
        return meter
    ends = {name: round(meter[name], CENTS) for name in ("unoptimized", "sent", "hostmetrics")}
    saved = round(ends["unoptimized"] - ends["sent"], CENTS)
    steps = meter["attribution"]
    parts = rounded(list(steps.values()), saved, CENTS)
    return {**meter, **ends, "saved": saved, "attribution": dict(zip(steps, parts, strict=True))}


def _shares(rows: Sequence[Document], meter: Document) -> list[Document]:
    values = rounded([row["value"] for row in rows], meter["sent"], CENTS)
    before = rounded([row["unoptimized"] for row in rows], meter["unoptimized"], CENTS)
    shares = []
    for row, value, was in zip(rows, values, before, strict=True):
        direct = value if not row["shared"] else min(round(row["direct"], CENTS), value)
        shared = round(value - direct, CENTS)
        shares.append({**row, "value": value, "direct": direct, "shared": shared, "unoptimized": was})
    return shares


def _return(back: Document, saved: float) -> Document:
    costs = {name: round(back[name], CENTS) for name in ("agent_cost", "monthly")}
    return {**back, **costs, "net_monthly": round(saved - sum(costs.values()), CENTS)}
