"""What simulated hosts cost, by the meters of the price list that bill points, bytes or an hour's series.

A capture stands for a few hosts of an account whose free allowance others use up, so `free` of a meter counts
as 0 here: money is what these hosts add to the bill. What a simulation cannot know is not asked for: series
of a whole fleet, bytes on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Protocol

from nrdot.pricing.amounts import cost
from nrdot.pricing.prices import QUANTITIES, PricingError, load_pricing

if TYPE_CHECKING:
    from nrdot.pricing.prices import Meter, Pricing

KNOWN = frozenset({"points", "bytes", "series_hourly", "hosts"})
FREE = "free"  # the price that is an allowance


class Rates(Protocol):
    """What goes on at the same rate for a month."""

    def month(self, hours: float) -> dict[str, float]:
        """The quantities that meters bill, of a month of so many hours."""
        ...


@dataclass(frozen=True, slots=True)
class Hourly:
    """The rates of one host in a window."""

    points_hourly: float
    bytes_hourly: float
    series_hourly: float

    @classmethod
    def over(cls, seconds: float, points: int, size: int, series: float) -> Hourly:
        hours = seconds / 3600 or 1.0
        return cls(points / hours, size / hours, series)

    def month(self, hours: float) -> dict[str, float]:
        return {
            "points": self.points_hourly * hours,
            "bytes": self.bytes_hourly * hours,
            "series_hourly": self.series_hourly,
            "hosts": 1.0,
        }


@dataclass(frozen=True, slots=True)
class Priced:
    """A meter of the price list, and the month that it bills."""

    meter: Meter
    hours: float  # of a month
    currency: str
    as_of: str

    @property
    def key(self) -> str:
        return self.meter.name

    @property
    def name(self) -> str:
        return self.meter.title

    @property
    def formula(self) -> str:
        """With its prices, for whoever doubts a figure."""
        meter = self.meter
        tiers = [
            f"{tier.price:g} above" if tier.up_to is None else f"{tier.price:g} up to {tier.up_to:,g}"
            for tier in meter.tiers
        ]
        given = [f"{name} {price:g}" for name, price in meter.prices.items()]
        given += [f"tiers {', '.join(tiers)}"] if tiers else []
        words = f"{meter.formula.text}, for a month of {self.hours:g} h"
        return f"{words}, with {', '.join(given)}; {self.currency}, prices of {self.as_of}"

    def monthly(self, rates: Rates) -> float:
        """What a month at these rates costs. Raises PricingError."""
        try:
            return cost(self.meter, rates.month(self.hours))
        except (ZeroDivisionError, OverflowError):
            text = self.meter.formula.text
            raise PricingError(
                f"meter {self.key}: its formula gives no number for a simulated host: {text}; mend it, or "
                "name other meters in `only`"
            ) from None


def margins(pricing: Pricing | None = None) -> tuple[Priced, ...]:
    """Those that a simulation can compute, the one of the headline first. Raises PricingError."""
    return _margins(shipped() if pricing is None else pricing)


def headlines() -> tuple[Priced, ...]:
    """For tables: of the shipped list the first for each thing that is billed."""
    found: dict[str, Priced] = {}
    for one in margins():
        found.setdefault(one.meter.driver, one)
    return tuple(found.values())


@cache
def shipped() -> Pricing:
    return load_pricing()


def _margins(pricing: Pricing) -> tuple[Priced, ...]:
    known = [one for one in pricing.meters.values() if one.formula.names & QUANTITIES.keys() <= KNOWN]
    chosen = [meter for meter in known if not meter.missing]
    if known and not chosen:
        raise PricingError(
            f"the price list states no price in {pricing.currency} of a meter that a simulation knows; state "
            f"that of {' or '.join(meter.name for meter in known[:2])} in it"
        )
    if not chosen:
        raise PricingError(
            "no meter of the price list bills only points, bytes or an hour's series, which is what a "
            "simulation knows; name one that does, for example new_relic or google_prometheus, in `only`"
        )
    chosen.sort(key=lambda meter: meter.name != pricing.primary)
    hours = pricing.month / 3600
    return tuple(
        Priced(
            replace(meter, prices={**meter.prices, **({FREE: 0.0} if FREE in meter.prices else {})}),
            hours,
            pricing.currency,
            pricing.as_of,
        )
        for meter in chosen
    )
