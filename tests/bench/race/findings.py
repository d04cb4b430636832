"""Who can name a culprit from what was exported, and how soon.

Found by name: a series that stands for this process alone shows it (for the storm of short jobs: series that
bear the name of the jobs or of their parent). Found in a group: the sum of a group rises by as much, so that
somebody knows that something is wrong, but not with whom. The delay counts from the culprit's beginning to
the arrival of the first export that shows it.
"""

from __future__ import annotations

import statistics
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tree import KERNEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from culprits import Culprit, Planted
    from exports import Look, Owner

ENOUGH = 0.25  # of the cores that a culprit really used, in a series, to be called shown
GROWN = 64 * 2**20  # bytes of memory more
RECENT = 3  # looks before a culprit that say what is usual
SHORTEST = 0.5  # of an interval: what comes sooner after the look before is counted as if it had come then


def judge(planted: Planted, looks: Sequence[Look], interval: float) -> dict[str, Any]:
    """The first look that names it; failing that, the first in which a group's sum gives it away."""
    before = [look for look in looks if look.at <= planted.begin]
    during = [look for look in looks if planted.begin < look.at <= planted.end + interval]
    if not planted.culprit.waits:
        return _attendance(planted, during)
    usual = _usual(before[-RECENT:], planted.culprit, interval)
    seen = [(look, _above(look, planted, usual, interval)) for look in during]
    for outcome, shows in (("named", _names), ("old name", _bears_old_name)):
        for look, risen in seen:
            if found := [owner for owner in risen if shows(owner, planted)]:
                return _told(outcome, look.at - planted.begin, found[0].name)
    for (look, risen), (_, following) in pairwise(seen):
        # One look alone may be a rush of others in the group.
        if groups := {owner.name for owner in risen if not owner.alone and owner in following}:
            return _told("group", look.at - planted.begin, min(groups))
    return _told("no")


def _told(outcome: str, delay: float | None = None, where: str = "") -> dict[str, Any]:
    return {"outcome": outcome, "delay": delay, "where": where}


def _attendance(planted: Planted, during: Sequence[Look]) -> dict[str, Any]:
    """Of a quiet one: when it is first there, and in what share of the looks that follow."""
    there = [look for look in during if any(_his(owner, planted) for owner in (*look.used, *look.resident))]
    if not there:
        return _told("no")
    left = [look for look in during if there[0].at <= look.at <= planted.end]
    present = sum(look in there for look in left) / max(len(left), 1)
    return {**_told("named", there[0].at - planted.begin, planted.culprit.names[0]), "present": present}


def _above(look: Look, planted: Planted, usual: Mapping[Owner, float], interval: float) -> list[Owner]:
    """Whoever is above what is usual by what the culprit uses."""
    values, culprit = _values(look, planted.culprit, interval), planted.culprit
    enough = GROWN if culprit.leaks else ENOUGH * planted.cores
    if culprit.kind == "storm":
        # A job lives for less than a look, so they count together.
        bearing = [owner for owner in values if owner.name in _cut(culprit.names)]
        if sum(values[owner] for owner in bearing) >= enough:
            return bearing
    return [owner for owner, value in values.items() if value - usual.get(owner, 0.0) >= enough]


def _names(owner: Owner, planted: Planted) -> bool:
    culprit = planted.culprit
    if culprit.kind == "storm":
        return owner.name in _cut(culprit.names)
    return _his(owner, planted) and (culprit.kind != "renamed" or owner.name in _cut(culprit.names))


def _bears_old_name(owner: Owner, planted: Planted) -> bool:
    """One that took a new name, shown under the name that it had."""
    culprit = planted.culprit
    old = owner.pid == planted.pid or (owner.alone and owner.name == culprit.member.name)
    return culprit.kind == "renamed" and old


def _his(owner: Owner, planted: Planted) -> bool:
    culprit = planted.culprit
    if owner.pid:
        return owner.pid == planted.pid
    return owner.alone and not culprit.pooled and owner.name in _cut(culprit.names)


def _usual(recent: Sequence[Look], culprit: Culprit, interval: float) -> dict[Owner, float]:
    seen: dict[Owner, list[float]] = {}
    for look in recent:
        for owner, value in _values(look, culprit, interval).items():
            seen.setdefault(owner, []).append(value)
    return {owner: statistics.median(values) for owner, values in seen.items()}


def _values(look: Look, culprit: Culprit, interval: float) -> dict[Owner, float]:
    """Bytes or cores of everybody: on a busy machine two looks are not always an interval apart."""
    if culprit.leaks:
        return look.resident
    seconds = max(look.elapsed, SHORTEST * interval)
    return {owner: used / seconds for owner, used in look.used.items()}


def _cut(names: Sequence[str]) -> tuple[str, ...]:
    """As the program and as the kernel write them."""
    return (*names, *(name[:KERNEL] for name in names))
