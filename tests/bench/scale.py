"""How large the bench runs, in one place, so that a smoke run takes seconds and the real one minutes.

Told through the environment, because figure groups take no arguments and measured programs are processes of
their own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

QUICK = "NRDOT_BENCH_QUICK"


@dataclass(frozen=True, slots=True)
class Scale:
    processes: int  # extra ones
    rounds: int  # of each program, side by side
    pause: float  # seconds before each round; with two programs each has twice this as its cadence
    ticks: int  # of whole programs that run at their own interval
    interval: int  # seconds between those ticks
    settle: int  # ticks of one second until descriptors that were kept for a start are let go


FULL = Scale(processes=2_000, rounds=25, pause=0.5, ticks=12, interval=5, settle=35)
SMOKE = Scale(processes=100, rounds=5, pause=0.3, ticks=3, interval=1, settle=4)


def scale() -> Scale:
    return SMOKE if os.environ.get(QUICK) else FULL
