"""What a user can set about a disk buffer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_SMALLEST_SEGMENT = 4096
_LARGEST_SEGMENT = 8 << 20
_SEGMENTS = 64
_NEVER = float("inf")


class Durability(StrEnum):
    """When what was put is forced to the device. A kill of the process loses nothing in any case."""

    EACH = "each"  # before `put` returns: a power cut loses nothing
    INTERVAL = "interval"  # a power cut loses what was put in the last interval
    NEVER = "never"  # a power cut loses what the kernel had not written by itself, half a minute as a rule


@dataclass(frozen=True, slots=True)
class BufferSettings:
    """Bounds and habits of one buffer."""

    max_bytes: int = 1 << 30  # on disk, segments and dead letters together
    max_seconds: float | None = None  # how long a record may wait
    max_records: int | None = None  # how many records may wait
    record_bytes: int = 20 << 20  # a single payload, before compression
    durability: Durability = Durability.EACH
    sync_seconds: float = 1.0  # the interval
    newest_first: bool = False  # what `peek` offers first
    keep_seconds: float | None = None  # how long a payload may lie here in whatever form
    overwrite: bool = False  # what held payloads before it is removed
    memory_bytes: int = 16 << 20  # kept in memory while the disk cannot be written
    retry_seconds: float = 5.0  # between attempts to write to a disk that failed

    @property
    def progress_bytes(self) -> int:
        """Where the progress log begins anew. Two generations of it lie beside `max_bytes`."""
        return min(max(self.max_bytes // 64, 4096), 256 * 1024)

    @property
    def letters_bytes(self) -> int:
        """Dead letters, a part of `max_bytes`: the oldest go first."""
        return self.max_bytes // 16

    def segment_bytes(self, available: int) -> int:
        """Where a new segment ends. Eviction takes whole segments, so there are some dozens of them.

        `available` is what the file system has for the buffer, which may be less than `max_bytes`.
        """
        size = min(self.max_bytes, available) // _SEGMENTS
        return min(max(size, _SMALLEST_SEGMENT), _LARGEST_SEGMENT)

    @property
    def segment_records(self) -> int:
        return _LARGEST_SEGMENT if self.max_records is None else max(self.max_records // _SEGMENTS, 1)

    @property
    def wait_seconds(self) -> float:
        """How long the newest record of a segment may wait before all of the segment goes."""
        kept = _NEVER if self.keep_seconds is None else self.keep_seconds - self.segment_seconds
        return min(_NEVER if self.max_seconds is None else self.max_seconds, kept)

    @property
    def segment_seconds(self) -> float:
        """How long records are added to a segment."""
        longest = _NEVER if self.max_seconds is None else self.max_seconds
        return (longest if self.keep_seconds is None else min(longest, self.keep_seconds)) / 8
