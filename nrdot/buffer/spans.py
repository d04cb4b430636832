"""Which records of a segment have left it, as few numbers as possible.

Records leave mostly from one end, so the spans that have left are nearly always one or two.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Spans:
    """A set of whole numbers, held as half-open ranges in order."""

    __slots__ = ("_starts", "_stops")

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for start, stop in spans:
            self.add(start, stop)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts, self._stops, strict=True)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and number < self._stops[at]

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __len__(self) -> int:
        """How many numbers, not how many ranges."""
        return sum(self._stops) - sum(self._starts)

    def add(self, start: int, stop: int) -> None:
        """Every number from `start` up to but not including `stop`."""
        if start >= stop:
            return
        first = bisect_right(self._starts, start)
        if first and self._stops[first - 1] >= start:
            first -= 1
            start = self._starts[first]
        last = bisect_right(self._starts, stop)
        if last > first:
            stop = max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]

    def without(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """The parts of `start` to `stop` that are not in the set."""
        for begin, end in self:
            if end <= start:
                continue
            if begin >= stop:
                break
            if begin > start:
                yield start, begin
            start = end
        if start < stop:
            yield start, stop
