"""What a process or a group may lack, as bits: it decides which points can be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Counter, Gauge

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


def shapes(limited: Flags, gauges: Ints) -> NDArray[np.uint8]:
    """Columns of `gauges` are processes or groups."""
    return _shapes(limited, gauges[Gauge.DESCRIPTORS], gauges[Gauge.SWAP], gauges[Gauge.SHARED])


def shapes_of(table: Table, rows: Rows) -> NDArray[np.uint8]:
    """Of processes, without a look at the gauges that everybody has."""
    gauges = table.gauges
    return _shapes(
        table.limited[rows],
        gauges[Gauge.DESCRIPTORS][rows],
        gauges[Gauge.SWAP][rows],
        gauges[Gauge.SHARED][rows],
    )


def _shapes(limited: Flags, descriptors: Ints, swap: Ints, shared: Ints) -> NDArray[np.uint8]:
    found: NDArray[np.uint8] = limited.astype(np.uint8)
    for values, bit in ((descriptors, NO_DESCRIPTORS), (swap, NO_SWAP), (shared, NO_SHARED)):
        found |= (values < 0).view(np.uint8) * np.uint8(bit)
    return found
