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
        order = slots.argsort(kind="stable")
        ordered = slots[order]
        begins = np.empty(len(slots), np.bool_)
        begins[0] = True
        np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
        starts = begins.nonzero()[0]
        sums[:, ordered[starts]] = np.add.reduceat(values.take(order, axis=1), starts, axis=1)
    return sums


def gauges_by_slot(table: Table, members: Rows, slots: Ints, count: int) -> tuple[Ints, Ints]:
    """Gauges of groups, and how many members let us read their I/O.

    What no member could tell is unknown (-1), not nothing; a group without members has nothing.
    """
    both = np.empty((2 * len(Gauge) + 1, len(members)), np.int64)
    values, known = both[: len(Gauge)], both[len(Gauge) : -1]
    values[: Gauge.PRIVATE] = table.gauges.take(members, axis=1)
    shared = values[Gauge.SHARED]
    np.subtract(values[Gauge.RSS], shared, out=values[Gauge.PRIVATE])
    values[Gauge.PRIVATE, shared < 0] = -1
    values[Gauge.PROCESSES] = 1
    np.greater_equal(values, 0, out=known)
    values *= known
    np.logical_not(table.limited[members], out=both[-1])
    added = sums_by_slot(both, slots, count)
    sums, counted = added[: len(Gauge)], added[len(Gauge) :]
    sums[(counted[:-1] == 0) & (sums[Gauge.PROCESSES] > 0)] = -1
    return sums, counted[-1]
