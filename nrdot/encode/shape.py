"""What a process or a group may lack, as bits: it decides which points can be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Counter, Gauge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nrdot.batch import Ints

NO_IO, NO_DESCRIPTORS, NO_SWAP, NO_SHARED = 1, 2, 4, 8
SHAPES = 16
# The columns that then cannot be sent.
MISSING: dict[int, frozenset[Counter | Gauge]] = {
    NO_IO: frozenset({Counter.READ, Counter.WRITTEN}),
    NO_DESCRIPTORS: frozenset({Gauge.DESCRIPTORS}),
    NO_SWAP: frozenset({Gauge.SWAP}),
    NO_SHARED: frozenset({Gauge.PRIVATE}),
}


def shapes(limited: NDArray[np.bool_], gauges: Ints) -> NDArray[np.uint8]:
    """Columns of `gauges` are processes or groups."""
    found: NDArray[np.uint8] = (
        limited * np.uint8(NO_IO)
        | (gauges[Gauge.DESCRIPTORS] < 0) * np.uint8(NO_DESCRIPTORS)
        | (gauges[Gauge.SWAP] < 0) * np.uint8(NO_SWAP)
        | (gauges[Gauge.SHARED] < 0) * np.uint8(NO_SHARED)
    )
    return found
