"""What one profile says of verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from nrdot.batch import Identity


@dataclass(frozen=True, slots=True)
class Rules:
    """Shares are parts of one."""

    threshold: float
    top_cpu: int
    top_memory: int
    top_io: int
    hold: float  # seconds
    grace: float  # seconds
    cpu_coverage: float = 0.0  # of the CPU of each sample, that the kept ones are to have
    visible: bool = False  # keep every process
    drop: Callable[[Identity, str, float], bool] | None = None  # identity, class and score
