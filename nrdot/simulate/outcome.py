"""What a profile would have sent of a capture, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Counter
from nrdot.simulate.hours import HourlySeries
from nrdot.stages import Verdict

if TYPE_CHECKING:
    from nrdot.encode.costs import Costs
    from nrdot.pipeline import Tick
    from nrdot.score.business import UnmatchedOverride

_KEPT = int(Verdict.KEEP)  # numpy compares it several times as fast as a member of an enumeration


@dataclass(slots=True)
class Outcome:
    """Adds up over the ticks of one capture under one profile.

    `points_unoptimized` is every process at the baseline's interval; `points_same_interval` every process at
    the profile's own, so that a longer interval is never sold as intelligence.
    """

    points_per_process: int
    baseline_interval: float
    seconds: float = 0.0
    exports: int = 0
    points: int = 0
    points_unoptimized: int = 0
    points_same_interval: int = 0
    series: int = 0
    bytes: int = 0
    bytes_unoptimized: int = 0
    critical_seen: int = 0
    critical_exported: int = 0
    cpu_used: float = 0.0
    cpu_kept: float = 0.0
    processes_seen: int = 0  # at exports, added up
    samples: int = 0
    incidents: int = 0  # of services that were there
    incidents_seen: int = 0  # whose processes had series of their own
    unmatched: tuple[UnmatchedOverride, ...] = ()  # overrides that no process answered to
    hours: HourlySeries = field(default_factory=HourlySeries)
    _since_baseline: float = 0.0

    @property
    def series_hourly(self) -> tuple[float, float]:
        """Distinct within an hour: without an optimizer, and with it."""
        return self.hours.mean(self.seconds)

    def add(self, tick: Tick, costs: Costs) -> None:
        """`costs` tell what was sent, and what would have been without an optimizer."""
        batch, table = tick.batch, tick.batch.table
        self.samples += 1
        self.seconds += batch.seconds
        self._since_baseline += batch.seconds
        living = batch.living
        if batch.named.size:
            costs.name(batch, batch.named)
        self.hours.begin(batch)
        while self._since_baseline >= self.baseline_interval:
            self._since_baseline -= self.baseline_interval
            points, sizes = costs.plain(table, living)
            self.points_unoptimized += int(points.sum())
            self.bytes_unoptimized += int(sizes.sum())
            self.hours.scraped(living, points, self.seconds)
        if not batch.first:
            self._cover(tick)
        if tick.frame is None:
            return
        self.points += sum(record.points for record in tick.records)
        self.bytes += costs.total
        self.hours.sent(batch, costs, self.seconds)
        frame = tick.frame
        opened = sum(group.opening for group in frame.groups)
        self.series += len(frame.opening) * self.points_per_process + opened * (self.points_per_process + 1)
        if not frame.whole:
            return
        self.exports += 1
        self.processes_seen += len(living)
        self.points_same_interval += costs.plain_points(table, living)
        critical = living[table.never_filtered[living]]
        self.critical_seen += len(critical)
        self.critical_exported += int(np.count_nonzero(table.series[critical]))

    def _cover(self, tick: Tick) -> None:
        """CPU of processes that were there at both ends of the tick, and of those of them that are kept."""
        table = tick.batch.table
        there = table.alive & (table.observations > 1)
        now, before = table.counters, table.previous
        used = now[Counter.CPU_USER] + now[Counter.CPU_SYSTEM]
        used -= before[Counter.CPU_USER]
        used -= before[Counter.CPU_SYSTEM]
        self.cpu_used += float(used[there].sum())
        self.cpu_kept += float(used[there & (table.verdict == _KEPT)].sum())
