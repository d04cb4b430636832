"""The books of a buffer, kept in step with its progress log.

Whatever leaves is first in memory, then in the log; a segment is unlinked only after the log that says why
is on the device. So a crash between any two steps repeats records and loses none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.buffer.books import Entry, Leaving, Snapshot
from nrdot.buffer.recovery import settle_loss
from nrdot.stages import BufferStatistics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nrdot.buffer.gap import Gap
    from nrdot.buffer.lane import Loss, Segment
    from nrdot.buffer.progress import ProgressLog
    from nrdot.buffer.recovery import Recovered
    from nrdot.buffer.refuge import Refuge
    from nrdot.buffer.store import Store


class Accounts:
    """Sums, gaps and the log. A log that failed is left alone, with `failure` set, until `begin` mends it."""

    def __init__(self, found: Recovered, store: Store, refuge: Refuge, log: ProgressLog) -> None:
        self.books = found.books
        self.gaps = found.gaps
        self.next_sequence = found.next_sequence
        self.failure: OSError | None = None
        self._store = store
        self._refuge = refuge
        self._log = log

    def delivered(self, leaving: Iterable[Leaving], points: int, rejected: int) -> None:
        self.books.delivered += points - rejected
        self.books.rejected += rejected
        self._enter(leaving)

    def rejected(self, leaving: Iterable[Leaving], points: int) -> None:
        self.books.rejected += points
        self._enter(leaving)

    def dropped(self, leaving: Iterable[Leaving], gap: Gap) -> None:
        self.books.drop(gap.reason, gap.points)
        self.gaps.add(gap)
        self._enter(leaving, gap)

    def lost(self, segment: Segment, loss: Loss) -> None:
        """Records that cannot be read any more."""
        gap = settle_loss(segment, loss, self.books, self.gaps)
        leaving = Leaving(segment.header.identity, loss.spans, loss.records, loss.points, loss.stored)
        self._enter([leaving], gap)

    def told(self) -> None:
        """Every gap so far is a record now."""
        self.gaps.clear()
        self._enter((), told=True)

    def statistics(self, alarm: str) -> BufferStatistics:
        """Of what is known without reading."""
        lanes = self._store.lanes.values()
        segments = [segment for lane in lanes for segment in lane.segments]
        oldest = [segment.oldest_pending_ns() for lane in lanes if (segment := lane.oldest_pending())]
        oldest += [parcel.time_ns for parcel in self._refuge]
        return BufferStatistics(
            records=sum(segment.pending_records for segment in segments) + len(self._refuge),
            bytes=sum(segment.pending_stored for segment in segments) + self._refuge.used,
            oldest_ns=min(oldest, default=None),
            segments=len(segments),
            produced=self.books.produced,
            delivered=self.books.delivered,
            rejected=self.books.rejected,
            dropped=dict(self.books.dropped),
            alarm=alarm,
        )

    def begin(self) -> None:
        """Write all of it to a new file of the log. Raises OSError."""
        try:
            self._log.begin(self.snapshot())
        except OSError as error:
            self.failure = error
            raise
        self.failure = None

    def sync(self) -> None:
        """Raises OSError."""
        try:
            self._log.sync()
        except OSError as error:
            self.failure = error
            raise

    def remove_finished(self, *, active: bool = False) -> int:
        """Unlink what nobody needs any more; how many. Raises OSError."""
        finished = self._store.finished(active=active)
        if finished:
            self.sync()
        for segment in finished:
            self._store.remove(segment)
        self._store.remove_leftovers()
        return len(finished)

    def snapshot(self) -> Snapshot:
        segments = [
            Leaving(
                segment.header.identity,
                list(segment.settled),
                segment.records - segment.pending_records,
                segment.points - segment.pending_points,
                segment.stored - segment.pending_stored,
            )
            for lane in self._store.lanes.values()
            for segment in lane.segments
            if segment.settled
        ]
        put = self._count_unwritten()
        return Snapshot(self.books, segments, list(self.gaps), put, self.next_sequence)

    def _count_unwritten(self) -> list[int]:
        put = [lane.points_put for lane in self._store.lanes.values()]
        self.books.unwritten = self.books.produced - sum(put) - self._refuge.points
        return put

    def _enter(self, leaving: Iterable[Leaving], gap: Gap | None = None, *, told: bool = False) -> None:
        if self.failure is not None:
            return
        try:
            if self._log.wants_to_begin:
                self.begin()
            else:
                self._count_unwritten()
                self._log.append(Entry(self.books, list(leaving), gap, told))
        except OSError as error:
            self.failure = error


def settle(segment: Segment, spans: list[tuple[int, int]], records: int, points: int, stored: int) -> Leaving:
    """Records leave a segment; what the log will say of it."""
    segment.settle(spans, records, points, stored)
    return Leaving(segment.header.identity, spans, records, points, stored)


def settle_all(segment: Segment) -> Leaving:
    """Everything that still waits in a segment leaves."""
    spans = list(segment.settled.without(0, segment.records))
    waiting = segment.pending_records, segment.pending_points, segment.pending_stored
    return settle(segment, spans, *waiting)
