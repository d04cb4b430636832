"""What a month and a year save, with the range that the days themselves give; and what is left of it.

Each day that was seen for at least half of it is taken as a month of such days. Their spread gives the range:
nine months of ten fall into it, if days stay as different from each other as they were. Fewer than two such
days give no range, and the report says so instead of making one up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nrdot.pricing.amounts import cost
from nrdot.report.bill.quantity import billed
from nrdot.report.figures.steps import STATES, STEPS, months

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.pricing.prices import Pricing
    from nrdot.report.bill.meters import Bill
    from nrdot.report.figures.steps import Hourly, Wire

DAY = 86400.0
ENOUGH = 0.5  # of a day that must be seen
# Student's t at 95 %, one-sided, for 1 to 10 degrees of freedom; beyond, an expansion is close enough.
_T = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812)


@dataclass(frozen=True, slots=True)
class Day:
    """A UTC day, or an hour: its costs are its own. `seen` is the share of it that any host was seen.

    Without costs nobody saw it, or the meter's formula gives no number for it.
    """

    start: float
    seen: float
    costs: tuple[float, ...]  # by state, as its points
    points: tuple[float, ...]
    quantity: float = 0.0  # of what the meter counts, sent in the time that was seen

    @property
    def saved(self) -> float:
        return self.costs[0] - self.costs[-1]


@dataclass(frozen=True, slots=True)
class Span:
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Projection:
    days: int  # that the range stands on
    month: Span
    year: Span


@dataclass(frozen=True, slots=True)
class Return:
    """What is left of a month's saving, and when it has paid for the introduction."""

    agent_core_hours: float  # a month
    agent_cost: float
    monthly: float
    introduction: float
    net_monthly: float
    payback_months: float | None  # None where it never pays back
    first_year: float | None  # gain of the first year over all that it costs; None where it costs nothing


def days_of(hourly: Hourly, wire: Wire, bill: Bill, pricing: Pricing, step: float = DAY) -> list[Day]:
    """Every day from the first to the last; one that nobody saw has `seen` 0 and no costs."""
    if not len(hourly.hour):
        return []
    first = hourly.hour[0] - hourly.hour[0] % step
    found = []
    for start in np.arange(first, hourly.hour[-1] + 1, step).tolist():
        day = hourly.between(start, start + step)
        seen = float(day.covered.sum()) / step
        if not seen:
            found.append(Day(start, 0.0, (), ()))
            continue
        month = months(day, wire, pricing.month)
        try:
            costs = [cost(bill.meter, month.state(index)) for index in range(STATES)]
        except (ZeroDivisionError, OverflowError):  # a formula that holds for the window, not for each day
            costs = []
        scale = step / pricing.month
        points = tuple(day.states("points").sum(axis=1).tolist())
        quantity = billed(bill.meter.driver, month.state(STATES - 1), seen * step, pricing.month)
        found.append(Day(start, seen, tuple(value * scale for value in costs), points, quantity))
    return found


def project(days: list[Day], bill: Bill, month: float) -> Projection:
    saved = np.array([day.saved for day in days if day.costs and day.seen >= ENOUGH])
    in_month = month / DAY
    if len(saved) < 2:
        return Projection(len(saved), Span(bill.saved, None, None), Span(12 * bill.saved, None, None))
    spread = float(saved.std(ddof=1)) * _quantile(len(saved) - 1)
    # A mean over days to come differs from one over days that were by what both do not know.
    around_month = spread * in_month * math.sqrt(1 / len(saved) + 1 / in_month)
    around_year = spread * in_month * 12 * math.sqrt(1 / len(saved) + 1 / (12 * in_month))
    return Projection(len(saved), _span(bill.saved, around_month), _span(12 * bill.saved, around_year))


def returns(
    bill: Bill, pricing: Pricing, agent_cpu: float, seen: float, introduction: float | None
) -> Return:
    """`agent_cpu` are CPU seconds of all agents while `seen` seconds went by."""
    hours = agent_cpu / 3600 * (pricing.month / seen if seen else 0.0)
    agent_cost = hours * pricing.core_hour
    once = pricing.introduction if introduction is None else introduction
    net = bill.saved - agent_cost - pricing.monthly
    payback = once / net if net > 0 else None
    spent = once + 12 * (agent_cost + pricing.monthly)
    first_year = (12 * bill.saved - spent) / spent if spent else None
    return Return(hours, agent_cost, pricing.monthly, once, net, payback, first_year)


def steps_of(states: Sequence[float]) -> dict[str, float]:
    return {name: states[index] - states[index + 1] for index, name in enumerate(STEPS)}


def _span(value: float, around: float) -> Span:
    return Span(value, value - around, value + around)


def _quantile(freedom: int) -> float:
    if freedom <= len(_T):
        return _T[freedom - 1]
    z = 1.6449
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
