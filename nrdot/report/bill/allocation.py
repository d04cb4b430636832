"""Who causes the bill: one meter's month divided among namespaces, classes, units, users, hosts or tenants.

    direct       what a key's own series cost
    shared       its part of what belongs to nobody alone: sums of groups (by what its rolled-up processes
                 would have sent), the agent's own metrics and fees that do not depend on use (by the rest)

The key that is empty is what belongs to nobody that the ledger can name: unallocated, and shown as such. The
parts add up to the bill, to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nrdot.pricing.amounts import cost, rounded
from nrdot.report.figures.steps import STATES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.report.bill.meters import Bill
    from nrdot.report.figures.steps import Months

_COLUMNS = {
    "points": "points",
    "bytes": "bytes",
    "wire_bytes": "bytes",
    "series": "active",
    "series_hourly": "hourly",
}
# Fees that stay when nothing is sent are found by asking the formula for the cost of nothing.
_FIXED = ("hosts", "hosts_mean", "processes")


@dataclass(frozen=True, slots=True)
class Share:
    key: str
    value: float
    direct: float
    shared: float
    unoptimized: float
    points: int
    usage: float  # part of what the meter counts, sums and the agent's own metrics included
    processes: float
    cpu_seconds: float

    @property
    def saved(self) -> float:
        return self.unoptimized - self.value


class _Sums:
    """The window's rows, added up for each owner; the arrays stand in the order of `keys`."""

    def __init__(self, owners: Sequence[Mapping[str, Any]], column: str) -> None:
        self.keys = sorted({row["owner"] or "" for row in owners})
        self.own, self.groups, self.hidden, self.before = (np.zeros(len(self.keys)) for _ in range(4))
        self.points, self.processes, self.cpu = (np.zeros(len(self.keys)) for _ in range(3))
        place = {key: number for number, key in enumerate(self.keys)}
        for row in owners:
            at, part = place[row["owner"] or ""], row["part"]
            of_all = part in ("group", "group_dropped") and not row["owner"]
            (self.groups if of_all else self.own)[at] += float(row[f"{column}_sent"])
            if part in ("roll_up", "drop"):
                self.hidden[at] += row["points_interval"]
            self.before[at] += row[f"{column}_unoptimized"]
            self.points[at] += row["points_sent"]
            self.processes[at] += row["process_seconds"]
            self.cpu[at] += row["cpu_seconds"]


def allocate(owners: list[dict[str, Any]], bill: Bill, month: Months, seen: float) -> list[Share]:
    """`owners` are rows of allocation.sql; `seen` the seconds that the window covers."""
    sums = _Sums(owners, _COLUMNS[bill.meter.driver])
    total, whole = bill.sent, bill.unoptimized
    fixed = min(_fixed(bill, month), total)
    use = total - fixed
    of_processes = sums.own.sum() + sums.groups.sum()
    own_metrics = _own_share(bill, month)
    by_itself = _shares(sums.own, of_processes)
    in_sums = (sums.groups.sum() / of_processes if of_processes else 0.0) * _parts(sums.hidden, sums.own)
    usage = _parts(by_itself + in_sums, sums.processes)
    direct = use * (1 - own_metrics) * by_itself
    spread = use * (1 - own_metrics) * in_sums
    shared = spread + (total - direct.sum() - spread.sum()) * usage
    base = min(fixed, whole)
    unoptimized = (whole - base) * _parts(sums.before, sums.processes)
    unoptimized += base * _parts(sums.processes, sums.before)
    values, later = rounded((direct + shared).tolist(), total), rounded(shared.tolist())
    shares = [
        Share(key, value, round(value - after, 4), after, was, int(sent), part, alive, used)
        for key, value, after, was, sent, part, alive, used in zip(
            sums.keys,
            values,
            later,
            rounded(unoptimized.tolist(), whole),
            sums.points.tolist(),
            usage.tolist(),
            (sums.processes / seen if seen else 0.0 * sums.processes).tolist(),
            sums.cpu.tolist(),
            strict=True,
        )
    ]
    return sorted(shares, key=lambda share: (-share.value, -share.unoptimized, share.key))


def _fixed(bill: Bill, month: Months) -> float:
    """What the meter takes of a month in which nothing is sent."""
    nothing = {name: (value if name in _FIXED else 0.0) for name, value in month.state(STATES - 1).items()}
    try:
        return max(0.0, cost(bill.meter, nothing))
    except (ZeroDivisionError, OverflowError):  # a formula that divides by use has no fee without it
        return 0.0


def _own_share(bill: Bill, month: Months) -> float:
    """The part of the driver that the agent's own metrics are."""
    name = {"series": "series_mean"}.get(bill.meter.driver, bill.meter.driver)
    values = month.quantities["bytes" if name == "wire_bytes" else name]
    before, after = float(values[-3]), float(values[-2])
    return (after - before) / after if after > 0 else 0.0


def _shares(values: Any, total: float) -> Any:
    return values / total if total else np.zeros(len(values))


def _parts(values: Any, instead: Any) -> Any:
    """As shares of their sum; by `instead` where there is none, evenly where there is neither."""
    for candidate in (values, instead):
        if candidate.sum() > 0:
            return candidate / candidate.sum()
    return np.full(len(values), 1 / max(1, len(values)))
