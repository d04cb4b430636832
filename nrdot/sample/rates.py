"""How fast a process uses CPU and storage, over the last sample interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Counter

if TYPE_CHECKING:
    from nrdot.batch import Table


def update_rates(table: Table, seconds: float, hz: int) -> None:
    """Rewrite `cpu` and `io` from what the counters grew since the sample before.

    A counter of the kernel may step back a little (CPU scaling between user and system): that is no rate.
    """
    if seconds <= 0:
        table.cpu[:] = 0.0
        table.io[:] = 0.0
        return
    grown = table.counters[: Counter.WRITTEN + 1] - table.previous[: Counter.WRITTEN + 1]
    cpu = grown[Counter.CPU_USER] + grown[Counter.CPU_SYSTEM]
    io = grown[Counter.READ] + grown[Counter.WRITTEN]
    cpu[cpu < 0] = 0
    io[io < 0] = 0
    np.multiply(cpu, table.alive / (hz * seconds), out=table.cpu)
    np.multiply(io, table.alive / seconds, out=table.io)
