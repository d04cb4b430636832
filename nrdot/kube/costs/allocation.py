"""The cluster's month in money, divided among namespaces so that the parts add up to what is shown.

    direct       what the series of a namespace's own processes cost
    shared       its part of what belongs to nobody alone: sums of groups (by what its rolled-up processes
                 would have sent), and, by the rest, the nodes' own daemons, kernel threads, the agents' own
                 metrics and fees that do not depend on use
    unallocated  containers whose pod is not known, and namespaces that are too small to be named

Each month is the measured hour's rate for as long as a month is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.pricing.amounts import DIGITS, cost, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.kube.costs.usage import Fleet
    from nrdot.pricing.prices import Meter, Pricing

_COLUMNS = {
    "points": "points",
    "bytes": "bytes",
    "wire_bytes": "bytes",
    "series": "series",
    "series_hourly": "hourly",
}
UNALLOCATED = ("unallocated", "")
_FIXED = ("hosts", "hosts_mean", "processes")
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Share:
    """Money of a month."""

    cost: float
    direct: float
    shared: float
    unoptimized: float

    @property
    def saved(self) -> float:
        return round(self.unoptimized - self.cost, DIGITS)


@dataclass(frozen=True, slots=True)
class Bill:
    meter: str
    currency: str
    cost: float
    unoptimized: float
    namespaces: Mapping[str, Share]
    unallocated: Share

    @property
    def saved(self) -> float:
        return round(self.unoptimized - self.cost, DIGITS)


def bill(fleet: Fleet, pricing: Pricing, meter: Meter) -> Bill:
    """Raises ZeroDivisionError and OverflowError where the meter's formula gives no number here."""
    keys = [("namespace", name) for name in sorted(fleet.namespaces())]
    keys.append(UNALLOCATED)
    sent = _divided(fleet, meter, _quantities(fleet, pricing, sent=True), keys, sent=True)
    before = _divided(fleet, meter, _quantities(fleet, pricing, sent=False), keys, sent=False)
    total, whole = sent.total, before.total
    values = rounded([a + b for a, b in zip(sent.direct, sent.shared, strict=True)], total)
    wholes = rounded([a + b for a, b in zip(before.direct, before.shared, strict=True)], whole)
    shares = {}
    for key, value, later, unoptimized in zip(keys, values, sent.shared, wholes, strict=True):
        shared = min(round(later, DIGITS), value)
        shares[key] = Share(value, round(value - shared, DIGITS), shared, unoptimized)
    unallocated = shares.pop(UNALLOCATED)
    return Bill(
        meter=meter.name,
        currency=pricing.currency,
        cost=round(total, DIGITS),
        unoptimized=round(whole, DIGITS),
        namespaces={name: share for (_, name), share in shares.items()},
        unallocated=unallocated,
    )


@dataclass(frozen=True, slots=True)
class _Divided:
    total: float
    direct: Sequence[float]
    shared: Sequence[float]


def _divided(
    fleet: Fleet, meter: Meter, quantities: Mapping[str, float], keys: Sequence[Key], *, sent: bool
) -> _Divided:
    total = cost(meter, quantities)
    nothing = {name: value if name in _FIXED else 0.0 for name, value in quantities.items()}
    use = total - min(cost(meter, nothing), total)
    column = _COLUMNS[meter.driver] + ("_sent" if sent else "")
    everything = fleet.total(column)
    of_driver = use / everything if everything > 0 else 0.0
    direct = [_of(fleet, key, column) * of_driver for key in keys]
    groups = _of(fleet, ("groups", ""), column) * of_driver
    # The sums of groups stand for processes of the system as well; its part is shared with the rest of it.
    hidden = [_of(fleet, key, "points_hidden") for key in (*keys, ("system", ""))]
    summed = [groups * share for share in _parts(hidden)[: len(keys)]]
    rest = total - sum(direct) - sum(summed)
    spread = _parts(
        [a + b for a, b in zip(direct, summed, strict=True)], [_of(fleet, key, "processes") for key in keys]
    )
    return _Divided(total, direct, [a + rest * b for a, b in zip(summed, spread, strict=True)])


def _of(fleet: Fleet, key: Key, column: str) -> float:
    kinds = [("other", ""), ("unknown", "")] if key == UNALLOCATED else [key]
    return sum(fleet.parts[one].get(column) for one in kinds if one in fleet.parts)


def _parts(values: Sequence[float], instead: Sequence[float] = ()) -> list[float]:
    """As shares of their sum; by `instead` where there is none. Without either, the last has it all."""
    for candidate in (values, instead):
        if (whole := sum(candidate)) > 0:
            return [value / whole for value in candidate]
    return [0.0] * (len(values) - 1) + [1.0]


def _quantities(fleet: Fleet, pricing: Pricing, *, sent: bool) -> dict[str, float]:
    """What a meter can ask for, of a month as the last hour was."""
    suffix, month = "_sent" if sent else "", pricing.month
    points, size = fleet.total(f"points{suffix}"), fleet.total(f"bytes{suffix}")
    series, distinct = fleet.total(f"series{suffix}"), fleet.total(f"hourly{suffix}")
    wire = fleet.wire if sent else size * fleet.copies / pricing.compression
    return {
        "points": points * month,
        "bytes": size * month,
        "wire_bytes": wire * month,
        "series_p95": series,
        "series_mean": series,
        "series_hourly": distinct,
        "dpm_p95": points * 60,
        "dpm_mean": points * 60,
        "hosts": float(fleet.nodes),
        "hosts_mean": float(fleet.nodes),
        "processes": fleet.total("processes"),
    }
