"""Candidates around a profile: thresholds, the number of largest consumers, intervals.

A lattice is tried as a whole, so what it finds is exact within it. `search` tries less of a finer one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import msgspec

from nrdot.simulate.goals import MEASURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.config.schema.profiles import Profile

THRESHOLDS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
TOPS = (0, 5, 10, 20, 40)


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    threshold: float
    top: int  # the largest by CPU, by memory and by I/O, each
    interval: float | None = None  # seconds between exports; the profile's own where None

    @property
    def name(self) -> str:
        every = "" if self.interval is None else f", every {self.interval:g} s"
        return f"threshold {self.threshold:g}, top {self.top}{every}"

    def of(self, profile: Profile) -> Profile:
        """The profile with this candidate's values in place of its own."""
        top_n = msgspec.structs.replace(profile.top_n, cpu=self.top, memory=self.top, io=self.top)
        changed: dict[str, Any] = {"threshold": self.threshold, "top_n": top_n}
        if self.interval is not None:
            changed |= {"export_interval": self.interval, "real_time": False}
        return msgspec.structs.replace(profile, **changed)

    def keys(self) -> dict[str, Any]:
        """As `simulate --json` tells it."""
        found: dict[str, Any] = {"threshold": self.threshold, "top_n": self.top}
        return found if self.interval is None else found | {"interval": self.interval}


def lattice(thresholds: Sequence[float], tops: Sequence[int]) -> list[Candidate]:
    return [Candidate(*values) for values in product(thresholds, tops)]


def pareto(documents: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Those that no other beats: nobody covers as much for less, or more for as much. By rising cost."""
    cost, coverage = MEASURES["cost"].of, MEASURES["coverage"].of
    order = sorted(documents, key=lambda name: (cost(documents[name]), -coverage(documents[name])))
    front: list[str] = []
    best = -1.0
    for name in order:
        if coverage(documents[name]) > best:
            best = coverage(documents[name])
            front.append(name)
    return front
