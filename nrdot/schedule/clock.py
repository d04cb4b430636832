"""The clock on the wall of a zone, and what becomes of schedules when it is set forward or back.

A stretch of hours holds at every moment at which the clock shows a time within it: in the hour that repeats
twice, in the hour that is missing not at all. A moment (the start of an event, a strike of cron) that falls
into the missing hour comes when that hour has been skipped.

Moments are seconds since the Unix epoch. What a clock shows is counted alike, as if the clock stood in UTC.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

MINUTE = 60
DAY = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PROBE = DAY // 4  # no zone has changed its offset twice within six hours

Window = tuple[int, int]  # from a moment until before another
Piece = tuple[int, int, int]  # a window during which the clock is ahead of UTC by so many seconds


class ZoneClock:
    """Offsets of one zone, looked up once for each stretch of time that is asked for."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self._known: Window = (0, 0)
        self._starts: list[int] = []
        self._offsets: list[int] = []

    def pieces(self, start: int, end: int) -> list[Piece]:
        """The offsets from `start` to `end`, in order and without a hole."""
        if start >= end:
            return []
        if not (self._known[0] <= start and end <= self._known[1]):
            self._learn(start - DAY, end + DAY)
        first = bisect_right(self._starts, start) - 1
        found = []
        for index in range(first, len(self._starts)):
            begin = max(self._starts[index], start)
            until = self._starts[index + 1] if index + 1 < len(self._starts) else end
            if begin >= end:
                break
            found.append((begin, min(until, end), self._offsets[index]))
        return found

    def moments(self, shown: Iterable[Window], pieces: Iterable[Piece]) -> Iterator[Window]:
        """When the clock shows something within the stretches `shown`."""
        stretches = list(shown)
        for begin, until, offset in pieces:
            low, high = begin + offset, until + offset
            for first, last in stretches:
                if first < high and last > low:
                    yield max(first, low) - offset, min(last, high) - offset

    def first(self, shown: int) -> int:
        """The first moment at which the clock shows this, or has just skipped it."""
        for begin, until, offset in self.pieces(shown - 2 * DAY, shown + 2 * DAY):
            if shown < until + offset:
                return max(begin, shown - offset)
        raise AssertionError("no clock is two days off")

    def shown(self, moment: int) -> int:
        """What the clock shows at a moment."""
        return moment + self.pieces(moment, moment + 1)[0][2]

    def _learn(self, start: int, end: int) -> None:
        self._known = start, end
        self._starts, self._offsets = [start], [self._offset(start)]
        before = start
        while before < end:
            after = min(before + PROBE, end)
            offset = self._offset(after)
            if offset != self._offsets[-1]:
                self._starts.append(self._change(before, after))
                self._offsets.append(offset)
            before = after

    def _change(self, low: int, high: int) -> int:
        """The first moment of the offset at `high`, which is not that at `low`."""
        old = self._offset(low)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._offset(middle) == old else (low, middle)
        return high

    def _offset(self, moment: int) -> int:
        delta = (EPOCH + timedelta(seconds=moment)).astimezone(self.zone).utcoffset()
        if delta is None:
            raise AssertionError("a zone always knows its offset")
        return round(delta.total_seconds())


def joined(windows: Iterable[Window]) -> list[Window]:
    """The same moments in order, as few windows as there can be."""
    found: list[Window] = []
    for begin, until in sorted(windows):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], until)
        else:
            found.append((begin, until))
    return found


def between(windows: Iterable[Window], start: int, end: int) -> list[Window]:
    """The holes in windows that are joined, from `start` to `end`."""
    found = []
    at = start
    for begin, until in windows:
        if begin > at:
            found.append((at, min(begin, end)))
        at = max(at, until)
        if at >= end:
            return found
    return [*found, (at, end)] if at < end else found
