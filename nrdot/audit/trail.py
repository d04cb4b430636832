"""The trail on disk: entries appended, kept for their time, and proved by a head.

    STATE_DIR/audit/entries-0000000001.jsonl    a piece, named by the number of its first entry
    STATE_DIR/audit/head.json                   {"count": 12, "hash": "41d0..."}: how far the trail goes

An entry counts once the device has the entry and then the head; `append` returns after that. A crash in
between leaves one entry behind the head, which the next start takes in; half an entry is cut off. Pieces are
closed by size or age and removed as a whole once their last entry is older than the retention. An entry of
the type `retention`, written before they go, holds the hash that the rest of the chain begins from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nrdot.audit.entry import FIRST, BrokenEntryError, Entry, read, seal, timestamp
from nrdot.errors import AuditFailure
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nrdot.audit.disk import Disk
    from nrdot.clock import Clock

FOLDER = "audit"  # in the state directory
HEAD = "head.json"
PIECE = "entries-"
PIECE_BYTES = 1 << 20
PIECE_SECONDS = 31 * 86400.0  # so that retention is never late by more

_log = Log("audit")


@dataclass(frozen=True, slots=True)
class Head:
    count: int = 0
    hash: str = FIRST

    def encoded(self) -> bytes:
        return json.dumps({"count": self.count, "hash": self.hash}).encode() + b"\n"


class Trail:
    """For one thread of one agent. Raises AuditFailure where the trail on disk cannot be gone on with."""

    def __init__(self, directory: Path, clock: Clock, disk: Disk) -> None:
        self.directory = directory
        self._clock = clock
        self._disk = disk
        self._head = Head()
        self._last: Entry | None = None
        self._piece: Path | None = None  # where the last entry went
        self._began_ns = clock.wall_ns()  # when that piece began
        self._uncut: tuple[Path, int] | None = None  # what a failed append may have left
        try:
            disk.make_directory(directory)
            self._begin()
        except OSError as error:
            raise _failed(directory, error) from None

    @property
    def head(self) -> Head:
        return self._head

    @property
    def last(self) -> Entry | None:
        """The newest entry."""
        return self._last

    def newest(self, change_type: str) -> Entry | None:
        """The last entry of a type. Raises AuditFailure."""
        mark = f'"change_type":"{change_type}"'.encode()
        try:
            for path in reversed(pieces(self.directory, self._disk)):
                for line in reversed(self._disk.read(path).split(b"\n")):
                    if mark in line and (entry := _whole(line)) is not None:
                        return entry
        except OSError as error:
            raise _failed(self.directory, error) from None
        return None

    def append(self, content: Mapping[str, Any]) -> Entry:
        """Write an entry; its number, hash and, where it is missing, its time are filled in here.

        Raises AuditFailure, and then the trail is as it was before.
        """
        stamped = {"timestamp": timestamp(self._clock.wall_ns()), **content}
        entry = seal(stamped, self._head.count + 1, self._head.hash)
        try:
            self._mend()
            self._write(entry)
        except OSError as error:
            raise _failed(self.directory, error) from None
        self._head, self._last = Head(entry.number, entry.hash), entry
        return entry

    def retire(self, seconds: float, about: Mapping[str, Any], *, overwrite: bool = False) -> int:
        """Remove closed pieces whose last entry is older than this; how many. Raises AuditFailure.

        `about` goes into the entry that signs them off.
        """
        horizon = self._clock.wall_ns() - round(seconds * 1e9)
        going: list[Path] = []
        last: Entry | None = None
        for path in pieces(self.directory, self._disk)[:-1]:
            try:
                entries = list(read_piece(self._disk.read(path)))
            except (OSError, BrokenEntryError):
                break  # what cannot be read cannot be signed off; `verify` names it
            if not entries or entries[-1].time_ns >= horizon:
                break
            going.append(path)
            last = entries[-1]
        if last is None:
            return 0
        dropped = {"through": last.number, "hash": last.hash, "until": last.content["timestamp"]}
        self.append({**about, "change_type": "retention", "dropped": dropped})
        for path in going:
            try:
                self._disk.remove(path, overwrite=overwrite)
            except OSError as error:
                _log.error("a piece of the audit trail cannot be removed", piece=str(path), error=str(error))
        return len(going)

    def _begin(self) -> None:
        """Find the end of the trail, and finish what a crash interrupted."""
        found = pieces(self.directory, self._disk)
        head = read_head(self.directory, self._disk)
        self._head = head if head is not None and head.count >= 0 else Head()
        self._piece = found[-1] if found else None
        for path in found[-2:]:
            data = self._disk.read(path)
            whole = data[: data.rfind(b"\n") + 1]
            if path == self._piece and len(whole) < len(data):
                self._disk.cut(path, len(whole))
                _log.warning("half an audit entry was cut off, left by a crash", piece=str(path))
            entries = list(self._readable(path, whole))
            if entries:
                self._last = entries[-1]
                self._began_ns = entries[0].time_ns
        self._catch_up(self._head)

    def _readable(self, path: Path, data: bytes) -> Iterator[Entry]:
        try:
            yield from read_piece(data)
        except BrokenEntryError as error:
            _log.error("the audit trail is broken: see nrdot audit verify", piece=str(path), error=str(error))

    def _catch_up(self, head: Head) -> None:
        """A crash between entry and head leaves exactly one entry that follows from it."""
        last = self._last
        if last is None or last.number == head.count:
            return
        if last.number == head.count + 1 and last.content["previous_hash"] == head.hash:
            self._head = Head(last.number, last.hash)
            self._disk.replace(self.directory / HEAD, self._head.encoded())
            return
        # Somebody meddled, or a file is lost. Going on from the head keeps that visible to `verify`.
        _log.error(
            "the audit trail does not end where its head says: see nrdot audit verify",
            entries=last.number,
            head=head.count,
        )

    def _write(self, entry: Entry) -> None:
        path = self._target(entry)
        before = self._disk.size(path)
        self._uncut = (path, before)
        try:
            self._disk.append(path, entry.line + b"\n")
            if before == 0:
                self._disk.sync_directory(self.directory)
            self._disk.replace(self.directory / HEAD, Head(entry.number, entry.hash).encoded())
        except OSError:
            self._mend()
            raise
        self._uncut = None
        self._piece = path

    def _mend(self) -> None:
        """Take back what an append that failed has left. Raises OSError while that is impossible."""
        if self._uncut is None:
            return
        path, size = self._uncut
        if size:
            self._disk.cut(path, size)
        else:
            self._disk.remove(path)
        self._uncut = None

    def _target(self, entry: Entry) -> Path:
        now = self._clock.wall_ns()
        piece = self._piece
        old = now - self._began_ns > PIECE_SECONDS * 1e9
        if piece is not None and not old and self._disk.size(piece) < PIECE_BYTES:
            return piece
        self._began_ns = now
        return self.directory / f"{PIECE}{entry.number:010}.jsonl"


def pieces(directory: Path, disk: Disk) -> list[Path]:
    """The files of a trail, in the order of their entries."""
    return [
        directory / name
        for name in disk.names(directory)
        if name.endswith(".jsonl") and not name.startswith(".")
    ]


def read_piece(data: bytes) -> Iterator[Entry]:
    """The entries of a piece. Raises BrokenEntryError at the first that is none."""
    for line in data.split(b"\n"):
        if line:
            yield read(line)


def _whole(line: bytes) -> Entry | None:
    """None where the line is no entry; `verify` names it."""
    try:
        return read(line)
    except BrokenEntryError:
        return None


def read_head(directory: Path, disk: Disk) -> Head | None:
    """None where there is none. Raises OSError; a head that says nothing is as good as none."""
    try:
        document = json.loads(disk.read(directory / HEAD))
        return Head(int(document["count"]), str(document["hash"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return Head(-1, "")


def _failed(directory: Path, error: OSError) -> AuditFailure:
    words = error.strerror or type(error).__name__
    return AuditFailure(f"{directory}: the audit trail cannot be written: {words}")
