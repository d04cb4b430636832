"""Records that can be told apart, and what a test asks of a buffer that holds them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from nrdot.stages import Priority, Record
from nrdot.testing.clock import NOON_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nrdot.stages import Buffer

EVERYTHING = 1 << 40


def record(number: int, size: int = 200, priority: Priority = Priority.NORMAL, points: int = 10) -> Record:
    """Its payload begins with its number and does not compress."""
    return Record(
        number.to_bytes(4, "big") + Random(number).randbytes(size), points, NOON_NS + number, priority
    )


def number_of(made: Record) -> int:
    """The number of a whole and unchanged record; -1 where it is not what `record` made."""
    number = int.from_bytes(made.payload[:4], "big")
    return number if made.payload[4:] == Random(number).randbytes(len(made.payload) - 4) else -1


def put_all(buffer: Buffer, records: Iterable[Record]) -> None:
    for made in records:
        buffer.put(made)


def waiting(buffer: Buffer) -> list[Record]:
    return [found for _, found in buffer.peek(EVERYTHING, EVERYTHING)]


def numbers(buffer: Buffer) -> list[int]:
    return [number_of(found) for found in waiting(buffer)]


def sequences(buffer: Buffer, count: int = 1 << 30) -> Sequence[int]:
    return [sequence for sequence, _ in buffer.peek(EVERYTHING, EVERYTHING)[:count]]


def imbalance(buffer: Buffer) -> int:
    """0 when produced = delivered + rejected + dropped + what waits."""
    now = buffer.statistics()
    left = now.delivered + now.rejected + sum(now.dropped.values())
    return now.produced - left - sum(found.points for found in waiting(buffer))
