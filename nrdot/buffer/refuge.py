"""Where records wait while the disk cannot be written: in memory, compressed, bounded.

It differs from `MemoryBuffer` in that records come with their numbers and leave with them, for the disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.stages import Priority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.buffer.coding import Parcel

_OVERHEAD = 400  # bytes of Python objects for each record


class Refuge:
    """Parcels by priority; the lowest, and of it the oldest, leaves first when it is full."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self._lanes: dict[Priority, dict[int, Parcel]] = {priority: {} for priority in Priority}

    @property
    def points(self) -> int:
        return sum(parcel.points for lane in self._lanes.values() for parcel in lane.values())

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def __iter__(self) -> Iterator[Parcel]:
        """By priority, and within it by sequence."""
        return (parcel for lane in self._lanes.values() for parcel in lane.values())

    def put(self, parcel: Parcel) -> list[Parcel]:
        """Keep it; what had to leave for that, which may be the newcomer itself."""
        self._lanes[parcel.priority][parcel.sequence] = parcel
        self.used += _cost(parcel)
        dropped = []
        while self.used > self.capacity:
            lane = next(lane for lane in self._lanes.values() if lane)
            oldest = lane[next(iter(lane))]
            self.take(oldest.sequence)
            dropped.append(oldest)
        return dropped

    def empty(self) -> list[Parcel]:
        """All of it, which is then no longer here."""
        parcels = list(self)
        for lane in self._lanes.values():
            lane.clear()
        self.used = 0
        return parcels

    def find(self, sequence: int) -> Parcel | None:
        return next((lane[sequence] for lane in self._lanes.values() if sequence in lane), None)

    def take(self, sequence: int) -> Parcel | None:
        for lane in self._lanes.values():
            parcel = lane.pop(sequence, None)
            if parcel is not None:
                self.used -= _cost(parcel)
                return parcel
        return None


def _cost(parcel: Parcel) -> int:
    return len(parcel.body) + _OVERHEAD
