"""Meters applied to a window: what a month costs before each step and after the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.pricing.amounts import cost
from nrdot.pricing.prices import QUANTITIES
from nrdot.report.figures.steps import STATES, STEPS
from nrdot.report.words import money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.pricing.prices import Meter, Pricing
    from nrdot.report.figures.steps import Months


@dataclass(frozen=True, slots=True)
class Bill:
    """One meter's month. `costs` has one amount for each state, so steps add up by construction."""

    meter: Meter
    costs: tuple[float, ...]
    hostmetrics: float
    explained: tuple[str, ...]

    @property
    def unoptimized(self) -> float:
        return self.costs[0]

    @property
    def sent(self) -> float:
        return self.costs[-1]

    @property
    def saved(self) -> float:
        return self.costs[0] - self.costs[-1]

    @property
    def attribution(self) -> dict[str, float]:
        return {name: self.costs[index] - self.costs[index + 1] for index, name in enumerate(STEPS)}


def bills(pricing: Pricing, found: Months, *, measured_wire: bool, left_out: list[str]) -> dict[str, Bill]:
    """A bill for each meter that can be computed; why not, for each other."""
    made = {}
    for name, meter in pricing.meters.items():
        reason = ""
        if meter.missing:
            wanted = ", ".join(meter.missing)
            money = f" in {pricing.currency}" if pricing.restated else ""
            reason = f"no price for {wanted}{money}; give it in a file with --pricing"
        elif "wire_bytes" in meter.formula.names and not measured_wire:
            reason = "no request went over a network in this window"
        else:
            try:
                bill = _bill(meter, found)
                if min(*bill.costs, bill.hostmetrics) < 0:
                    reason = f"its formula gives less than nothing here: {meter.formula.text}"
                else:
                    made[name] = bill
            except ZeroDivisionError:
                reason = f"its formula divides by zero here: {meter.formula.text}"
            except OverflowError:
                reason = f"its formula gives no number here: {meter.formula.text}"
        if reason:
            left_out.append(f"meter {name}: {reason}")
    return made


def _bill(meter: Meter, found: Months) -> Bill:
    costs = tuple(cost(meter, found.state(index)) for index in range(STATES))
    return Bill(meter, costs, cost(meter, found.hostmetrics), _explained(meter, found, costs))


def _explained(meter: Meter, found: Months, costs: Sequence[float]) -> tuple[str, ...]:
    """The formula, with the numbers of both ends, and where each number comes from."""
    lines = [f"{meter.name}: {meter.formula.text}"]
    named = sorted(meter.formula.names & QUANTITIES.keys())
    for words, index in (("without NRDOT", 0), ("with NRDOT", STATES - 1)):
        filled = meter.formula.filled_in({**found.state(index), **meter.prices})
        lines.append(f"  {words}: {filled} = {money(costs[index])}")
    lines += [f"  {name}: {QUANTITIES[name]}{found.origin(name)}" for name in named]
    if meter.tiers:
        ends = [f"up to {tier.up_to:,.12g}" if tier.up_to is not None else "above" for tier in meter.tiers]
        prices = [f"{tier.price:g} {end}" for tier, end in zip(meter.tiers, ends, strict=True)]
        lines.append(f"  tiers: {', '.join(prices)}")
    if meter.source:
        lines.append(f"  price: {meter.source}")
    return tuple(lines)
