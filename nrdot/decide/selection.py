"""Choosing rows: the largest consumers and the newly born. Columns in, row masks out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nrdot.batch import Flags, Floats, Ints


def largest(usage: NDArray[np.int64] | Floats, count: int, kept: Flags) -> Flags:
    """Mark the `count` largest of those that use anything; equals go to who is kept already."""
    chosen = np.zeros(len(usage), np.bool_)
    if count <= 0:
        return chosen
    using = np.flatnonzero(usage > 0)
    if len(using) > count:
        used = usage[using]
        least = np.partition(used, -count)[-count]
        surely, equals = using[used > least], using[used == least]
        chosen[surely] = True
        order = np.argsort(~kept[equals], kind="stable")
        using = equals[order[: count - len(surely)]]
    chosen[using] = True
    return chosen


def newest(age: Floats, grace: NDArray[np.float64], eligible: Flags, kept: Flags, count: int) -> Flags:
    """Mark at most `count` young processes: who is kept for it already, then the youngest."""
    young = np.flatnonzero(eligible & (age < grace))
    if len(young) > count:
        order = np.lexsort((age[young], ~kept[young]))
        young = young[order[:count]]
    chosen = np.zeros(len(age), np.bool_)
    chosen[young] = True
    return chosen


def most_worthy(rank: Ints, kept: Flags, score: Floats) -> NDArray[np.intp]:
    """Order of places for a budget: higher rank first, then who is kept already, then the higher score."""
    return np.lexsort((-score, -(2 * rank + kept)))
