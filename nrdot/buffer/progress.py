"""The progress log: which records have left, and the books, in a file that is only ever appended to.

    progress-<generation>.segment  =  header  SNAPSHOT  (SETTLED | GAP) ...

It is a segment like the others. When it has grown, a new generation begins with a snapshot; the one before
stays until then, so that a damaged snapshot costs nothing. When all are lost, every record that still lies
in a segment waits again: duplicates, nothing worse.
"""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from nrdot.buffer.books import Books, Entry, Leaving, Snapshot
from nrdot.buffer.gap import Gaps
from nrdot.buffer.segment import (
    SALT_SIZE,
    Content,
    Frame,
    Head,
    Header,
    Kind,
    scan,
)
from nrdot.buffer.spans import Spans
from nrdot.buffer.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from nrdot.buffer.files import Files
    from nrdot.clock import Clock

NAME = re.compile(r"progress-(\d{20})\.segment")


@dataclass(slots=True)
class Left:
    """What has left one segment."""

    spans: Spans = field(default_factory=Spans)
    records: int = 0
    points: int = 0
    stored: int = 0


@dataclass(slots=True)
class Progress:
    """What the log says when it is read from the last snapshot to its end."""

    books: Books
    left: dict[str, Left]
    gaps: Gaps
    put: list[int]
    next_sequence: int

    @classmethod
    def since(cls, snapshot: Snapshot) -> Progress:
        """The state that a snapshot holds."""
        progress = cls(
            snapshot.books,
            {},
            Gaps(snapshot.gaps),
            list(snapshot.put),
            snapshot.next_sequence,
        )
        progress._leave(snapshot.segments)
        return progress

    def apply(self, entry: Entry) -> None:
        self.books = entry.books
        self._leave(entry.left)
        if entry.told:
            self.gaps.clear()
        if entry.gap is not None:
            self.gaps.add(entry.gap)

    def _leave(self, leavings: Iterable[Leaving]) -> None:
        for leaving in leavings:
            left = self.left.setdefault(leaving.segment, Left())
            for start, stop in leaving.spans:
                left.spans.add(start, stop)
            left.records += leaving.records
            left.points += leaving.points
            left.stored += leaving.stored


def read_on(
    progress: Progress | None, read: Callable[[int, int], bytes], size: int, header: Header
) -> Progress | None:
    """The state after one more file of the log; None as long as no snapshot was found."""
    for frame in scan(read, size, header.seed):
        if not isinstance(frame, Frame):
            continue
        try:
            if frame.head.kind == Kind.SNAPSHOT:
                progress = Progress.since(msgspec.json.decode(frame.body, type=Snapshot))
            elif frame.head.kind in (Kind.SETTLED, Kind.GAP) and progress is not None:
                progress.apply(msgspec.json.decode(frame.body, type=Entry))
        except msgspec.DecodeError:
            continue  # its checksum is right and its words are not ours
    return progress


class ProgressLog:
    """Appends to the log. Raises OSError; after that only `begin` helps."""

    def __init__(
        self, files: Files, directory: Path, clock: Clock, generation: int, rotate_bytes: int
    ) -> None:
        self.unsynced = False
        self.rotate_bytes = rotate_bytes
        self._files = files
        self._directory = directory
        self._clock = clock
        self._generation = generation  # the latest that exists
        self._writer: Writer | None = None
        self._entries = 0
        self._begun_at = 0

    @property
    def wants_to_begin(self) -> bool:
        """Grown too long, or broken."""
        return self._writer is None or self._writer.size > self.rotate_bytes + 2 * self._begun_at

    def begin(self, snapshot: Snapshot) -> None:
        """A new file that starts from `snapshot`; durable on return."""
        self.close()
        self._files.make_directory(self._directory)  # somebody may have cleared everything away
        self._generation += 1
        now = self._clock.wall_ns()
        header = Header(Content.PROGRESS, 0, secrets.token_bytes(SALT_SIZE), self._generation, 0, now)
        writer = Writer(self._files, self._path(self._generation), header)
        try:
            self._write(writer, Kind.SNAPSHOT, msgspec.json.encode(snapshot))
            writer.sync()
        except OSError:
            writer.close()
            with suppress(OSError):
                self._files.remove(writer.path)
            raise
        self._writer = writer
        self._begun_at = writer.size
        self.unsynced = False
        self._remove_old()

    def append(self, entry: Entry) -> None:
        kind = Kind.SETTLED if entry.gap is None else Kind.GAP
        try:
            self._write(self._open_writer(), kind, msgspec.json.encode(entry))
        except OSError:
            self.close()
            raise
        self.unsynced = True

    def sync(self) -> None:
        writer = self._open_writer()
        if not self.unsynced:
            return
        try:
            writer.sync()
        except OSError:
            self.close()
            raise
        self.unsynced = False

    def _open_writer(self) -> Writer:
        if self._writer is None:
            raise OSError("the progress log is broken until it begins anew")
        return self._writer

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, writer: Writer, kind: Kind, body: bytes) -> None:
        self._entries += 1
        now = self._clock.wall_ns()
        writer.append(Head(len(body), self._entries, now, 0, 0, len(body), self._entries, kind, 0, 0), body)

    def _path(self, generation: int) -> Path:
        return self._directory / f"progress-{generation:020}.segment"

    def _remove_old(self) -> None:
        """All but this generation and the one before, which stands in for it if its snapshot is damaged."""
        with suppress(OSError):
            for name in self._files.names(self._directory):
                match = NAME.fullmatch(name)
                if match and int(match[1]) < self._generation - 1:
                    self._files.remove(self._directory / name)
