"""Records out of segments, in order of sequence, with few files open and few indexes in memory."""

from __future__ import annotations

import heapq
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from nrdot.buffer.index import survey
from nrdot.buffer.segment import parse_frame
from nrdot.stages import Priority, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.buffer.coding import Coder
    from nrdot.buffer.files import Files
    from nrdot.buffer.index import Index
    from nrdot.buffer.lane import Lane, Loss, Segment
    from nrdot.buffer.store import Store
    from nrdot.clock import Clock

# Twice what the lanes need at once, so that walking on does not close what was just opened.
_OPEN_SEGMENTS = 2 * len(Priority)


class Place(NamedTuple):
    """Where a record lies."""

    sequence: int
    segment: Segment
    ordinal: int
    offset: int
    size: int
    raw: int
    points: int
    time_ns: int


class Reader:
    """Reads what the store holds. A segment that the file system refuses is left alone for a while."""

    def __init__(self, files: Files, store: Store, coder: Coder, clock: Clock, retry_seconds: float) -> None:
        self.losses: dict[Segment, Loss] = {}  # found and not yet in the books
        self._files = files
        self._store = store
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._coder = coder
        self._open: dict[Segment, None] = {}  # the latest use last

    def pending(self, *, newest_first: bool = False) -> Iterator[Place]:
        """Every record that waits and whose key is there."""
        lanes = [self._lane(lane, newest_first) for lane in self._store.lanes.values()]
        return heapq.merge(*lanes, key=attrgetter("sequence"), reverse=newest_first)

    def _lane(self, lane: Lane, newest_first: bool) -> Iterator[Place]:
        for segment in reversed(lane.segments.copy()) if newest_first else lane.segments.copy():
            if segment.pending_records and not self._store.held(segment):
                yield from self.places(segment, newest_first=newest_first)

    def places(self, segment: Segment, *, newest_first: bool = False) -> Iterator[Place]:
        """What waits in one segment, whether it can be opened or not."""
        index = self.load(segment)
        if index is not None:
            for position in index.pending(segment.settled, newest_first=newest_first):
                yield _place(segment, index, position)

    def locate(self, sequence: int) -> Place | None:
        """A record that waits, by its number."""
        for lane in self._store.lanes.values():
            for segment in reversed(lane.segments):
                if segment.header.first_sequence > sequence:
                    continue
                if sequence <= segment.last_sequence and (place := self._find(segment, sequence)):
                    return place
                break
        return None

    def _find(self, segment: Segment, sequence: int) -> Place | None:
        index = self.load(segment)
        if index is None:
            return None
        position = index.find(sequence)
        if position is None or index.ordinals[position] in segment.settled:
            return None
        return _place(segment, index, position)

    def read(self, place: Place) -> Record | None:
        """The record, or None where its bytes are not those that were written. Raises OSError."""
        segment = place.segment
        data = self._files.read(self._descriptor(segment), place.offset, place.size)
        frame = parse_frame(data, segment.header.seed)
        if frame is None:
            return None
        head, body = frame
        payload = self._coder.open(head, body, self._store.cipher(segment.header))
        if payload is None or head.sequence != place.sequence:
            return None
        return Record(payload, head.points, head.time_ns, Priority(head.priority))

    def load(self, segment: Segment) -> Index | None:
        """The segment's index; None where it cannot be read now. Notes what it misses as a loss."""
        if segment.index is not None:
            return segment.index
        if self._clock.monotonic() < segment.retry_at:
            return None
        try:
            descriptor = self._descriptor(segment)
            size = self._files.size(descriptor)
            found = survey(lambda at, count: self._files.read(descriptor, at, count), size, segment.header)
        except FileNotFoundError:
            self.losses[segment] = segment.vanish()
            return None
        except OSError:
            self.refuse(segment)
            return None
        index = found.index
        while index.ordinals and index.ordinals[-1] >= segment.records:
            index.cut(len(index) - 1)  # written, but never kept: its sync failed
        segment.index = index
        loss = segment.check()
        if loss is not None:
            self.losses[segment] = loss
        return index

    def refuse(self, segment: Segment) -> None:
        """The file system would not read it; what it holds waits."""
        segment.retry_at = self._clock.monotonic() + self._retry_seconds
        self.release(segment)

    def release(self, segment: Segment) -> None:
        """Close the file and forget the index, unless it is being written."""
        self._open.pop(segment, None)
        self._store.close_reading(segment)
        if not self._is_active(segment):
            segment.index = None

    def _descriptor(self, segment: Segment) -> int:
        if self._is_active(segment):
            writer = self._store.lanes[Priority(segment.header.priority)].writer
            assert writer is not None  # noqa: S101, that is what active means
            return writer.descriptor
        if segment.descriptor is None:
            segment.descriptor = self._files.open(segment.path)
        self._open.pop(segment, None)
        self._open[segment] = None
        while len(self._open) > _OPEN_SEGMENTS:
            self.release(next(iter(self._open)))
        return segment.descriptor

    def _is_active(self, segment: Segment) -> bool:
        return segment is self._store.lanes[Priority(segment.header.priority)].active


def _place(segment: Segment, index: Index, position: int) -> Place:
    return Place(
        index.sequences[position],
        segment,
        index.ordinals[position],
        index.offsets[position],
        index.sizes[position],
        index.raw[position],
        index.points[position],
        index.times[position],
    )
