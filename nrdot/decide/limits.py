"""Pods that come near what they may use: the processes to look at before they are throttled or killed.

What a pod uses is the sum over its processes; where its limit is known, all of them are kept once it passes
nine tenths of it. Resident memory counts shared pages again for each process, so a pod of many that share
much seems nearer to its limit than it is: that errs on the side of showing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Gauge

if TYPE_CHECKING:
    from nrdot.batch import Batch, Owner, Rows

NEAR = 0.9  # of the limit
SPARE = 64  # numbers of pods that are gone before all are counted anew


class PodLimits:
    """Which pod each row belongs to, of those whose limits are known."""

    def __init__(self) -> None:
        self._pod = np.zeros(0, np.intp)  # by row; 0 is none
        self._numbers: dict[tuple[str, float, int], int] = {}
        self._cpu = [np.inf]
        self._memory = [np.inf]

    @property
    def known(self) -> int:
        """Pods that a number is kept for."""
        return len(self._numbers)

    def near(self, batch: Batch) -> Rows:
        """Living rows of pods that are near one of their limits."""
        table = batch.table
        if len(self._pod) < table.capacity:
            self._pod = np.pad(self._pod, (0, table.capacity - len(self._pod)))
        for row in batch.named.tolist():
            self._pod[row] = self._number(table.identity[row].owner)
        if not self._numbers:
            return batch.living[:0]
        self._forget(batch.living)
        rows = batch.living[self._pod[batch.living] > 0]
        pods, count = self._pod[rows], len(self._cpu)
        cpu = np.bincount(pods, table.cpu[rows], count) > NEAR * np.array(self._cpu)
        memory = np.bincount(pods, table.gauges[Gauge.RSS, rows], count) > NEAR * np.array(self._memory)
        return rows[(cpu | memory)[pods]]

    def _forget(self, living: Rows) -> None:
        """Pods come and go as long as the agent runs; those that are gone must not be summed for ever."""
        used = np.union1d(self._pod[living], [0])
        if len(self._cpu) <= 2 * len(used) + SPARE:
            return
        fresh = np.zeros_like(self._pod)
        fresh[living] = np.searchsorted(used, self._pod[living])
        numbers = {number: key for key, number in self._numbers.items()}
        self._pod = fresh
        self._numbers = {numbers[old]: new for new, old in enumerate(used.tolist()) if old}
        self._cpu = [self._cpu[old] for old in used.tolist()]
        self._memory = [self._memory[old] for old in used.tolist()]

    def _number(self, owner: Owner) -> int:
        if not (owner.cpu_limit or owner.memory_limit):
            return 0
        key = (owner.pod_uid, owner.cpu_limit, owner.memory_limit)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._cpu)
            self._cpu.append(owner.cpu_limit or np.inf)
            self._memory.append(owner.memory_limit or np.inf)
        return number
