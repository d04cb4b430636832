"""The segments of one priority, oldest first; the last may be open for writing.

A lane for each priority is what makes eviction an unlink: no segment holds anything that matters more than
the rest of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nrdot.buffer.segment import HEAD_SIZE
from nrdot.buffer.spans import Spans
from nrdot.stages import Priority

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nrdot.buffer.encryption import Cipher
    from nrdot.buffer.index import Index, Survey
    from nrdot.buffer.segment import Head, Header, Seal
    from nrdot.buffer.writer import Writer


class Loss(NamedTuple):
    """Records that were written and can no longer be read."""

    spans: list[tuple[int, int]]
    records: int
    points: int
    stored: int
    vanished: bool = False  # with their whole file


class Segment:
    """What the buffer knows of one file of records without reading it."""

    def __init__(self, path: Path, header: Header, size: int) -> None:
        self.path = path
        self.header = header
        self.size = size  # of the file
        self.records = 0  # ever written to it
        self.points = 0
        self.stored = 0  # bytes of frames
        self.last_sequence = max(header.first_sequence - 1, 0)
        self.oldest_ns = 0
        self.put_ns = header.created_ns  # of the last put, on a clock that does not jump
        self.pending_records = 0
        self.pending_points = 0
        self.pending_stored = 0
        self.settled = Spans()  # ordinals of the records that have left
        self.index: Index | None = None
        self.descriptor: int | None = None  # open for reading
        self.finished = False  # with a seal: nothing more comes; synced before that wherever syncs are wanted
        self.retry_at = 0.0  # not read before: the file system failed

    def take(self, known: Survey | Seal) -> None:
        """Totals from a seal or from reading it all. Everything counts as pending."""
        self.records = self.pending_records = known.records
        self.points = self.pending_points = known.points
        self.stored = self.pending_stored = known.stored
        self.last_sequence = known.last_sequence
        self.oldest_ns = known.oldest_ns
        self.put_ns = known.put_ns

    def include(self, offset: int, head: Head, now_ns: int) -> None:
        """One record more, just written."""
        if self.index is not None:
            self.index.add(offset, head)
        size = HEAD_SIZE + head.stored
        self.size = offset + size
        if not self.records:
            self.oldest_ns = head.time_ns
        self.oldest_ns = min(self.oldest_ns, head.time_ns)
        self.records += 1
        self.points += head.points
        self.stored += size
        self.last_sequence = head.sequence
        self.put_ns = now_ns
        self.pending_records += 1
        self.pending_points += head.points
        self.pending_stored += size

    def settle(self, spans: Iterable[tuple[int, int]], records: int, points: int, stored: int) -> None:
        """Records left; none of them had left before."""
        for start, stop in spans:
            self.settled.add(start, stop)
        self.pending_records -= records
        self.pending_points -= points
        self.pending_stored -= stored

    def check(self) -> Loss | None:
        """Compare what the index found with what should wait; the difference, if any, is lost."""
        if self.index is None:
            return None
        readable = list(self.index.pending(self.settled))
        records = self.pending_records - len(readable)
        points = self.pending_points - sum(self.index.points[at] for at in readable)
        stored = self.pending_stored - sum(self.index.sizes[at] for at in readable)
        if records > 0:
            missing = [
                part
                for start, stop in self.index.missing(self.records)
                for part in self.settled.without(start, stop)
            ]
            return Loss(missing, records, max(points, 0), stored)
        # More than should be there: records that left, and whose leaving was written, but that left again
        # to another segment. They wait here no longer and there still.
        self.pending_records -= records
        self.pending_points -= points
        self.pending_stored -= stored
        return None

    def vanish(self) -> Loss:
        """The file is gone."""
        waiting = list(self.settled.without(0, self.records))
        return Loss(waiting, self.pending_records, self.pending_points, self.pending_stored, vanished=True)

    def oldest_pending_ns(self) -> int:
        """Exact where the index is known, else the oldest record that the segment ever held."""
        if self.index is not None:
            for position in self.index.pending(self.settled):
                return self.index.times[position]
        return self.oldest_ns


class Lane:
    """Segments of one priority."""

    def __init__(self, priority: Priority) -> None:
        self.priority = priority
        self.segments: list[Segment] = []
        self.writer: Writer | None = None
        self.cipher: Cipher | None = None  # what the writer's segment is encrypted with
        self.points_put = 0  # into segments, since the buffer was created

    @property
    def active(self) -> Segment | None:
        return self.segments[-1] if self.writer is not None else None

    @property
    def pending_records(self) -> int:
        return sum(segment.pending_records for segment in self.segments)

    def oldest_pending(self) -> Segment | None:
        return next((segment for segment in self.segments if segment.pending_records), None)


def segment_name(priority: int, first_sequence: int) -> str:
    return f"{Priority(priority).name.lower()}-{first_sequence:020}.segment"
