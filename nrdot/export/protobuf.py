"""What export reads from protobuf without its classes: where fields lie, and what a server says.

A field is a varint key (number << 3 | wire type) and a value: 0 a varint, 1 eight bytes, 2 a varint length
and that many bytes, 5 four bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def halves(payload: bytes) -> tuple[bytes, bytes] | None:
    """A request as two that together say the same, cut between two resources near the middle.

    None where there is only one resource, or bytes that are no request.
    """
    try:
        starts = [start for _, start, _, _ in _fields(payload)]
    except ValueError:
        return None
    if len(starts) < 2:
        return None
    middle = min(starts[1:], key=lambda start: abs(2 * start - len(payload)))
    return payload[:middle], payload[middle:]


def partial_success(body: bytes) -> tuple[int, str]:
    """Rejected points and the message of an ExportMetricsServiceResponse. Raises ValueError."""
    rejected, message = 0, ""
    for key, value in _values(body):
        if key != 0x0A:
            continue
        for inner, found in _values(value):
            if inner == 0x08:
                rejected = _varint(found, 0)[0] & 0xFFFF_FFFF_FFFF_FFFF
            elif inner == 0x12:
                message = found.decode()
    return rejected - (1 << 64) if rejected >> 63 else rejected, message


def status_message(body: bytes) -> str:
    """The message (field 2) of a google.rpc.Status; empty where the bytes are none."""
    try:
        for number, _, value, end in _fields(body):
            if number == 2:
                return body[value:end].decode(errors="replace")
    except ValueError:
        pass
    return ""


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The key and the value of each field at the top level."""
    for number, start, value, end in _fields(data):
        yield number << 3 | data[start] & 7, data[value:end]


def _fields(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Number, start, start of the value and end of each field at the top level."""
    position = 0
    while position < len(data):
        start = position
        key, position = _varint(data, position)
        value = position
        match key & 7:
            case 0:
                _, end = _varint(data, position)
            case 1:
                end = position + 8
            case 2:
                length, value = _varint(data, position)
                end = value + length
            case 5:
                end = position + 4
            case other:
                raise ValueError(f"wire type {other} at byte {start}")
        if end > len(data) or key < 8:
            raise ValueError(f"no whole field at byte {start}")
        yield key >> 3, start, value, end
        position = end


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError(f"varint cut off at byte {position}")
