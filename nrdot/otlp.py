"""OTLP as bytes: the few messages that the agent writes.

The official classes, with what they load, take two megabytes of an agent that writes five kinds of message
and whose hot path writes bytes anyway. Tests read everything with them, and compare with what they would have
written: fields stand in the order of their numbers, and what is empty is left out, as they do it.

A field is a varint key (number << 3 | wire type) and a value: 0 a varint, 1 eight bytes, 2 a length and that
many bytes.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

AS_DOUBLE, AS_INT = 0x21, 0x31  # keys of a point's value, of which the eight bytes follow
_START, _TIME = b"\x11", b"\x19"
_NO_RECORDED_VALUE = b"\x40\x01"
_CUMULATIVE, _MONOTONIC = b"\x10\x02", b"\x18\x01"
_ONE_BYTE = tuple(bytes((number,)) for number in range(0x80))


def varint(number: int) -> bytes:
    """Seven bits a byte, low ones first."""
    if number < 0x80:
        return _ONE_BYTE[number]
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, content: bytes) -> bytes:
    """A message, a string or bytes. No number of OTLP takes more than a byte."""
    return _ONE_BYTE[number << 3 | 2] + varint(len(content)) + content


def repeated(number: int, contents: Iterable[bytes]) -> bytes:
    return b"".join([field(number, content) for content in contents])


def words(number: int, text: str) -> bytes:
    return field(number, text.encode()) if text else b""


def attribute(key: str, value: str | int) -> bytes:
    """A KeyValue."""
    if isinstance(value, int):
        found = b"\x18" + varint(value & 0xFFFF_FFFF_FFFF_FFFF)
    else:
        text = value.encode()
        found = b"\x0a" + varint(len(text)) + text
    return _key(key) + varint(len(found)) + found


@lru_cache(256)
def _key(key: str) -> bytes:
    """The key of a KeyValue, and that a value follows."""
    return words(1, key) + b"\x12"


def resource(attributes: Mapping[str, str | int]) -> bytes:
    return repeated(1, [attribute(key, value) for key, value in attributes.items()])


def integer(value: int) -> bytes:
    """The value of a point."""
    return struct.pack("<Bq", AS_INT, value)


def double(value: float) -> bytes:
    """The value of a point."""
    return struct.pack("<Bd", AS_DOUBLE, value)


def point(start: int | None, time: int, value: bytes | None, attributes: Iterable[bytes] = ()) -> bytes:
    """A NumberDataPoint. Without a value it says that none was recorded."""
    began = b"" if start is None else _START + start.to_bytes(8, "little")
    rest = repeated(7, attributes)
    if value is None:
        return began + _TIME + time.to_bytes(8, "little") + rest + _NO_RECORDED_VALUE
    return began + _TIME + time.to_bytes(8, "little") + value + rest


def gauge(points: Iterable[bytes]) -> bytes:
    """The data of a metric."""
    return field(5, repeated(1, points))


def cumulative(points: Iterable[bytes], *, monotonic: bool) -> bytes:
    """The data of a metric: a sum."""
    return field(7, repeated(1, points) + _CUMULATIVE + (_MONOTONIC if monotonic else b""))


def metric(name: str, unit: str, description: str, data: bytes) -> bytes:
    return words(1, name) + words(2, description) + words(3, unit) + data


def scope(name: str, version: str, metrics: Iterable[bytes]) -> bytes:
    """A ScopeMetrics."""
    return field(1, words(1, name) + words(2, version)) + repeated(2, metrics)


def request(about: bytes, scopes: Iterable[bytes]) -> bytes:
    """An ExportMetricsServiceRequest of one resource."""
    return field(1, field(1, about) + repeated(2, scopes))
