"""What figures cost at two published list prices: for estimates, with the formula beside each.

Prices are those documented in November 2026, without free allowances, discounts or taxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

HOURS = 720  # of a month of 30 days


class Rates(Protocol):
    """What meters count: `comparison.Figures`, or `Hourly`."""

    @property
    def points_hourly(self) -> float: ...

    @property
    def bytes_hourly(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Hourly:
    """The rates of a window."""

    points_hourly: float
    bytes_hourly: float

    @classmethod
    def over(cls, seconds: float, points: int, size: int) -> Hourly:
        hours = seconds / 3600 or 1.0
        return cls(points / hours, size / hours)


@dataclass(frozen=True, slots=True)
class Meter:
    """One vendor's unit, and how figures become dollars."""

    key: str  # as the report's prices name it
    name: str
    unit: str
    many: float  # units that the price is for
    price: float  # USD
    hourly: Callable[[Rates], float]

    @property
    def formula(self) -> str:
        return f"{self.unit} an hour x {HOURS} h / 10^{len(str(round(self.many))) - 1} x {self.price:.2f} USD"

    def monthly(self, figures: Rates) -> float:
        """USD a month for this host."""
        return self.hourly(figures) * HOURS / self.many * self.price


METERS = (
    Meter("new_relic", "New Relic, stored data", "bytes", 1e9, 0.30, lambda rates: rates.bytes_hourly),
    Meter(
        "google_prometheus",
        "Google managed Prometheus",
        "points",
        1e6,
        0.06,
        lambda rates: rates.points_hourly,
    ),
)
