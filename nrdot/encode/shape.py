"""What a process or a group may lack, as bits: it decides which points can be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Counter, Gauge

if TYPE_CHECKING:
    from nrdot.batch import Flags, Ints, Rows, Table

NO_IO, NO_DESCRIPTORS, NO_SWAP, NO_SHARED = 1, 2, 4, 8
SHAPES = 16
# The columns that then cannot be sent.
MISSING: dict[int, frozenset[Counter | Gauge]] = {
    NO_IO: frozenset({Counter.READ, Counter.WRITTEN}),
    NO_DESCRIPTORS: frozenset({Gauge.DESCRIPTORS}),
    NO_SWAP: frozenset({Gauge.SWAP}),
    NO_SHARED: frozenset({Gauge.PRIVATE}),
}


_SOMETIMES = slice(Gauge.SHARED, Gauge.SWAP + 1)  # among these are the gauges that may be unknown
_BITS = np.zeros(len(Gauge), np.int64)
_BITS[[Gauge.DESCRIPTORS, Gauge.SWAP, Gauge.SHARED]] = NO_DESCRIPTORS, NO_SWAP, NO_SHARED
_BITS = _BITS[_SOMETIMES]


def shapes(limited: Flags, gauges: Ints) -> Ints:
    """Columns of `gauges` are processes or groups."""
    found: Ints = _BITS @ (gauges[_SOMETIMES] < 0) + limited * NO_IO
    return found


def shapes_of(table: Table, rows: Rows) -> Ints:
    """Of processes, without a look at the gauges that everybody has."""
    found: Ints = _BITS @ (table.gauges[_SOMETIMES].take(rows, axis=1) < 0) + table.limited[rows] * NO_IO
    return found
