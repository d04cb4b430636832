"""Memory that nobody uses, back to the system.

When the table grows, the columns of every stage move to larger places, and a start makes and drops as much
again. The C library keeps what was freed for later. Later never comes: a host that has grown stays about as
large. So once a growth has settled, what is free is given back, and what lives is set apart for good, where
the collector of garbage need not look through it again and again.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from nrdot.pipeline import Tick

SETTLED = 3  # ticks without another growth
SPARE = 1 << 20  # bytes
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h


class Trim:
    """A watcher of the daemon's ticks; calls `give_back` once for each growth of the table.

    One for each set of parts: a new configuration leaves the one before as garbage, and counts as a growth.
    """

    def __init__(self, give_back: Callable[[], object]) -> None:
        self._give_back = give_back
        self._capacity = 0
        self._still = 0  # ticks since the last growth

    def __call__(self, tick: Tick) -> None:
        capacity = tick.batch.table.capacity
        self._still = 0 if capacity != self._capacity else self._still + 1
        self._capacity = capacity
        if self._still == SETTLED:
            self._give_back()


def keep_little() -> None:
    """Call before much is allocated: free memory at the end of the heap goes back from `SPARE` bytes on.

    glibc would let that limit grow with the largest block that it has seen, which is a request of megabytes.
    """
    for parameter in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
        _call("mallopt", parameter, SPARE)


def give_back() -> None:
    gc.unfreeze()  # what a reload has replaced since the last time is garbage by now
    gc.collect()
    gc.freeze()
    _call("malloc_trim", 0)


def _call(name: str, *numbers: int) -> None:
    """A function of glibc; other C libraries return memory by themselves, or never."""
    if sys.platform == "linux" and (function := getattr(ctypes.CDLL(None), name, None)) is not None:
        function(*numbers)
