"""What hosts like the one that was watched would cost: `nrdot demo` in money.

One host costs cents, and its account's free allowance would hide even those. A fleet of hosts like it is
what somebody pays for, so its allowances count as the vendor grants them.

Series are those at a time. A vendor that bills every series of an hour bills more where processes come and
go, which half a minute cannot tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.pricing.prices import QUANTITIES
from nrdot.simulate.money import Priced, shipped

if TYPE_CHECKING:
    from nrdot.simulate.comparison import Figures

UNKNOWN = "wire_bytes"  # nothing was compressed
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """Hosts that are all as these figures say."""

    figures: Figures
    hosts: int

    def month(self, hours: float) -> dict[str, float]:
        one = self.figures
        series = one.points_hourly * one.interval / HOUR
        minutely = one.points_hourly / 60
        quantities = {
            "points": one.points_hourly * hours,
            "bytes": one.bytes_hourly * hours,
            **dict.fromkeys(("series_p95", "series_mean", "series_hourly"), series),
            **dict.fromkeys(("dpm_p95", "dpm_mean"), minutely),
            **dict.fromkeys(("hosts", "hosts_mean"), 1.0),
            "processes": one.processes,
        }
        return {name: value * self.hosts for name, value in quantities.items()}


def vendors() -> tuple[Priced, ...]:
    """One meter for each thing that vendors count, of those whose prices and quantities are known."""
    pricing = shipped()
    known = QUANTITIES.keys() - {UNKNOWN}
    found: dict[str, Priced] = {}
    for meter in sorted(pricing.meters.values(), key=lambda meter: meter.name != pricing.primary):
        if not meter.missing and meter.formula.names & QUANTITIES.keys() <= known:
            found.setdefault(
                meter.driver, Priced(meter, pricing.month / HOUR, pricing.currency, pricing.as_of)
            )
    return tuple(found.values())
