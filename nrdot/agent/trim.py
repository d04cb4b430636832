"""Memory that nobody uses, back to the system.

When the table grows, the columns of every stage move to larger places, and a start makes and drops as much
again. The C library keeps what was freed for later. Later never comes: a host that has grown stays about as
large. So once a growth has settled, what is free is given back, and what lives is set apart for good, where
the collector of garbage need not look through it again and again.
"""

from __future__ import annotations

import ctypes
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from nrdot.pipeline import Tick

SETTLED = 3  # ticks without another growth


class Trim:
    """A watcher of the daemon's ticks; calls `give_back` once for each growth of the table."""

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


def give_back() -> None:
    gc.collect()
    gc.freeze()
    # glibc has it; other C libraries return memory by themselves, or never.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
