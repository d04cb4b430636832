"""What the policy remembers of each row of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.decide.budget import ACTIVE_SECONDS

if TYPE_CHECKING:
    from nrdot.batch import Flags, Floats, Ints, Rows, Table


class Columns:
    """Times are in seconds of sampling."""

    def __init__(self, capacity: int) -> None:
        self.scope: Ints = np.zeros(capacity, np.int64)
        self.until: Floats = np.full(capacity, -np.inf)  # end of the hold
        self.left: Floats = np.full(capacity, -np.inf)  # when it lost its series while it lived
        self.waiting: Floats = np.full(capacity, np.inf)  # since when it waits for the place of a lesser one
        self.last_reason = np.zeros(capacity, np.uint8)  # the last one that was not HOLD
        self.anomalous: Flags = np.zeros(capacity, np.bool_)
        self.near_limit: Flags = np.zeros(capacity, np.bool_)
        self.would_keep: Flags = np.zeros(capacity, np.bool_)  # the verdict behind `mode: observe`
        self.pod_born_ns: Ints = np.zeros(capacity, np.int64)  # Unix time of the pod's creation; 0 is none
        self.needs: Ints = np.zeros(capacity, np.int64)  # budget that would have kept it at the last export

    def begin(self, rows: Rows) -> None:
        """Rows were born."""
        self.until[rows] = -np.inf
        self.left[rows] = -np.inf
        self.waiting[rows] = np.inf
        self.would_keep[rows] = False

    def active(self, table: Table, rows: Rows, now: float) -> Flags:
        """Whose series a vendor bills anyway: who has them, or had them within the 20 minutes."""
        flags: Flags = table.series[rows] | (now - self.left[rows] <= ACTIVE_SECONDS)
        return flags

    def fit(self, capacity: int) -> None:
        if len(self.until) >= capacity:
            return
        for name, column in vars(self).items():
            setattr(self, name, np.pad(column, (0, capacity - len(column))))
