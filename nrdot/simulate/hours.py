"""Series distinct within an hour, with an optimizer and without: what Datadog and CloudWatch bill.

Counted as the ledger counts them, but in hours since the beginning of the capture, so that a capture of an
hour is one. What is left over at the end of a longer one counts in none: half an hour has fewer series than
an hour.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from nrdot.ledger.activity import Activity, alike

if TYPE_CHECKING:
    from nrdot.batch import Batch, Identity, Ints, Rows
    from nrdot.encode.costs import Costs

HOUR = 3600.0


@dataclass(slots=True)
class HourlySeries:
    unoptimized: Counter[int] = field(default_factory=Counter)  # by hour
    optimized: Counter[int] = field(default_factory=Counter)
    _scraped: Activity = field(default_factory=Activity, compare=False)
    _sent: Activity = field(default_factory=Activity, compare=False)
    _known: dict[int, tuple[Identity, int]] = field(default_factory=dict, compare=False)  # words and parent

    def begin(self, batch: Batch) -> None:
        """Rows of other processes, or with other words, begin other series."""
        table, born = batch.table, set(batch.born.tolist())
        for side in (self._scraped, self._sent):
            side.fit(table.capacity)
        for row in batch.named.tolist():
            before = self._known.get(row)
            identity, parent = self._known[row] = table.identity[row], int(table.parent[row])
            if before and row not in born and parent == before[1] and alike(identity, before[0]):
                continue
            self._scraped.end(row, 0, inf)
            self._sent.end(row, 0, inf)

    def scraped(self, rows: Rows, series: Ints, seconds: float) -> None:
        """The scraper that NRDOT replaces would have sent these rows now."""
        hour = int(seconds // HOUR)
        fresh = self._scraped.sent(rows, series, seconds, hour)
        self.unoptimized[hour] += int(series[fresh].sum())

    def sent(self, batch: Batch, costs: Costs, seconds: float) -> None:
        """An export went out, as `costs` tell."""
        hour, table = int(seconds // HOUR), batch.table
        rows = np.flatnonzero(costs.points)
        rows = rows[table.alive[rows]]
        fresh = rows[self._sent.sent(rows, costs.points[rows], seconds, hour)]
        series = int(costs.plain(table, fresh)[0].sum()) if fresh.size else 0
        for cost in costs.groups:
            if self._sent.sent_group(cost.group.key, 0, cost.series, seconds, hour):
                series += cost.series
        self.optimized[hour] += series

    def end(self) -> None:
        """The capture is over: what was needed to count does not travel with the counts."""
        self._scraped, self._sent, self._known = Activity(), Activity(), {}

    def mean(self, seconds: float) -> tuple[float, float]:
        """Without an optimizer and with it, over the whole hours; over what there is where there is none."""
        hours = range(max(int(seconds // HOUR), 1))
        unoptimized = sum(self.unoptimized[hour] for hour in hours) / len(hours)
        return unoptimized, sum(self.optimized[hour] for hour in hours) / len(hours)
