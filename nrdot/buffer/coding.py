"""What happens to a payload on its way into a frame: compressed, then encrypted.

A payload is compressed as soon as it is put: that costs less than the device saves by writing so much less.
zstd is told how rather than given a level: two tables that fit into a processor's first cache find as much in
what repeats itself every hundred bytes as those of level 3, which push everything else out of the second, and
that is paid at every put (docs/decisions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import zstandard

from nrdot.buffer.encryption import TAG_SIZE
from nrdot.buffer.segment import Head, head_fields
from nrdot.stages import Record

if TYPE_CHECKING:
    from nrdot.buffer.encryption import Cipher
    from nrdot.stages import Priority

COMPRESSED = 1
ENCRYPTED = 2
_PARAMETERS = zstandard.ZstdCompressionParameters(
    strategy=zstandard.STRATEGY_DFAST,
    window_log=18,
    hash_log=11,
    chain_log=11,
    search_log=1,
    min_match=5,
    target_length=0,
    write_content_size=True,
)
_LARGE = 4096
_UNTRIED = 15


class Parcel(NamedTuple):
    """A record with its number, compressed: what waits in memory, and what becomes a frame."""

    sequence: int
    body: bytes
    coding: int
    raw: int  # bytes of payload
    points: int
    time_ns: int
    priority: Priority


class Coder:
    """Holds the compression contexts. Not for two threads at once."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(compression_params=_PARAMETERS)
        self._decompressor = zstandard.ZstdDecompressor()
        self._as_they_are = 0  # so many large payloads more are not tried

    def pack(self, sequence: int, record: Record) -> Parcel:
        payload = record.payload
        body, coding = self._compress(payload)
        return Parcel(
            sequence,
            body,
            coding,
            len(payload),
            record.points,
            record.time_ns,
            record.priority,
        )

    def _compress(self, payload: bytes) -> tuple[bytes, int]:
        """The shorter form. After a large payload that has none, its like is tried again now and then."""
        large = len(payload) >= _LARGE
        if large and self._as_they_are:
            self._as_they_are -= 1
            return payload, 0
        body = self._compressor.compress(payload)
        if len(body) < len(payload):
            return body, COMPRESSED
        if large:
            self._as_they_are = _UNTRIED
        return payload, 0

    def unpack(self, parcel: Parcel) -> Record:
        payload = self._decompressor.decompress(parcel.body) if parcel.coding else parcel.body
        return Record(payload, parcel.points, parcel.time_ns, parcel.priority)

    def seal(self, head: Head, body: bytes, cipher: Cipher | None) -> tuple[Head, bytes]:
        """The head and the body as they are written; `body` is compressed where the head says so."""
        if cipher is None:
            return head, body
        head = head._replace(stored=len(body) + TAG_SIZE, coding=head.coding | ENCRYPTED)
        return head, cipher.seal(head.ordinal, body, head_fields(head))

    def open(self, head: Head, body: bytes, cipher: Cipher | None) -> bytes | None:
        """The payload again, or None where it is not exactly what was put."""
        data: bytes | None = body
        if head.coding & ENCRYPTED:
            data = cipher.open(head.ordinal, body, head_fields(head)) if cipher else None
        if data is not None and head.coding & COMPRESSED:
            data = self._decompress(data, head.raw)
        return data if data is not None and len(data) == head.raw else None

    def _decompress(self, data: bytes, raw: int) -> bytes | None:
        try:
            # The frame's own idea of its size is not trusted with our memory.
            if zstandard.frame_content_size(data) != raw:
                return None
            return self._decompressor.decompress(data)
        except zstandard.ZstdError:
            return None
