"""What the progress log says: who left, and the sums. JSON, so that a second reader is easy to write."""

import msgspec

from nrdot.buffer.gap import Gap


class Books(msgspec.Struct):
    """Points since the buffer was created: produced = delivered + rejected + dropped + what waits."""

    produced: int = 0
    delivered: int = 0
    rejected: int = 0
    dropped: dict[str, int] = msgspec.field(default_factory=dict)
    unwritten: int = 0  # produced and in no segment; below 0 after older books were lost

    @property
    def left(self) -> int:
        """All that no longer waits."""
        return self.delivered + self.rejected + sum(self.dropped.values())

    def drop(self, reason: str, points: int) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + points


class Leaving(msgspec.Struct, frozen=True):
    """Records of one segment, by ordinal."""

    segment: str  # the salt of its header in hexadecimal
    spans: list[tuple[int, int]]  # half-open
    records: int
    points: int
    stored: int


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something left the buffer."""

    books: Books  # the sums after it, so that the next entry makes good for a lost one
    left: list[Leaving] = []
    gap: Gap | None = None  # in frames of kind GAP
    told: bool = False  # all gaps before this one are records now


class Snapshot(msgspec.Struct, frozen=True):
    """Everything up to here; the first frame of each progress file."""

    books: Books
    segments: list[Leaving]  # of segments that still exist, what has left them
    gaps: list[Gap]  # that nobody was told of
    put: list[int]  # points written to the segments of each priority, lowest first
    next_sequence: int
