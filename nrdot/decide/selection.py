"""Choosing rows: the largest consumers, enough of them, and the newly born. Columns in, rows or masks out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nrdot.batch import Flags, Floats, Ints

ROUNDING = 1e-9  # a share of a whole number may come out a little above it


def largest(usage: NDArray[np.int64] | Floats, count: int, kept: Flags) -> Flags:
    """Mark the `count` largest of those that use anything; equals go to who is kept already."""
    chosen = np.zeros(len(usage), np.bool_)
    if count <= 0:
        return chosen
    using = (usage > 0).nonzero()[0]
    if len(using) > count:
        used = usage[using]
        least = np.partition(used, -count)[-count]
        surely, equals = using[used > least], using[used == least]
        chosen[surely] = True
        left = count - len(surely)
        if left < len(equals):
            there = kept[equals]
            equals = np.concatenate((equals[there], equals[~there]))[:left]
        using = equals
    chosen[using] = True
    return chosen


def covering(
    used: Ints, usual: Floats, kept: Flags, share: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The fewest that have `share` of what is used: of the kept, and of the others what those lack.

    Both come largest first, among equals who usually uses more.
    """
    wanted = math.ceil(share * int(used.sum()) - ROUNDING)
    order = np.lexsort((-usual, -used))
    order = order[used[order] > 0]
    mine = kept[order]
    ours, others = order[mine], order[~mine]
    reached = used[ours].cumsum()
    missing = wanted - (int(reached[-1]) if reached.size else 0)
    if missing <= 0:
        return ours[: int(reached.searchsorted(wanted)) + 1], others[:0]
    return ours, others[: int(used[others].cumsum().searchsorted(missing)) + 1]


def newest(age: Floats, grace: Floats | float, eligible: Flags, kept: Flags, count: int) -> Flags:
    """Mark at most `count` young processes: who is kept for it already, then the youngest."""
    young = (eligible & (age < grace)).nonzero()[0]
    if len(young) > count:
        order = np.lexsort((age[young], ~kept[young]))
        young = young[order[:count]]
    chosen = np.zeros(len(age), np.bool_)
    chosen[young] = True
    return chosen


def most_worthy(rank: Ints, kept: Flags, score: Floats) -> NDArray[np.intp]:
    """Order of places for a budget: higher rank first, then who is kept already, then the higher score."""
    return np.lexsort((-score, -(2 * rank + kept)))
