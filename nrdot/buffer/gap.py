"""A gap: records that were dropped, for one reason, at one priority. It is told to whoever reads the data.

Two things reach the backend. The agent's own counter `nrdot.dropped` {reason} carries the totals, which
survive restarts. And each gap becomes a record of its own once the endpoint takes data again: the gauge
`nrdot.gap.points` {reason, priority}, whose start and end times are those of the oldest and the newest point
that is missing, so that a hole in a chart has its explanation beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot import otlp
from nrdot.stages import Priority, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FULL = "full"  # the buffer's own bounds
DISK_FULL = "disk_full"  # no space left on the device
MEMORY_FULL = "memory_full"  # while the disk could not be written
TOO_LARGE = "too_large"  # a single record beyond the limit
EXPIRED = "expired"  # waited longer than the buffer's age limit
CORRUPT = "corrupt"  # the bytes on disk are not those that were written
UNACCOUNTED = "unaccounted"  # gone from the directory without an entry that says why
CLOSED = "closed"  # put after close
TOO_OLD = "too_old"  # older than the destination takes; only the drain knows


@dataclass(frozen=True, slots=True)
class Gap:
    """What is missing. Times are those of the records, sequences those of the first and the last."""

    reason: str
    priority: int
    records: int
    points: int
    first_sequence: int
    last_sequence: int
    oldest_ns: int
    newest_ns: int

    def joined(self, other: Gap) -> Gap:
        """Both as one."""
        return Gap(
            self.reason,
            self.priority,
            self.records + other.records,
            self.points + other.points,
            min(self.first_sequence, other.first_sequence),
            max(self.last_sequence, other.last_sequence),
            min(self.oldest_ns, other.oldest_ns),
            max(self.newest_ns, other.newest_ns),
        )


class Gaps:
    """Gaps that nobody was told of yet, joined by reason and priority, so that they stay few."""

    def __init__(self, gaps: Iterable[Gap] = ()) -> None:
        self._open: dict[tuple[str, int], Gap] = {}
        for gap in gaps:
            self.add(gap)

    def __iter__(self) -> Iterator[Gap]:
        return iter(tuple(self._open.values()))

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, gap: Gap) -> None:
        key = (gap.reason, gap.priority)
        known = self._open.get(key)
        self._open[key] = known.joined(gap) if known else gap

    def clear(self) -> None:
        self._open.clear()


def gap_record(gap: Gap, resource: Mapping[str, str], now_ns: int) -> Record:
    """The gap as OTLP, under the resource that the missing records belong to.

    `now_ns` stands in where nobody knows when the missing records were made, and at the end of a gap that the
    destination would find too old as well.
    """
    known = 0 < gap.oldest_ns <= gap.newest_ns
    time_ns = gap.newest_ns if known else now_ns
    if gap.reason == TOO_OLD:
        time_ns = max(time_ns, now_ns)
    why = {"reason": gap.reason, "priority": Priority(gap.priority).name.lower()}
    point = otlp.point(
        gap.oldest_ns if known else now_ns,
        time_ns,
        otlp.integer(gap.points),
        [otlp.attribute(key, word) for key, word in why.items()],
    )
    metric = otlp.metric(
        "nrdot.gap.points",
        "{point}",
        "Points dropped before they were sent, between start and time",
        otlp.gauge([point]),
    )
    payload = otlp.request(otlp.resource(resource), [otlp.scope("nrdot", "", [metric])])
    return Record(payload, 1, time_ns, Priority.CRITICAL)
