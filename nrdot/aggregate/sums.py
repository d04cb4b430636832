"""Sums by group, in whole numbers and without a loop over processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Gauge

if TYPE_CHECKING:
    from nrdot.batch import Ints, Rows, Table


def sums_by_slot(values: Ints, slots: Ints, count: int) -> Ints:
    """Columns of `values` added up by slot: as many rows as `values`, `count` columns."""
    sums = np.zeros((len(values), count), np.int64)
    if slots.size:
        order = np.argsort(slots, kind="stable")
        ordered = slots[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        sums[:, ordered[starts]] = np.add.reduceat(values[:, order], starts, axis=1)
    return sums


def gauges_by_slot(table: Table, members: Rows, slots: Ints, count: int) -> tuple[Ints, Ints]:
    """Gauges of groups, and how many members let us read their I/O.

    What no member could tell is unknown (-1), not nothing; a group without members has nothing.
    """
    values = table.gauges[:, members]
    shared = values[Gauge.SHARED]
    values[Gauge.PRIVATE] = np.where(shared >= 0, values[Gauge.RSS] - shared, -1)
    values[Gauge.PROCESSES] = 1
    known = values >= 0
    readable = ~table.limited[members]
    both = sums_by_slot(np.vstack([np.where(known, values, 0), known, readable]), slots, count)
    sums, counted = both[: len(values)], both[len(values) :]
    members_of = sums[Gauge.PROCESSES]
    sums[(counted[:-1] == 0) & (members_of > 0)] = -1
    return sums, counted[-1]
