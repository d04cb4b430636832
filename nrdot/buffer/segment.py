"""How a segment lies on disk: a header, written twice, then frames. Everything here works on bytes.

    segment  =  header  header  frame ...  [seal]
    header   =  64 bytes: magic, version, content, priority, salt, first sequence, points before, created,
                key id, checksum
    frame    =  64 bytes of head (marker, sizes, sequence, time, points, ordinal, kind, two checksums), body

All numbers are little-endian. Checksums are XXH3-64; those of a frame are seeded by the segment's random
salt, so that no payload can hold bytes that pass for a frame after damage. The header stands there twice so
that one flipped byte costs no segment. `docs/formats/buffer.md` has every field.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import xxhash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAGIC = b"NRDOTBUF"
VERSION = 1
MARKER = b"\xabNR\xba"
SALT_SIZE = 12
KEY_ID_SIZE = 8
NO_KEY = bytes(KEY_ID_SIZE)

_HEADER = struct.Struct("<8sHBB12sQQq8s")
_HEADER_CHECK = struct.Struct("<Q")
_HEAD = struct.Struct("<4sIQqQIIIBBBx")
_HEAD_CHECKS = struct.Struct("<QQ")
_SEAL = struct.Struct("<IQQQqq")
_VERSION = struct.Struct("<H")

HEADER_SIZE = _HEADER.size + _HEADER_CHECK.size
FIRST_FRAME = 2 * HEADER_SIZE
HEAD_SIZE = _HEAD.size + _HEAD_CHECKS.size
SEAL_SIZE = HEAD_SIZE + _SEAL.size
_WINDOW = 256 * 1024


class Content(IntEnum):
    """What a file holds."""

    RECORDS = 1
    PROGRESS = 2
    LETTERS = 3


class Kind(IntEnum):
    """What a frame holds. Readers skip kinds that they do not know."""

    DATA = 1
    SEAL = 2  # the last frame of a finished segment: its totals
    SNAPSHOT = 3  # progress: everything up to here
    SETTLED = 4  # progress: records that left, delivered or rejected (an acknowledgement)
    GAP = 5  # progress: records that were dropped, and why
    NOTE = 6  # letters: why the records that follow were rejected


@dataclass(frozen=True, slots=True)
class Header:
    """What all frames of a segment share."""

    content: int
    priority: int
    salt: bytes  # random; also the segment's name in the progress log
    first_sequence: int = 0
    points_before: int = 0  # put into segments of this priority before this one
    created_ns: int = 0
    key_id: bytes = NO_KEY

    @property
    def seed(self) -> int:
        return int.from_bytes(self.salt[:8], "little")

    @property
    def identity(self) -> str:
        return self.salt.hex()


class Head(NamedTuple):
    """One frame without its body, in the order in which it lies on disk."""

    stored: int  # bytes of body in the file
    sequence: int
    time_ns: int
    points_before: int  # put into segments of this priority before this frame
    points: int
    raw: int  # bytes of body once it is decrypted and decompressed
    ordinal: int  # position in the segment, counted from 0 over the records ever written to it
    kind: int
    priority: int
    coding: int

    @property
    def frame_size(self) -> int:
        return HEAD_SIZE + self.stored


@dataclass(frozen=True, slots=True)
class Seal:
    """The totals of a finished segment, so that a start need not read it."""

    records: int
    points: int
    stored: int  # bytes of frames, heads included
    last_sequence: int
    oldest_ns: int
    put_ns: int  # when the last record was put, on a clock that does not jump


class NewerFormat(Exception):
    """A segment of a version that this reader does not know."""


def pack_header(header: Header) -> bytes:
    """Both copies."""
    data = _HEADER.pack(
        MAGIC,
        VERSION,
        header.content,
        header.priority,
        header.salt,
        header.first_sequence,
        header.points_before,
        header.created_ns,
        header.key_id,
    )
    return 2 * (data + _HEADER_CHECK.pack(xxhash.xxh3_64_intdigest(data)))


def parse_header(data: bytes) -> Header | None:
    """The header from the first bytes of a file, or None where neither copy is whole.

    Raises NewerFormat: the first ten bytes keep their meaning in all versions.
    """
    for start in (0, HEADER_SIZE):
        part = data[start : start + HEADER_SIZE]
        if len(part) < HEADER_SIZE or part[:8] != MAGIC:
            continue
        (check,) = _HEADER_CHECK.unpack_from(part, _HEADER.size)
        if check != xxhash.xxh3_64_intdigest(part[: _HEADER.size]):
            continue
        _, version, *fields = _HEADER.unpack_from(part)
        if version != VERSION:
            raise NewerFormat
        content, priority, salt, first, before, created, key_id = fields
        return Header(content, priority, salt, first, before, created, key_id)
    if data[:8] == MAGIC and len(data) >= 10 and _VERSION.unpack_from(data, 8)[0] > VERSION:
        raise NewerFormat
    return None


def pack_head(head: Head, body: bytes, seed: int) -> bytes:
    data = _HEAD.pack(MARKER, *head)
    check = xxhash.xxh3_64_intdigest(data, seed)
    return data + _HEAD_CHECKS.pack(check, xxhash.xxh3_64_intdigest(body, check))


def head_fields(head: Head) -> bytes:
    """The head without its checksums: what an encrypted body is bound to."""
    return _HEAD.pack(MARKER, *head)


def parse_head(data: bytes, seed: int) -> tuple[Head, int] | None:
    """A head and the checksum of its body, or None where the bytes are no head of this segment."""
    if len(data) < HEAD_SIZE or data[:4] != MARKER:
        return None
    check, body_check = _HEAD_CHECKS.unpack_from(data, _HEAD.size)
    if check != xxhash.xxh3_64_intdigest(data[: _HEAD.size], seed):
        return None
    return Head(*_HEAD.unpack_from(data)[1:]), body_check


def parse_frame(data: bytes, seed: int) -> tuple[Head, bytes] | None:
    """A whole frame, or None where anything in it is damaged."""
    parsed = parse_head(data, seed)
    if parsed is None:
        return None
    head, body_check = parsed
    body = data[HEAD_SIZE : HEAD_SIZE + head.stored]
    if len(body) != head.stored or not _whole(data, body, body_check):
        return None
    return head, body


def _whole(head_bytes: bytes, body: bytes, body_check: int) -> bool:
    (check, _) = _HEAD_CHECKS.unpack_from(head_bytes, _HEAD.size)
    return xxhash.xxh3_64_intdigest(body, check) == body_check


def pack_seal(seal: Seal, seed: int) -> bytes:
    body = _SEAL.pack(seal.records, seal.points, seal.stored, seal.last_sequence, seal.oldest_ns, seal.put_ns)
    head = Head(len(body), seal.last_sequence, seal.put_ns, 0, 0, len(body), seal.records, Kind.SEAL, 0, 0)
    return pack_head(head, body, seed) + body


def parse_seal(data: bytes, seed: int) -> Seal | None:
    """From the last SEAL_SIZE bytes of a segment; None where it was never finished."""
    frame = parse_frame(data, seed)
    if frame is None or frame[0].kind != Kind.SEAL or len(frame[1]) != _SEAL.size:
        return None
    return Seal(*_SEAL.unpack(frame[1]))


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment that are no frame."""

    offset: int
    size: int
    torn: bool  # at the end, as a crash in mid-write leaves it
    what: str
    head: Head | None = None  # where only the body is damaged


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole frame and where it lies."""

    offset: int
    head: Head
    body: bytes


def scan(read: Callable[[int, int], bytes], size: int, seed: int) -> Iterator[Frame | Damage]:
    """Every whole frame of a segment in order, and what lies between them.

    `read(offset, size)` gives bytes of the file. Damage costs the frame that it lies in: reading goes on at
    the next place where a head of this segment stands.
    """
    window = _Window(read, size)
    offset = FIRST_FRAME
    while offset < size:
        parsed = parse_head(window.take(offset, HEAD_SIZE), seed)
        if parsed is None:
            following = _next_head(window, offset + 1, size, seed)
            torn = following >= size
            yield Damage(offset, following - offset, torn, "no frame head with a matching checksum")
            offset = following
            continue
        head, body_check = parsed
        end = offset + HEAD_SIZE + head.stored
        if end > size:
            yield Damage(offset, size - offset, torn=True, what=f"record {head.sequence} is cut off")
            return
        data = window.take(offset, HEAD_SIZE + head.stored)
        body = data[HEAD_SIZE:]
        if _whole(data, body, body_check):
            yield Frame(offset, head, body)
        else:
            what = f"the body of record {head.sequence} does not match its checksum"
            yield Damage(offset, end - offset, torn=False, what=what, head=head)
        offset = end


def _next_head(window: _Window, offset: int, size: int, seed: int) -> int:
    """Where the next whole frame begins whose head is right, or `size`."""
    offset = window.find(MARKER, offset)
    while offset < size:
        parsed = parse_head(window.take(offset, HEAD_SIZE), seed)
        if parsed is not None and offset + parsed[0].frame_size <= size:
            return offset
        offset = window.find(MARKER, offset + len(MARKER))
    return size


class _Window:
    """Reads ahead, so that small frames do not cost a system call each."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read = read
        self._size = size
        self._start = 0
        self._data = b""

    def take(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer only at the end."""
        at = offset - self._start
        if at < 0 or at + size > len(self._data):
            self._start, at = offset, 0
            self._data = self._read(offset, min(max(size, _WINDOW), self._size - offset))
        return self._data[at : at + size]

    def find(self, mark: bytes, offset: int) -> int:
        """Where `mark` stands next, or the end; however many there are, each byte is read once."""
        while len(self.take(offset, len(mark))) == len(mark):
            at = self._data.find(mark, offset - self._start)
            if at >= 0:
                return self._start + at
            offset = self._start + len(self._data) - len(mark) + 1
        return self._size
