"""Records that leave, looked up by their numbers and gathered by priority."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nrdot.buffer.accounts import settle
from nrdot.buffer.gap import Gap
from nrdot.buffer.reader import Place
from nrdot.buffer.spans import Spans
from nrdot.stages import Priority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.buffer.books import Leaving
    from nrdot.buffer.lane import Segment
    from nrdot.buffer.reader import Reader
    from nrdot.buffer.refuge import Refuge


@dataclass(slots=True)
class Departure:
    """Those of one priority that leave together."""

    priority: Priority
    leaving: list[Leaving] = field(default_factory=list)
    points: int = 0
    sequences: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def add(self, sequence: int, points: int, time_ns: int) -> None:
        self.sequences.append(sequence)
        self.points += points
        self.times.append(time_ns)

    def gap(self, reason: str) -> Gap:
        """What is missing once they have left for this reason."""
        return Gap(
            reason,
            self.priority,
            len(self.sequences),
            self.points,
            self.sequences[0],
            self.sequences[-1],
            min(self.times),
            max(self.times),
        )


def depart(sequences: Sequence[int], reader: Reader, refuge: Refuge) -> list[Departure]:
    """Take records out. Numbers that wait no more, because of an eviction meanwhile, are passed over."""
    departures = {priority: Departure(priority) for priority in Priority}
    by_segment: dict[Segment, list[Place]] = {}
    for sequence in sorted(set(sequences)):
        item = refuge.take(sequence) or reader.locate(sequence)
        if item is None:
            continue
        if isinstance(item, Place):
            priority = Priority(item.segment.header.priority)
            by_segment.setdefault(item.segment, []).append(item)
        else:
            priority = item.priority
        departures[priority].add(sequence, item.points, item.time_ns)
    for segment, places in by_segment.items():
        spans = list(Spans((place.ordinal, place.ordinal + 1) for place in places))
        points = sum(place.points for place in places)
        leaving = settle(segment, spans, len(places), points, sum(place.size for place in places))
        departures[Priority(segment.header.priority)].leaving.append(leaving)
    return [departure for departure in departures.values() if departure.sequences]
