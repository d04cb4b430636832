"""The body of a request, smaller.

zstd comes first because it is both faster and smaller; gzip is the only compression that every OTLP server
must take, so an endpoint that refuses the first zstd is asked with gzip, then with none. `ladder` is that
order. Level `auto` looks at how fast the link has been and spends processor time only where bytes are slow.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import zstandard

if TYPE_CHECKING:
    from collections.abc import Sequence

AUTO = 0
MAXIMUM = 19  # zstd has slower levels still; they need a window that not every decoder allows

# Bytes a second on the link, below which a higher level of zstd pays. On a batch of ten scrapes level 19
# saves a third of the bytes and takes a second for 1 to 4 MB, level 3 a hundredth of that. The slower one
# wins only where the bytes that it saves would take longer to send.
_FAST_LINK = 1_000_000
_SLOW_LINK = 64_000
# A small body costs a tenth of a millisecond more at a higher level, and is a tenth smaller.
_SMALL_BODY = 128 * 1024  # bytes
_USUAL_OF_SMALL, _USUAL = 6, 3
_SMOOTHING = 0.3  # weight of the newest observation
_SMALLEST_OBSERVED = 4096  # bytes; below, a request measures the round trip and not the link


class Compressor(Protocol):
    name: str  # as Content-Encoding has it; empty for none

    def compress(self, payload: bytes) -> bytes: ...


class Plain:
    name = ""

    def compress(self, payload: bytes) -> bytes:
        return payload


class Gzip:
    name = "gzip"

    def __init__(self, level: int = 6) -> None:
        self._level = min(level, 9)

    def compress(self, payload: bytes) -> bytes:
        packer = zlib.compressobj(self._level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        return packer.compress(payload) + packer.flush()


class Zstd:
    name = "zstd"

    def __init__(self, level: int | Link | None = None) -> None:
        """Without a level, one that suits the size of a body."""
        self._level = level

    def compress(self, payload: bytes) -> bytes:
        if isinstance(self._level, Link):
            level = self._level.level()
        elif self._level is None:
            level = _USUAL_OF_SMALL if len(payload) <= _SMALL_BODY else _USUAL
        else:
            level = self._level
        # A new context each time: one kept between requests would hold its largest window for ever.
        return zstandard.ZstdCompressor(level=level).compress(payload)


@dataclass(slots=True)
class Link:
    """How fast the way to the endpoint is, as requests have shown."""

    bytes_per_second: float | None = None

    def observe(self, wire_bytes: int, seconds: float) -> None:
        if wire_bytes < _SMALLEST_OBSERVED or seconds <= 0:
            return
        speed = wire_bytes / seconds
        old = self.bytes_per_second
        self.bytes_per_second = speed if old is None else old + _SMOOTHING * (speed - old)

    def level(self) -> int:
        speed = self.bytes_per_second
        if speed is None or speed >= _FAST_LINK:
            return 3
        return 9 if speed >= _SLOW_LINK else MAXIMUM


def ladder(algorithm: str, level: int | None, link: Link) -> Sequence[Compressor]:
    """The compressors to try, in order.

    `algorithm` is zstd, gzip or none; `level` is from 1 to `MAXIMUM`, `AUTO`, or None for the usual one.
    """
    gzip = Gzip(level or 6)
    if algorithm == "zstd":
        return (Zstd(link if level == AUTO else level), gzip, Plain())
    return (gzip, Plain()) if algorithm == "gzip" else (Plain(),)
