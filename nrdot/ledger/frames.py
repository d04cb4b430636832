"""Rows to bytes and back: a day's file is zstd frames, each of whole lines.

A frame carries a checksum and is written with one call, so what a crash leaves is whole frames and at most
the beginning of one. `whole` finds where that beginning is without inflating anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import zstandard

from nrdot.ledger.rows import VERSION, Outcome, Row, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SUFFIX = ".jsonl.zst"
# Higher levels gain next to nothing on so little at a time, and neither does a larger table of what was seen
# before: it is cold at every frame, so it costs what it measures.
_PARAMETERS = zstandard.ZstdCompressionParameters.from_level(1, hash_log=12, write_checksum=True)
FRAME_LIMIT = 64 << 20  # bytes that one frame may inflate to
_MAGIC = b"\x28\xb5\x2f\xfd"
_COMPRESSOR = zstandard.ZstdCompressor(compression_params=_PARAMETERS)  # for one thread at a time
_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Row] = msgspec.json.Decoder(Seen | Outcome)


def pack(rows: Sequence[Row]) -> bytes:
    """One frame."""
    return _COMPRESSOR.compress(_ENCODER.encode_lines(rows))


def unpack(frame: bytes) -> Iterator[Row]:
    """The rows of one frame. Raises ValueError where it is damaged; rows of newer versions are left out."""
    try:
        lines = zstandard.ZstdDecompressor().decompress(frame, max_output_size=FRAME_LIMIT)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None
    for line in lines.splitlines():
        row = _DECODER.decode(line)
        if row.v <= VERSION:
            yield row


def whole(data: bytes) -> list[int]:
    """Where each whole frame ends, from the beginning up to what is torn or foreign."""
    ends: list[int] = []
    at = 0
    while (end := _end(data, at)) is not None:
        ends.append(end)
        at = end
    return ends


def _end(data: bytes, at: int) -> int | None:
    """The end of the frame at `at` (RFC 8878, section 3.1.1); None where there is no whole one."""
    if data[at : at + 4] != _MAGIC or len(data) < at + 6:
        return None
    descriptor = data[at + 4]
    single = descriptor >> 5 & 1
    size = (single, 2, 4, 8)[descriptor >> 6]
    at += 5 + (1 - single) + (0, 1, 2, 4)[descriptor & 3] + size
    last = False
    while not last:
        head = int.from_bytes(data[at : at + 3], "little")
        if len(data) < at + 3:
            return None
        last = bool(head & 1)
        at += 3 + (1 if head >> 1 & 3 == 1 else head >> 3)
    at += 4 * (descriptor >> 2 & 1)
    return at if at <= len(data) else None
