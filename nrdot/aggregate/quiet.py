"""`delta_encoding`: series of which nothing changed are left out between heartbeats.

OTLP has no deltas of bytes that a standard receiver could decode. What can be saved is the repetition: a
cumulative counter that did not grow and a gauge that did not change say nothing new, and the backend's sums
are the same without them. Backends forget a series that is silent for five minutes, so each is sent at its
heartbeat all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import CHILDREN, Gauge

if TYPE_CHECKING:
    from collections.abc import Callable

    from nrdot.batch import Flags, Ints, Rows, Table

SLACK_NS = 1_000_000_000  # an export that comes a little early is still the heartbeat's
_OWN = slice(0, CHILDREN.start)
_LEVELS = slice(0, Gauge.SWAP + 1)


class Quiet:
    """Remembers what each series said last. `always` marks rows that are exempt."""

    def __init__(self, heartbeat: float, always: Callable[[int], Flags]) -> None:
        self._heartbeat_ns = round(heartbeat * 1e9) - SLACK_NS
        self._always = always
        self._sent_ns: Ints = np.zeros(0, np.int64)
        self._gauges: Ints = np.zeros((Gauge.SWAP + 1, 0), np.int64)
        self._counters: Ints = np.zeros((CHILDREN.start, 0), np.int64)

    def loud(self, table: Table, rows: Rows, now: int) -> Rows:
        """Those of `rows` that have something to say, or whose heartbeat is due."""
        self._fit(table.capacity)
        silent = (
            (table.counters[_OWN, rows] == self._counters[:, rows]).all(axis=0)
            & (table.gauges[_LEVELS, rows] == self._gauges[:, rows]).all(axis=0)
            & (now - self._sent_ns[rows] < self._heartbeat_ns)
            & ~self._always(table.capacity)[rows]
        )
        chosen: Rows = rows[~silent]
        return chosen

    def sent(self, table: Table, rows: Rows, now: int) -> None:
        self._fit(table.capacity)
        self._sent_ns[rows] = now
        self._counters[:, rows] = table.counters[_OWN, rows]
        self._gauges[:, rows] = table.gauges[_LEVELS, rows]

    def adopt(self, other: Quiet) -> None:
        self._sent_ns, self._counters, self._gauges = other._sent_ns, other._counters, other._gauges

    def _fit(self, capacity: int) -> None:
        more = capacity - len(self._sent_ns)
        if more:
            self._sent_ns = np.pad(self._sent_ns, (0, more))
            self._counters = np.pad(self._counters, ((0, 0), (0, more)))
            self._gauges = np.pad(self._gauges, ((0, 0), (0, more)))
