"""What figures cost at two published list prices: for estimates, with the formula beside each.

Prices are those documented in November 2026, without free allowances, discounts or taxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from nrdot.simulate.comparison import Figures

HOURS = 720  # of a month of 30 days


@dataclass(frozen=True, slots=True)
class Meter:
    """One vendor's unit, and how figures become dollars."""

    name: str
    unit: str
    many: float  # units that the price is for
    price: float  # USD
    hourly: Callable[[Figures], float]

    @property
    def formula(self) -> str:
        return f"{self.unit} an hour x {HOURS} h / 10^{len(str(round(self.many))) - 1} x {self.price:.2f} USD"

    def monthly(self, figures: Figures) -> float:
        """USD a month for this host."""
        return self.hourly(figures) * HOURS / self.many * self.price


METERS = (
    Meter("New Relic, stored data", "bytes", 1e9, 0.30, lambda figures: figures.bytes_hourly),
    Meter("Google managed Prometheus", "points", 1e6, 0.06, lambda figures: figures.points_hourly),
)
