"""The sweep: whose turn it is to be read although the gate says that it sleeps.

Each row has its own moment within the sweep's time, spread evenly by the golden ratio for whatever rows are
in use. It is read at the first sample past that moment, so at no sample is what we know of it older than the
sweep's time (or than the sample before, where samples are farther apart), come and go who may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nrdot.batch import Flags, Floats

SWEEP_SECONDS = 60.0
WORDS_EVERY = 5  # sweeps between two looks at words that can change without a change of name
_GOLDEN = (5**0.5 - 1) / 2


class Sweep:
    """Knows of every row whether its moment has passed since the sample before."""

    def __init__(self) -> None:
        self.wrapped = True  # a sweep's time has passed since this was last so; true at the first sample
        self._moments: Floats = np.zeros(0)
        self._turns: Floats = np.zeros(0)  # how many times its moment has passed, by row
        self._sweeps = np.zeros(0, np.int64)  # how many times it was swept, by row
        self._round = 0.0

    def begin(self, now: float, alive: Flags) -> set[int]:
        """Rows to read at this sample. `now` is monotonic; the first call names nobody."""
        first = not len(self._turns)
        if len(alive) > len(self._turns):
            self._fit(now, len(alive))
        turns = self._turns_at(now)
        due = np.flatnonzero(alive & (turns != self._turns))
        self._turns = turns
        self._sweeps[due] += 1
        self.wrapped = first or now // SWEEP_SECONDS != self._round
        self._round = now // SWEEP_SECONDS
        return set(due.tolist())

    def words_due(self, row: int) -> bool:
        """For a row that is swept now: whether its words have their turn as well."""
        return bool(self._sweeps[row] % WORDS_EVERY == 0)

    def _fit(self, now: float, capacity: int) -> None:
        """New rows had nobody in them until now, so their moment has not passed."""
        old = len(self._turns)
        self._moments = np.arange(capacity, dtype=np.float64) * _GOLDEN % 1.0 * SWEEP_SECONDS
        self._sweeps = np.concatenate([self._sweeps, np.arange(old, capacity)])
        self._turns = np.concatenate([self._turns, self._turns_at(now)[old:]])

    def _turns_at(self, now: float) -> Floats:
        turns: Floats = (now - self._moments) // SWEEP_SECONDS
        return turns
