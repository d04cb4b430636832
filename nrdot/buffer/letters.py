"""Dead letters: what an endpoint refused for good, kept to be looked at and sent again.

    dead/<time>-<sequence>-<salt>.segment  =  header  NOTE  DATA ...

One file for each request that was refused, in the format of segments, encrypted like them. To send one again
it is moved to `replay/`; a buffer that runs, or the next that starts, puts its records anew.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from nrdot.buffer.files import opened
from nrdot.buffer.segment import (
    FIRST_FRAME,
    SALT_SIZE,
    Content,
    Frame,
    Head,
    Header,
    Kind,
    NewerFormat,
    parse_header,
    scan,
)
from nrdot.buffer.writer import Writer
from nrdot.stages import Priority, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nrdot.buffer.coding import Coder, Parcel
    from nrdot.buffer.encryption import Keyring
    from nrdot.buffer.files import Files


log = logging.getLogger("nrdot.buffer")
LETTERS, REPLAY = "dead", "replay"


@dataclass(frozen=True, slots=True)
class Letter:
    """One refused request."""

    name: str
    reason: str
    time_ns: int  # when it was refused
    size: int  # bytes of the file
    records: tuple[tuple[int, Record], ...]  # with their sequence numbers
    unreadable: str = ""  # why records are missing from this list: damage, or a missing key


class _Note(msgspec.Struct, frozen=True):
    """The first frame of a letter."""

    reason: str
    records: int


class Letters:
    """The letters of one buffer's directory, the oldest giving way to the newest."""

    def __init__(self, files: Files, buffer: Path, limit: int, coder: Coder) -> None:
        self.limit = limit  # bytes
        self._files = files
        self._directory = buffer / LETTERS
        self._replay = buffer / REPLAY
        self._coder = coder
        self._passed_over: set[str] = set()  # what cannot be sent again, said once
        self._sizes = {name: _size(files, self._directory / name) for name in files.names(self._directory)}
        self.used = sum(self._sizes.values())  # bytes

    def write(self, parcels: Sequence[Parcel], reason: str, now_ns: int, keys: Keyring) -> None:
        """Durable on return. Raises OSError."""
        self._files.make_directory(self._directory)
        salt = secrets.token_bytes(SALT_SIZE)
        first = parcels[0].sequence
        header = Header(Content.LETTERS, 0, salt, first, 0, now_ns, keys.current)
        cipher = keys.cipher(keys.current, salt)
        writer = Writer(
            self._files, self._directory / f"{now_ns:020}-{first:020}-{salt[:4].hex()}.segment", header
        )
        try:
            note = msgspec.json.encode(_Note(reason, len(parcels)))
            writer.append(Head(len(note), 0, now_ns, 0, 0, len(note), 0, Kind.NOTE, 0, 0), note)
            for ordinal, parcel in enumerate(parcels, 1):
                writer.append(*self._coder.seal(_head(parcel, ordinal), parcel.body, cipher))
            writer.sync()
        except OSError:
            with suppress(OSError):
                self._files.discard(writer.path)
            raise
        finally:
            writer.close()
        self._sizes[writer.path.name] = writer.size
        self.used += writer.size
        self._trim()

    def returned(self, keys: Keyring) -> Iterator[Record]:
        """Records of letters that somebody moved to be sent again; each letter goes once all are taken.

        What cannot be read stays, or becomes a dead letter again. Raises nothing.
        """
        for name in self._to_send_again():
            path = self._replay / name
            try:
                letter = read_letter(self._files, path, keys, self._coder)
                if letter.unreadable:
                    self._files.make_directory(self._directory)
                    self._files.move(path, self._directory / name)
                    log.warning("%s: %s; it stays a dead letter", path, letter.unreadable)
                    continue
                for _, record in letter.records:
                    yield record
                self._files.discard(path)
            except OSError as error:
                self._pass_over(path, error)
            else:
                self._forget(name)

    def _to_send_again(self) -> list[str]:
        try:
            return [name for name in self._files.names(self._replay) if name not in self._passed_over]
        except OSError as error:
            if not self._passed_over:
                self._pass_over(self._replay, error)
            return []

    def _pass_over(self, path: Path, error: OSError) -> None:
        self._passed_over.add(path.name)
        log.warning("%s: %s; it is not sent again", path, error.strerror)

    def expire(self, before_ns: int) -> None:
        """Letters that were written before that time go. Raises nothing."""
        for name in sorted(self._sizes):
            if name[:20].isdecimal() and int(name[:20]) < before_ns:
                try:
                    self._remove(name)
                except OSError as error:
                    log.warning("%s: %s; it should be gone by now", self._directory / name, error.strerror)

    def _trim(self) -> None:
        for name in sorted(self._sizes)[:-1]:
            if self.used <= self.limit:
                return
            self._remove(name)

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):  # somebody took it away
            self._files.discard(self._directory / name)
        self._forget(name)

    def _forget(self, name: str) -> None:
        self.used -= self._sizes.pop(name, 0)


def _head(parcel: Parcel, ordinal: int) -> Head:
    return Head(
        stored=len(parcel.body),
        sequence=parcel.sequence,
        time_ns=parcel.time_ns,
        points_before=0,
        points=parcel.points,
        raw=parcel.raw,
        ordinal=ordinal,
        kind=Kind.DATA,
        priority=parcel.priority,
        coding=parcel.coding,
    )


def _size(files: Files, path: Path) -> int:
    try:
        with opened(files, path) as (_, size):
            return size
    except OSError:
        return 0


def read_letter(files: Files, path: Path, keys: Keyring, coder: Coder) -> Letter:
    """Raises OSError."""
    with opened(files, path) as (read, size):
        try:
            header = parse_header(read(0, FIRST_FRAME))
        except NewerFormat:
            return Letter(path.name, "", 0, size, (), "written in a newer format")
        if header is None:
            return Letter(path.name, "", 0, size, (), "not a dead letter, or its header is damaged")
        held = header.key_id not in keys
        cipher = keys.cipher(header.key_id, header.salt)
        reason, trouble = "", "its key is missing" if held else ""
        records = []
        for frame in scan(read, size, header.seed):
            if not isinstance(frame, Frame):
                trouble = frame.what
            elif frame.head.kind == Kind.NOTE:
                with suppress(msgspec.DecodeError):  # its checksum is right and its words are not ours
                    reason = msgspec.json.decode(frame.body, type=_Note).reason
            elif frame.head.kind == Kind.DATA and not held:
                head = frame.head
                payload = coder.open(head, frame.body, cipher)
                if payload is None:
                    trouble = f"record {head.sequence} does not open"
                else:
                    record = Record(payload, head.points, head.time_ns, Priority(head.priority))
                    records.append((head.sequence, record))
        return Letter(path.name, reason, header.created_ns, size, tuple(records), trouble)
