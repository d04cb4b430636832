"""Series distinct within an hour, with an optimizer and without: what Datadog and CloudWatch bill.

Counted as the ledger counts them, but in hours since the beginning of the capture, so that a capture of an
hour is one. What is left over at the end of a longer one counts in none: half an hour has fewer series than
an hour.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nrdot.ledger.activity import alike

if TYPE_CHECKING:
    from nrdot.batch import Batch, Flags, Identity, Ints, Rows
    from nrdot.encode.costs import Costs

HOUR = 3600.0


class _Counted:
    """Which series were counted in this hour already, of rows and of groups."""

    def __init__(self) -> None:
        self.rows: Flags = np.zeros(0, np.bool_)
        self.groups: set[int] = set()
        self._hour = 0

    def fit(self, capacity: int) -> None:
        if (more := capacity - len(self.rows)) > 0:
            self.rows = np.pad(self.rows, (0, more))

    def reach(self, hour: int) -> None:
        if hour != self._hour:
            self._hour = hour
            self.rows[:] = False
            self.groups.clear()


@dataclass(slots=True)
class HourlySeries:
    unoptimized: Counter[int] = field(default_factory=Counter)  # by hour
    optimized: Counter[int] = field(default_factory=Counter)
    _scraped: _Counted = field(default_factory=_Counted, compare=False)
    _sent: _Counted = field(default_factory=_Counted, compare=False)
    _known: dict[int, tuple[Identity, int]] = field(default_factory=dict, compare=False)  # words and parent

    def begin(self, batch: Batch) -> None:
        """Rows of other processes, or with other words, begin other series."""
        if not batch.named.size:
            return
        table, born = batch.table, set(batch.born.tolist())
        for side in (self._scraped, self._sent):
            side.fit(table.capacity)
        for row in batch.named.tolist():
            before = self._known.get(row)
            identity, parent = self._known[row] = table.identity[row], int(table.parent[row])
            if before and row not in born and parent == before[1] and alike(identity, before[0]):
                continue
            self._scraped.rows[row] = self._sent.rows[row] = False

    def scraped(self, rows: Rows, series: Ints, seconds: float) -> None:
        """The scraper that NRDOT replaces would have sent these rows now."""
        hour = int(seconds // HOUR)
        self._scraped.reach(hour)
        fresh = ~self._scraped.rows[rows]
        self._scraped.rows[rows] = True
        self.unoptimized[hour] += int(series[fresh].sum())

    def sent(self, batch: Batch, costs: Costs, seconds: float) -> None:
        """An export went out, as `costs` tell."""
        hour, table, counted = int(seconds // HOUR), batch.table, self._sent
        counted.reach(hour)
        fresh: Rows = ((costs.points > 0) & table.alive & ~counted.rows).nonzero()[0]
        if fresh.size:
            counted.rows[fresh] = True
            self.optimized[hour] += costs.plain_points(table, fresh)
        for cost in costs.groups:
            if cost.group.key not in counted.groups:
                counted.groups.add(cost.group.key)
                self.optimized[hour] += cost.series

    def end(self) -> None:
        """The capture is over: what was needed to count does not travel with the counts."""
        self._scraped, self._sent, self._known = _Counted(), _Counted(), {}

    def mean(self, seconds: float) -> tuple[float, float]:
        """Without an optimizer and with it, over the whole hours; over what there is where there is none."""
        hours = range(max(int(seconds // HOUR), 1))
        unoptimized = sum(self.unoptimized[hour] for hour in hours) / len(hours)
        return unoptimized, sum(self.optimized[hour] for hour in hours) / len(hours)
