"""The report: a ledger and prices as one document, from which every format is made.

The document is what `nrdot report --json` prints. Keys are described in `docs/report.md`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nrdot.pricing.amounts import rounded
from nrdot.pricing.prices import PricingError
from nrdot.report.bill.allocation import allocate
from nrdot.report.bill.meters import bills
from nrdot.report.bill.projection import days_of, project, returns, steps_of
from nrdot.report.bill.quantity import UNITS
from nrdot.report.evidence.queries import stamp
from nrdot.report.figures import sight
from nrdot.report.figures.steps import STEPS, months
from nrdot.report.figures.usage import read_usage
from nrdot.report.words import NOBODY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.pricing.prices import Pricing
    from nrdot.report.bill.allocation import Share
    from nrdot.report.bill.meters import Bill
    from nrdot.report.bill.projection import Day, Projection
    from nrdot.report.evidence.engine import Engine
    from nrdot.report.evidence.queries import Window
    from nrdot.report.figures.usage import Usage

Document = dict[str, Any]
HOUR = 3600.0
SHORT = 3  # days up to which charts go by the hour


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for."""

    by: str = "class"
    meter: str | None = None  # the headline's; the price list's where absent
    actual: tuple[str, float] | None = None  # a meter and what its invoice says for a month
    introduction: float | None = None  # what introducing NRDOT costs, once


def savings(engine: Engine, window: Window, pricing: Pricing, wanted: Wanted) -> Document:
    """Raises PricingError where a meter is named that cannot be computed."""
    usage = read_usage(engine, window, wanted.by, pricing.compression)
    month = months(usage.hourly, usage.wire, pricing.month)
    left_out = list(engine.left_out)
    left_out += sight.left_out(usage)
    left_out += pricing.left_out
    made = bills(pricing, month, measured_wire=usage.wire.measured, left_out=left_out)
    primary = _primary(pricing, wanted, made, left_out)
    bill = made[primary]
    days = days_of(usage.hourly, usage.wire, bill, pricing)
    short = len(days) <= SHORT
    hours = days_of(usage.hourly, usage.wire, bill, pricing, HOUR) if short else []
    seen = float(usage.hourly.covered.sum())
    projection = project(days, bill, pricing.month)
    cpu = sum(row["cpu_seconds"] for row in usage.agents)
    shares = allocate(usage.owners, bill, month, seen)
    back = returns(bill, pricing, cpu, seen, wanted.introduction)
    return {
        "window": sight.window(usage),
        **sight.figures(usage),
        "too_short": sight.too_short(usage),
        "meter": primary,
        "currency": pricing.currency,
        "prices_of": pricing.as_of,
        "month_hours": pricing.month / 3600,
        "quantity_unit": UNITS[bill.meter.driver],
        "meters": {name: _meter(one, pricing) for name, one in made.items()},
        "attribution": _points(usage),
        "allocation_by": wanted.by,
        "allocation": [_share(one, usage.names if wanted.by == "host" else {}) for one in shares],
        "classes": [_share(one, {}) for one in allocate(usage.classes, bill, month, seen)],
        "projection": _projection(projection),
        "return": {**_rounded(asdict(back)), "core_hour": pricing.core_hour},
        **({"actual": _actual(wanted.actual, made)} if wanted.actual else {}),
        "days": [_day(day, 10) for day in days],
        "hours": [_day(hour, 16) for hour in hours],
        "coverage": sight.coverage(usage),
        "not_seen": sight.not_seen(usage),
        "talkers": sight.talkers(usage),
        "explain": {name: list(one.explained) for name, one in made.items()},
        "left_out": left_out,
    }


def _primary(pricing: Pricing, wanted: Wanted, made: Mapping[str, Bill], left_out: list[str]) -> str:
    """The meter of the headline: the one asked for, or the first that can be computed."""
    if not made:
        why = next((line for line in left_out if line.startswith("meter ")), "the price list has none")
        raise PricingError(f"no meter can be computed; {why}")
    if wanted.meter is not None:
        pricing.meter(wanted.meter)
        if wanted.meter not in made:
            why = next((line for line in left_out if line.startswith(f"meter {wanted.meter}:")), "")
            raise PricingError(why or f"meter {wanted.meter}: cannot be computed")
        return wanted.meter
    return pricing.primary if pricing.primary in made else next(iter(made))


def _meter(bill: Bill, pricing: Pricing) -> Document:
    """Money of a month. Rounded so that the steps add up to what was saved, and that is the difference."""
    unoptimized, sent = round(bill.unoptimized, 4), round(bill.sent, 4)
    saved = round(unoptimized - sent, 4)
    steps = dict(zip(STEPS, rounded(list(bill.attribution.values()), saved), strict=True))
    return {
        "title": bill.meter.title,
        "provider": bill.meter.provider,
        "unoptimized": unoptimized,
        "sent": sent,
        "saved": saved,
        "currency": pricing.currency,
        "per": "month",
        "hostmetrics": round(bill.hostmetrics, 4),
        "attribution": steps,
        "formula": bill.meter.formula.text,
    }


def _points(usage: Usage) -> dict[str, int]:
    """The steps in points: whole numbers, so they add up as they stand."""
    states = usage.hourly.states("points").sum(axis=1)
    return {name: round(states[index] - states[index + 1]) for index, name in enumerate(STEPS)}


def _share(share: Share, names: Mapping[str, str]) -> Document:
    return {
        "key": share.key,
        "name": names.get(share.key, share.key) or NOBODY,
        "value": share.value,
        "direct": share.direct,
        "shared": share.shared,
        "unoptimized": share.unoptimized,
        "saved": round(share.saved, 4),
        "points": share.points,
        "usage": round(share.usage, 6),
        "processes": round(share.processes, 2),
        "cpu_seconds": round(share.cpu_seconds, 3),
    }


def _projection(found: Projection) -> Document:
    spans = {"month": found.month, "year": found.year}
    return {
        "days": found.days,
        "confidence": 0.9,
        **{name: _rounded(asdict(span)) for name, span in spans.items()},
    }


def _actual(actual: tuple[str, float], made: Mapping[str, Bill]) -> Document:
    """A real invoice beside the estimate. It bills more than processes, so the factor is rarely 1."""
    name, amount = actual
    bill = made.get(name)
    if bill is None:
        raise PricingError(
            f"--actual-bill {name}: this meter is not in the report; see left_out or --pricing"
        )
    factor = amount / bill.sent if bill.sent else None
    return {
        "meter": name,
        "invoice": amount,
        "estimate": round(bill.sent, 4),
        "factor": None if factor is None else round(factor, 4),
        "saved": None if factor is None else round(bill.saved * factor, 4),
    }


def _day(day: Day, digits: int) -> Document:
    found: Document = {"day": stamp(day.start)[:digits], "seen": round(day.seen, 6)}
    if not day.costs:
        return found
    return found | {
        "unoptimized": round(day.costs[0], 4),
        "sent": round(day.costs[-1], 4),
        "saved": round(day.saved, 4),
        "attribution": _rounded(steps_of(day.costs)),
        "quantity": round(day.quantity, 6),
        "points_unoptimized": round(day.points[0]),
        "points_sent": round(day.points[-1]),
        "attribution_points": {name: round(value) for name, value in steps_of(day.points).items()},
    }


def _rounded(values: Mapping[str, Any]) -> Document:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}
