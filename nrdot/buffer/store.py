"""Records on their way into segments, and segments on their way out.

The store knows files and nothing of the books. Its methods raise OSError; what follows from a failure is
decided in `disk.py`. All calls come from under the buffer's lock.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING

from nrdot.buffer.encryption import TAG_SIZE
from nrdot.buffer.index import Index
from nrdot.buffer.lane import Lane, Segment, segment_name
from nrdot.buffer.segment import (
    FIRST_FRAME,
    HEAD_SIZE,
    SALT_SIZE,
    SEAL_SIZE,
    Content,
    Head,
    Header,
    Kind,
    Seal,
    pack_seal,
)
from nrdot.buffer.settings import Durability
from nrdot.buffer.writer import Writer
from nrdot.stages import Priority

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.buffer.coding import Coder, Parcel
    from nrdot.buffer.encryption import Cipher, Keyring
    from nrdot.buffer.files import Files
    from nrdot.buffer.settings import BufferSettings

AROUND = FIRST_FRAME + HEAD_SIZE + TAG_SIZE + SEAL_SIZE
"""Bytes that a record may add to the disk beside its body: it may have to begin a segment."""
_UNSYNCED_BYTES = 1 << 20


class Store:
    """The three lanes of one directory."""

    def __init__(
        self, files: Files, directory: Path, settings: BufferSettings, coder: Coder, keys: Keyring
    ) -> None:
        self.lanes = {priority: Lane(priority) for priority in Priority}
        self.keys = keys
        self.used = len(self.lanes) * SEAL_SIZE  # bytes of all files, with the seals that are still to come
        self._files = files
        self._directory = directory
        self.settings = settings
        self._coder = coder
        self._ciphers: dict[str, Cipher] = {}
        self._unsynced: dict[Priority, list[Parcel]] = {priority: [] for priority in Priority}
        self._unsynced_bytes = 0
        self._segment_bytes = 0
        self._leftovers: dict[
            Path, int
        ] = {}  # files without records that could not be removed, and their size

    def adopt(self, segment: Segment) -> None:
        """A segment that was found at the start, in order of sequence."""
        self.lanes[Priority(segment.header.priority)].segments.append(segment)
        self.used += segment.size

    def sync_adopted(self) -> None:
        """What a killed process wrote may lie in the kernel only; from here on it counts as kept."""
        if self.settings.durability is Durability.NEVER:
            return
        for lane in self.lanes.values():
            for segment in lane.segments:
                if not segment.finished:
                    descriptor = self._files.open(segment.path)
                    try:
                        self._files.sync(descriptor)
                    finally:
                        self._files.close(descriptor)
        self._files.sync_directory(self._directory)

    # Writing

    def append(self, parcel: Parcel, now_ns: int) -> None:
        """Write a record. On return it is as durable as the settings say; after an error call `abandon`."""
        lane = self.lanes[parcel.priority]
        self._make_ready(lane, parcel.sequence, HEAD_SIZE + len(parcel.body), now_ns)
        segment, writer = lane.segments[-1], lane.writer
        assert writer is not None  # noqa: S101, _make_ready leaves one
        head = Head(
            stored=len(parcel.body),
            sequence=parcel.sequence,
            time_ns=parcel.time_ns,
            points_before=lane.points_put,
            points=parcel.points,
            raw=parcel.raw,
            ordinal=segment.records,
            kind=Kind.DATA,
            priority=parcel.priority,
            coding=parcel.coding,
        )
        body = parcel.body
        if lane.cipher is not None:
            head, body = self._coder.seal(head, body, lane.cipher)
        offset = writer.append(head, body)
        if self.settings.durability is Durability.EACH:
            writer.sync()
        elif self.settings.durability is Durability.INTERVAL:
            self._unsynced[lane.priority].append(parcel)
            self._unsynced_bytes += HEAD_SIZE + len(body)
        segment.include(offset, head, now_ns)
        lane.points_put += parcel.points
        self.used += HEAD_SIZE + len(body)

    def _make_ready(self, lane: Lane, sequence: int, size: int, now_ns: int) -> None:
        if lane.writer is not None and (active := lane.segments[-1]).records:
            age = (now_ns - active.header.created_ns) / 1e9
            if (
                active.size + size > self._segment_bytes
                or active.records >= self.settings.segment_records
                or age > self.settings.segment_seconds
                or active.header.key_id != self.keys.current
            ):
                self.finish(lane)
        if lane.writer is None:
            self._begin(lane, sequence, now_ns)

    def _begin(self, lane: Lane, sequence: int, now_ns: int) -> None:
        self._segment_bytes = self.settings.segment_bytes(self._files.free(self._directory) + self.used)
        salt = secrets.token_bytes(SALT_SIZE)
        header = Header(
            Content.RECORDS, lane.priority, salt, sequence, lane.points_put, now_ns, self.keys.current
        )
        path = self._directory / segment_name(lane.priority, sequence)
        if path in self._leftovers:
            self.remove_leftovers()
        try:
            durable = self.settings.durability is not Durability.NEVER
            writer = Writer(self._files, path, header, durable=durable)
        except OSError:
            self._leave_over(path, FIRST_FRAME)  # the file may be there nevertheless
            raise
        segment = Segment(path, header, writer.size)
        segment.index = Index()
        lane.segments.append(segment)
        lane.writer, lane.cipher = writer, self.cipher(header)
        self.used += segment.size

    @property
    def sync_is_due(self) -> bool:
        """What waits for a sync is held in memory as well, and that is bounded."""
        return self._unsynced_bytes > _UNSYNCED_BYTES

    def sync(self) -> tuple[list[Parcel], OSError | None]:
        """Make everything durable.

        Where the device refuses, the records that it may not have come back, to be written elsewhere.
        """
        suspects: list[Parcel] = []
        failure = None
        for lane in self.lanes.values():
            try:
                self._sync(lane)
            except OSError as error:
                failure = error
                suspects += self.abandon(lane.priority)
        self._unsynced_bytes = 0
        return sorted(suspects, key=attrgetter("sequence")), failure

    def _sync(self, lane: Lane) -> None:
        if lane.writer is not None and self._unsynced[lane.priority]:
            lane.writer.sync()
        self._unsynced[lane.priority].clear()

    def finish(self, lane: Lane) -> None:
        """Close the lane's segment with its totals, so that the next start need not read it."""
        writer = lane.writer
        if writer is None:
            return
        segment = lane.segments[-1]
        self._sync(lane)
        lane.writer = None
        segment.index = None
        seal = Seal(
            segment.records,
            segment.points,
            segment.stored,
            segment.last_sequence,
            segment.oldest_ns,
            segment.put_ns,
        )
        with suppress(OSError):  # without a seal it is read as a crash would have left it
            writer.append_raw(pack_seal(seal, segment.header.seed))
            self.used += writer.size - segment.size
            segment.size = writer.size
        writer.close()

    def abandon(self, priority: Priority) -> list[Parcel]:
        """Never write to the lane's segment again, and give back what is not known to be on the device."""
        lane = self.lanes[priority]
        writer = lane.writer
        suspects, self._unsynced[priority] = self._unsynced[priority], []
        if writer is None:
            return []
        segment = lane.segments[-1]
        lane.writer = None
        with suppress(OSError):
            size = self._files.size(writer.descriptor)
            self.used += size - segment.size
            segment.size = size
        writer.close()
        waiting = [suspect for suspect in suspects if self._moves(lane, segment, suspect.sequence)]
        segment.index = None
        if not segment.records:
            self.forget(segment)
            self._leave_over(segment.path, segment.size)
            with suppress(OSError):
                self.remove_leftovers()
        return waiting

    def _moves(self, lane: Lane, segment: Segment, sequence: int) -> bool:
        """Take a record out of its segment because it goes to another; False where it had left before."""
        assert segment.index is not None  # noqa: S101, the active segment has one
        position = segment.index.find(sequence)
        if position is None or segment.index.ordinals[position] in segment.settled:
            return False
        ordinal, points = segment.index.ordinals[position], segment.index.points[position]
        segment.settle([(ordinal, ordinal + 1)], 1, points, segment.index.sizes[position])
        lane.points_put -= points
        return True

    def remove(self, segment: Segment) -> None:
        """Unlink; gone already is fine. After an error it is still there, to be removed later."""
        lane = self.lanes[Priority(segment.header.priority)]
        if segment is lane.active and lane.writer is not None:
            self._unsynced[lane.priority].clear()
            lane.writer.close()
            lane.writer = None
        self.close_reading(segment)
        with suppress(FileNotFoundError):
            self._files.discard(segment.path)
        self.forget(segment)

    def forget(self, segment: Segment) -> None:
        """A segment whose file is gone or worth nothing."""
        self.close_reading(segment)
        self.lanes[Priority(segment.header.priority)].segments.remove(segment)
        self._ciphers.pop(segment.header.identity, None)
        self.used -= segment.size

    def _leave_over(self, path: Path, size: int) -> None:
        if path not in self._leftovers:
            self._leftovers[path] = size
            self.used += size

    def remove_leftovers(self) -> None:
        for path in tuple(self._leftovers):
            with suppress(FileNotFoundError):
                self._files.discard(path)
            self.used -= self._leftovers.pop(path)

    def close_reading(self, segment: Segment) -> None:
        if segment.descriptor is not None:
            self._files.close(segment.descriptor)
            segment.descriptor = None

    def finished(self, *, active: bool) -> list[Segment]:
        """Segments whose records have all left; those still written to only where asked for."""
        return [
            segment
            for lane in self.lanes.values()
            for segment in lane.segments
            if not segment.pending_records and (segment is not lane.active or (active and segment.records))
        ]

    def evictable(self, priority: Priority) -> int:
        """Bytes that could be had for a record of `priority`."""
        return sum(
            segment.size
            for lane in self.lanes.values()
            if lane.priority <= priority
            for segment in lane.segments
        )

    def victim(self, priority: Priority) -> Segment | None:
        """What goes first when a record of `priority` needs room: the least that matters, oldest first."""
        for lane in self.lanes.values():
            if lane.priority <= priority:
                segment = lane.oldest_pending()
                if segment is not None:
                    return segment
        return None

    def held(self, segment: Segment) -> bool:
        """Whether its key is missing."""
        return segment.header.key_id not in self.keys

    def cipher(self, header: Header) -> Cipher | None:
        known = self._ciphers.get(header.identity)
        if known is None:
            known = self.keys.cipher(header.key_id, header.salt)
            if known is not None:
                self._ciphers[header.identity] = known
        return known

    def close(self) -> None:
        for lane in self.lanes.values():
            for segment in lane.segments:
                self.close_reading(segment)
            if lane.writer is not None:
                lane.writer.close()
                lane.writer = None
