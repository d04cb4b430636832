"""What a segment holds, known from reading it once. Pure.

An index exists only for the few segments that are being written or read: about 40 bytes a record.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.buffer.segment import HEAD_SIZE, Damage, Head, Header, Kind, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nrdot.buffer.spans import Spans


class Index:
    """The readable records of one segment, in order of sequence."""

    def __init__(self) -> None:
        self.sequences = array("Q")
        self.offsets = array("Q")
        self.sizes = array("I")  # of the frame
        self.raw = array("I")
        self.points = array("I")
        self.times = array("q")
        self.ordinals = array("I")

    def __len__(self) -> int:
        return len(self.sequences)

    def add(self, offset: int, head: Head) -> None:
        self.sequences.append(head.sequence)
        self.offsets.append(offset)
        self.sizes.append(HEAD_SIZE + head.stored)
        self.raw.append(head.raw)
        self.points.append(head.points)
        self.times.append(head.time_ns)
        self.ordinals.append(head.ordinal)

    def cut(self, length: int) -> None:
        """Forget all but the first `length` records."""
        for column in (
            self.sequences,
            self.offsets,
            self.sizes,
            self.raw,
            self.points,
            self.times,
            self.ordinals,
        ):
            del column[length:]

    def find(self, sequence: int) -> int | None:
        at = bisect_left(self.sequences, sequence)
        return at if at < len(self) and self.sequences[at] == sequence else None

    def missing(self, records: int) -> Iterator[tuple[int, int]]:
        """Ordinals below `records` that are not here."""
        expected = 0
        for ordinal in self.ordinals:
            if ordinal > expected:
                yield expected, ordinal
            expected = ordinal + 1
        if expected < records:
            yield expected, records

    def pending(self, settled: Spans, *, newest_first: bool = False) -> Iterator[int]:
        """Positions of the records that have not left."""
        runs = list(settled.without(0, self.ordinals[-1] + 1)) if len(self) else []
        for start, stop in reversed(runs) if newest_first else runs:
            positions = range(bisect_left(self.ordinals, start), bisect_left(self.ordinals, stop))
            yield from reversed(positions) if newest_first else positions


@dataclass(slots=True)
class Survey:
    """One segment, read from its first frame to its last."""

    index: Index
    records: int = 0  # ever written, lost ones included
    points: int = 0
    stored: int = 0
    last_sequence: int = 0
    oldest_ns: int = 0
    put_ns: int = 0


def survey(read: Callable[[int, int], bytes], size: int, header: Header, below: int | None = None) -> Survey:
    """Read a whole segment.

    Records with the sequence `below` or a later one are left out: they were written again to the next segment
    of their priority after this one failed.
    """
    found = Survey(Index(), last_sequence=max(header.first_sequence - 1, 0), put_ns=header.created_ns)
    end = header.points_before
    for item in scan(read, size, header.seed):
        head = item.head
        if head is None or head.kind != Kind.DATA or (below is not None and head.sequence >= below):
            continue
        found.records = head.ordinal + 1
        end = head.points_before + head.points
        found.last_sequence = head.sequence
        found.oldest_ns = min(found.oldest_ns, head.time_ns) if found.stored else head.time_ns
        found.put_ns = max(found.put_ns, head.time_ns)
        found.stored += head.frame_size
        if not isinstance(item, Damage):
            found.index.add(item.offset, head)
    found.points = end - header.points_before
    return found
