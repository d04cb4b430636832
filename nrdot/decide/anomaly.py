"""Processes that leave the band of their own history.

For each process and each of CPU, I/O, resident memory, threads and open files a few numbers are kept, the
same for every process whatever its age:

- the centre and the mean deviation of what it usually does, each with half an hour of memory; a value far
  outside counts only as far as the edge of the band, so that a burst does not widen the band by itself
- the highest and the lowest value it ever had, forgetting over weeks, without the last two samples; a level
  (memory, threads, files) raises the highest only over an hour, so that a leak cannot drag it along

The band reaches from the lower to the upper of both, with a margin that small absolute changes never
exceed. A value is an anomaly when it is outside at two samples in a row, or at one by twice the margin. So a
steady high consumer is none, and a job that bursts every night is one in its first night only. Rates are
used for CPU and I/O: a cumulative counter is never compared. Open files have columns only once somebody has
counted some, because that is off by default.

Processes that restart in a loop are found by `restarts.py`. Nothing is an anomaly during the warm-up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Gauge
from nrdot.decide.restarts import Restarts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nrdot.batch import Batch, Flags, Floats, Rows, Table

METRICS = ("cpu", "io", "memory", "threads", "descriptors")
RESTART = "restarts"
CENTRE_SECONDS = 1800.0
PEAK_SECONDS = 30 * 86400.0
RISE_SECONDS = 3600.0
DEVIATION_TO_SIGMA = 1.2533  # of a normal distribution: sigma by mean absolute deviation

# Margins: a change below these is none, whatever the history. Cores, bytes a second, bytes, threads, files.
_MARGIN = np.array([0.10, 1 << 20, 48 << 20, 16, 64])[:, None]
_PEAK_MARGIN = np.array([0.25, 0.50, 0.20, 0.25, 0.25])[:, None]  # a share of the highest so far
_RATES, _LEVELS = slice(0, 2), slice(2, 5)
_GAUGES = (Gauge.RSS, Gauge.THREADS, Gauge.DESCRIPTORS)
_USUALLY = 4  # metrics, without those that cost a file each and that few ask for
# A process stalls when it falls to nearly nothing from a rate that it never left.
_STALL_FROM = np.array([0.10, 1 << 20])[:, None]
_STALL_TO, _STALL_NEVER_BELOW = 0.10, 0.20  # of the centre


@dataclass(frozen=True, slots=True)
class Departure:
    """Why a process is anomalous: the metric, its value and the band that it left."""

    metric: str
    value: float
    low: float
    high: float


class AnomalyDetector:
    """`policy.Anomalies`."""

    def __init__(self, *, sensitivity: float = 6.0, warm_up: float = 600.0, restarts: int = 3) -> None:
        self.departures: dict[int, Departure] = {}  # by row, the latest
        self._width = sensitivity * DEVIATION_TO_SIGMA
        self._warm_up = warm_up
        self._restarts = Restarts(restarts, warm_up)
        self._now = 0.0
        self._watched = np.zeros(0)  # seconds since the first sample
        shape = (_USUALLY, 0)
        self._centre, self._deviation = np.zeros(shape), np.zeros(shape)
        self._highest, self._lowest = np.zeros(shape), np.zeros(shape)
        self._last, self._last_but_one = np.zeros(shape), np.zeros(shape)
        self._outside: NDArray[np.bool_] = np.zeros(shape, np.bool_)

    def observe(self, batch: Batch) -> Rows:
        table = batch.table
        self._fit(table)
        self._now += batch.seconds
        for row in batch.died.tolist():
            self.departures.pop(row, None)
        values = self._values(table)
        self._watched[batch.born] = 0.0
        if batch.first:
            self._restarts.observe(batch, self._now)
            return np.zeros(0, np.intp)
        # Whole columns, since to gather the living takes longer than the sums, and without a break between
        # them, which numpy goes through several times as fast. What comes of a row without a process is never
        # looked at: it begins anew with the next one.
        outside = self._judge(values, table.alive)
        self._learn(values, batch.seconds)
        # What a process did before its first look was done in a part of the interval: its history begins with
        # the second look.
        self._watched[batch.born] = 0.0
        self._last_but_one, self._last = self._last, values
        looping = self._restarts.observe(batch, self._now)
        for row, loop in looping.items():
            self.departures[row] = Departure(RESTART, loop.births, 0, loop.allowed)
        return np.union1d(outside, np.array(list(looping), np.intp)) if looping else outside

    def adopt(self, other: AnomalyDetector) -> None:
        """Go on with the history of another detector, which this one replaces."""
        own = {name: vars(self)[name] for name in ("_width", "_warm_up")}
        self._restarts.adopt(other._restarts)
        restarts = self._restarts
        vars(self).update(vars(other), **own)
        self._restarts = restarts

    def _values(self, table: Table) -> Floats:
        values = np.empty_like(self._centre)
        values[0], values[1] = table.cpu, table.io
        # What is unknown, -1, is as good as nothing: margins are far wider.
        for place in range(_RATES.stop, len(values)):
            values[place] = table.gauges[_GAUGES[place - _RATES.stop]]
        return values

    def _judge(self, values: Floats, alive: Flags) -> Rows:
        """Rows that are outside their band long or far enough; notes by which metric."""
        centre, highest = self._centre, self._highest
        margin = highest * _PEAK_MARGIN[: len(highest)]
        np.maximum(margin, _MARGIN[: len(highest)], out=margin)
        high = self._deviation * self._width
        high += centre
        np.maximum(high, highest, out=high)
        high += margin
        usual, lowest = centre[_RATES], self._lowest[_RATES]
        stalls = (usual > _STALL_FROM) & (lowest > _STALL_NEVER_BELOW * usual)
        outside = values > high
        outside[_RATES] |= stalls & (values[_RATES] < _STALL_TO * usual)
        outside &= alive & (self._watched >= self._warm_up)
        before, self._outside = self._outside, outside
        marked = set()
        if np.count_nonzero(outside):
            for metric, row in zip(*(places.tolist() for places in outside.nonzero()), strict=True):
                value, top = float(values[metric, row]), float(high[metric, row])
                if before[metric, row] or value > top + margin[metric, row]:
                    stalled = metric < _RATES.stop and stalls[metric, row]
                    low = _STALL_TO * float(centre[metric, row]) if stalled else 0.0
                    self.departures[row] = Departure(METRICS[metric], value, low, top)
                    marked.add(row)
        return np.array(sorted(marked), np.intp)

    def _learn(self, values: Floats, seconds: float) -> None:
        """Take the sample into the history; the one before the last is of no use afterwards."""
        watched, centre, deviation = self._watched, self._centre, self._deviation
        highest, lowest, older = self._highest, self._lowest, self._last_but_one
        watched += seconds
        # A young history weighs all its samples alike, an old one forgets.
        share = np.empty_like(values)
        share[:] = np.maximum(1 - math.exp(-seconds / CENTRE_SECONDS), seconds / np.maximum(watched, 1e-9))
        fade = math.exp(-seconds / PEAK_SECONDS)
        young = watched < self._warm_up
        usual = self._width * deviation
        usual += np.where(young, np.inf, 0.0)  # to a young history everything is usual
        margin = _MARGIN[: len(usual)]
        reach = usual + margin
        step = values - centre
        np.minimum(step, reach, out=step)
        np.maximum(step, np.negative(reach, out=reach), out=step)
        # A leak is outside for long before it ends: it must not make itself usual meanwhile.
        seen = np.abs(step)
        usual += margin / 16
        np.minimum(seen[_LEVELS], usual[_LEVELS], out=seen[_LEVELS])
        np.copyto(older, values, where=young)
        reached = older - highest
        reached[_LEVELS] *= np.where(young, 1.0, 1 - math.exp(-seconds / RISE_SECONDS))
        reached += highest
        for edge in (highest, lowest):
            np.subtract(edge, centre, out=edge)
            np.multiply(edge, fade, out=edge)
            np.add(edge, centre, out=edge)
        np.maximum(highest, reached, out=highest)
        np.minimum(lowest, older, out=lowest)
        step *= share
        centre += step
        seen -= deviation
        seen *= share
        deviation += seen
        fresh = (watched == seconds).nonzero()[0]
        if fresh.size:
            for column in (centre, highest, lowest):
                column[:, fresh] = values[:, fresh]
            deviation[:, fresh] = 0.0

    def _fit(self, table: Table) -> None:
        more = table.capacity - len(self._watched)
        if more:
            self._pad([(0, 0), (0, more)])
            self._watched = np.pad(self._watched, (0, more))
        if len(self._centre) < len(METRICS) and table.gauges[Gauge.DESCRIPTORS].max(initial=0) > 0:
            # Whoever has counted none so far has the history of one who had none.
            self._pad([(0, len(METRICS) - len(self._centre)), (0, 0)])

    def _pad(self, missing: list[tuple[int, int]]) -> None:
        for name, column in list(vars(self).items()):
            if isinstance(column, np.ndarray) and column.ndim > 1:
                setattr(self, name, np.pad(column, missing))
