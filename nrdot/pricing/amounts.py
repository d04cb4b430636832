"""Amounts of money: what a meter takes of a month, and parts that add up to the whole as it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.pricing.prices import Meter

DIGITS = 4  # of money


def cost(meter: Meter, quantities: Mapping[str, float]) -> float:
    return meter.formula.value({**quantities, **meter.prices}, meter.tiers)


def rounded(values: Sequence[float], total: float | None = None, digits: int = DIGITS) -> list[float]:
    """Each to `digits`, so that they add up to the rounded total: the largest remainders go up."""
    unit = 10**digits
    exact = np.asarray(values, np.float64) * unit
    floors = np.floor(exact)
    # The total as it is shown: half a unit goes up or down by bits that a product with the unit has not.
    whole = float(exact.sum()) if total is None else round(total, digits) * unit
    missing = round(whole) - round(float(floors.sum()))
    order = np.argsort(floors - exact, kind="stable")
    for place in range(abs(missing)):
        floors[order[place % len(order)]] += 1 if missing > 0 else -1
    return [round(value / unit, digits) for value in floors.tolist()]
