"""The buffer that lives in memory: the fallback of the disk, and all there is where nothing may be written.

What waits briefly stays as it is. Once more than `plain` bytes wait, newcomers are kept compressed: an hour
of outage then fits into a tenth of the memory, at 2 ms of processor time for a megabyte, which a healthy
destination never costs. When the capacity is reached the lowest priority goes first, oldest first, and a
newcomer never pushes out what is worth more than itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import zstandard

from nrdot.stages import BufferStatistics, Priority, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_OVERHEAD = 400  # bytes of Python objects for each record: tracemalloc shows 234 and more while a dict grows
_LEVEL = 1  # the newcomer is compressed on the sampling thread, so quickly


@dataclass(frozen=True, slots=True)
class _Entry:
    data: bytes
    compressed: bool
    points: int
    time_ns: int
    priority: Priority
    cost: int  # bytes of memory

    def record(self) -> Record:
        payload = zstandard.ZstdDecompressor().decompress(self.data) if self.compressed else self.data
        return Record(payload, self.points, self.time_ns, self.priority)


class MemoryBuffer:
    """Implements `stages.Buffer`. `capacity` and `plain` are in bytes."""

    def __init__(
        self, capacity: int = 64 * 1024 * 1024, *, plain: int = 4 * 1024 * 1024, newest_first: bool = False
    ) -> None:
        self._capacity = capacity
        self._plain = plain
        self.newest_first = newest_first
        self._lock = Lock()
        # Dicts keep their order: by sequence number, all records and those of each priority.
        self._entries: dict[int, _Entry] = {}
        self._queues: dict[Priority, dict[int, None]] = {priority: {} for priority in Priority}
        self._held = dict.fromkeys(Priority, 0)  # bytes
        self._next = 1
        self._produced = self._delivered = self._rejected = 0  # points
        self._dropped: Counter[str] = Counter()

    def put(self, record: Record) -> None:
        entry = self._entry(record)
        with self._lock:
            self._produced += record.points
            if not self._make_room(entry):
                self._dropped["full"] += record.points
                return
            self._entries[self._next] = entry
            self._queues[entry.priority][self._next] = None
            self._held[entry.priority] += entry.cost
            self._next += 1

    def peek(self, points: int, size: int) -> Sequence[tuple[int, Record]]:
        with self._lock:
            taken = list(self._upcoming(points))
        found: list[tuple[int, Record]] = []
        for sequence, entry in taken:
            record = entry.record()
            size -= len(record.payload)
            if found and size < 0:
                break
            found.append((sequence, record))
        return found

    def acknowledge(self, sequences: Sequence[int], *, rejected_points: int = 0) -> None:
        with self._lock:
            points = self._remove(sequences)
            rejected = min(rejected_points, points)
            self._delivered += points - rejected
            self._rejected += rejected

    def reject(self, sequences: Sequence[int], reason: str) -> None:  # noqa: ARG002 - memory keeps no dead letters
        with self._lock:
            self._rejected += self._remove(sequences)

    def drop(self, sequences: Sequence[int], reason: str) -> None:
        with self._lock:
            points = self._remove(sequences)
            if points:
                self._dropped[reason] += points

    def statistics(self) -> BufferStatistics:
        with self._lock:
            oldest = next(iter(self._entries.values()), None)
            return BufferStatistics(
                records=len(self._entries),
                bytes=sum(self._held.values()),
                oldest_ns=oldest.time_ns if oldest else None,
                segments=0,
                produced=self._produced,
                delivered=self._delivered,
                rejected=self._rejected,
                dropped=dict(self._dropped),
            )

    def close(self) -> None:
        """Nothing here outlives the process."""

    def _entry(self, record: Record) -> _Entry:
        data = record.payload
        compressed = sum(self._held.values()) + len(data) > self._plain
        if compressed:
            # The copy saves the memory: zstandard returns a short object in a block as large as its input.
            data = bytes(memoryview(zstandard.ZstdCompressor(level=_LEVEL).compress(data)))
        return _Entry(data, compressed, record.points, record.time_ns, record.priority, len(data) + _OVERHEAD)

    def _make_room(self, newcomer: _Entry) -> bool:
        """Drop what is worth no more than the newcomer until it fits; drop nothing if it cannot."""
        excess = sum(self._held.values()) + newcomer.cost - self._capacity
        worth_less = [priority for priority in Priority if priority <= newcomer.priority]
        if excess > sum(self._held[priority] for priority in worth_less):
            return False
        for priority in worth_less:
            queue = self._queues[priority]
            while excess > 0 and queue:
                oldest = next(iter(queue))
                excess -= self._entries[oldest].cost
                self._dropped["full"] += self._remove((oldest,))
        return True

    def _upcoming(self, points: int) -> Iterable[tuple[int, _Entry]]:
        """The next entries up to `points` points, at least one."""
        order = reversed(self._entries.items()) if self.newest_first else iter(self._entries.items())
        first = True
        for sequence, entry in order:
            points -= entry.points
            if points < 0 and not first:
                return
            first = False
            yield sequence, entry

    def _remove(self, sequences: Iterable[int]) -> int:
        """The points of those that were still here; what was pushed out meanwhile counts as dropped."""
        points = 0
        for sequence in sequences:
            entry = self._entries.pop(sequence, None)
            if entry is not None:
                del self._queues[entry.priority][sequence]
                self._held[entry.priority] -= entry.cost
                points += entry.points
        return points
