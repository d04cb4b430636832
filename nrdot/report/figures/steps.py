"""From what no optimizer would have sent to what NRDOT sent, step by step.

Each step takes the state before it and gives the next; a step's saving is the difference, so the savings of
all steps add up to the whole, for points, bytes, series and, through any formula, for money:

    interval      every process, but as often as NRDOT exports
    filter        processes whose detail a rule of the profile gives up, less their one sum
    roll_up       processes that share the sums of a group, less those sums
    suppression   points that were left out because nothing had changed
    life          zeros that begin series, markers that end them, exports that could not wait: a cost
    own_metrics   the agent's own metrics: a cost
    compression   what requests weigh on the wire beside the counterfactual's; nothing where bytes are stored

A longer interval is thus never sold as intelligence. `docs/formats/ledger.md` has the sums over rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

from numpy.typing import NDArray

Hours = NDArray[np.float64]

HOUR = 3600.0
STEPS = ("interval", "filter", "roll_up", "suppression", "life", "own_metrics", "compression")
STATES = len(STEPS) + 1  # the first is before every step
PARTS = ("keep", "roll_up", "drop", "group", "group_dropped")
_TOTALS = ("points", "bytes")
MEASURES = ("points", "bytes", "active", "hourly")


@dataclass(frozen=True, slots=True)
class Hourly:
    """A ledger by hours. Every array is by hour; `parts` has one for each column and verdict."""

    hour: Hours  # Unix seconds
    hosts: Hours
    covered: Hours  # seconds in which anybody looked
    host_seconds: Hours
    parts: Mapping[str, Mapping[str, Hours]]  # column -> part -> hours
    own: Mapping[str, Hours]  # by measure

    def total(self, column: str) -> Hours:
        return _sum(self.parts[column])

    def states(self, measure: str) -> NDArray[np.float64]:
        """(STATES, hours): the measure in each state. Series are levels: their mean over what was covered."""
        series = measure in ("active", "hourly")
        before = self.parts[f"{measure}_unoptimized"]
        often = before if series else self.parts[f"{measure}_interval"]
        sent = self.parts[f"{measure}_sent"]
        states = [_sum(before), _sum(often)]
        states.append(states[-1] - often["drop"] + sent["group_dropped"])
        states.append(states[-1] - often["roll_up"] + sent["group"])
        states.append(states[-1] - (0.0 if series else self.total(f"{measure}_suppressed")))
        states.append(_sum(sent))
        states.append(states[-1] + self.own[measure])
        states.append(states[-1])  # compression changes nothing but the wire
        found = np.array(states)
        return found / np.maximum(self.covered, 1.0) if measure == "active" else found

    def without_nrdot(self, measure: str) -> Hours:
        """What hostmetrics at its own defaults would have sent."""
        if measure in ("active", "hourly"):
            return np.asarray(self.states(measure)[0])
        return self.total(f"{measure}_hostmetrics")

    def between(self, start: float, end: float) -> Hourly:
        chosen = (self.hour >= start) & (self.hour < end)
        return Hourly(
            self.hour[chosen],
            self.hosts[chosen],
            self.covered[chosen],
            self.host_seconds[chosen],
            {
                column: {part: hours[chosen] for part, hours in parts.items()}
                for column, parts in self.parts.items()
            },
            {measure: hours[chosen] for measure, hours in self.own.items()},
        )


def _sum(parts: Mapping[str, Hours]) -> Hours:
    return np.asarray(np.stack([parts[part] for part in PARTS]).sum(axis=0), np.float64)


@dataclass(frozen=True, slots=True)
class Wire:
    """How OTLP becomes bytes on the network."""

    copies: float  # shares of what was produced that destinations over the network took, added up
    ratio: float  # OTLP bytes for each byte of NRDOT's requests
    baseline: float  # the same of the counterfactual's

    @property
    def measured(self) -> bool:
        return self.copies > 0 and self.ratio > 0


@dataclass(frozen=True, slots=True)
class Months:
    """What a meter can ask for, of one month at the window's rate: each quantity in each state."""

    quantities: Mapping[str, NDArray[np.float64]]  # name -> (STATES,)
    hostmetrics: Mapping[str, float]
    wire: Wire
    hours: int  # that were seen
    seen: float  # seconds of them
    month: float  # seconds

    def origin(self, name: str) -> str:
        """How a quantity comes from the window: what a reader needs to compute it again."""
        if name == "wire_bytes":
            wire = self.wire
            return (
                f": bytes x {wire.copies:.4g} (what networks took of each byte) / {wire.ratio:.4g} "
                f"(without NRDOT {wire.baseline:.4g}) for compression"
            )
        if name in _TOTALS:
            before, *_, after = (float(value) * self.seen / self.month for value in self.quantities[name])
            return (
                f": {after:,.0f} in the window (without NRDOT {before:,.0f}) x {self.month / HOUR:g} h / "
                f"{self.seen / HOUR:,.4f} h seen"
            )
        return f" ({self.hours:,} hours)"

    def state(self, index: int) -> dict[str, float]:
        return {name: float(values[index]) for name, values in self.quantities.items()}


def months(hourly: Hourly, wire: Wire, month: float) -> Months:
    """Hours that nobody saw are left out, not filled in: a month is as the hours that were seen.

    A percentile is an hour that was: the lowest that is not below it.
    """
    seen = float(hourly.covered.sum()) or 1.0
    scale = month / seen
    minutes = np.maximum(hourly.covered, 1.0) / 60
    points, size = hourly.states("points"), hourly.states("bytes")
    active, distinct = hourly.states("active"), hourly.states("hourly")
    ratios = np.array([wire.baseline] * (STATES - 1) + [wire.ratio or wire.baseline])
    totals = size.sum(axis=1) * scale
    level = np.ones(STATES)
    processes = float(hourly.total("process_seconds").sum()) / seen
    quantities = {
        "points": points.sum(axis=1) * scale,
        "bytes": totals,
        "wire_bytes": totals * wire.copies / ratios,
        "series_p95": np.percentile(active, 95, axis=1, method="higher"),
        "series_mean": active @ hourly.covered / seen,
        "series_hourly": distinct.mean(axis=1),
        "dpm_p95": np.percentile(points / minutes, 95, axis=1, method="higher"),
        "dpm_mean": points.sum(axis=1) / (seen / 60),
        "hosts": level * float(np.percentile(hourly.hosts, 99, method="higher")),
        "hosts_mean": level * float(hourly.hosts @ hourly.covered / seen),
        "processes": level * processes,
    }
    plain = {name: float(values[0]) for name, values in quantities.items()}
    alone, heavy = hourly.without_nrdot("points"), float(hourly.without_nrdot("bytes").sum()) * scale
    plain |= {
        "points": float(alone.sum()) * scale,
        "bytes": heavy,
        "wire_bytes": heavy * wire.copies / wire.baseline,
        "dpm_p95": float(np.percentile(alone / minutes, 95, method="higher")),
        "dpm_mean": float(alone.sum()) / (seen / 60),
    }
    return Months(quantities, plain, wire, len(hourly.hour), seen, month)
