"""What series cost, in points and bytes, to the byte: those just encoded, and those that nobody sent.

A bill without an optimizer is a sum over series that were never made. Their size is arithmetic: the points of
a process have a fixed layout, and the resource in front of them is as long as its words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nrdot.encode.shape import SHAPES, shapes, shapes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nrdot.batch import Batch, Host, Identity, Ints, Rows, Table
    from nrdot.encode.attributes import Resources
    from nrdot.encode.layout import Layout
    from nrdot.stages import GroupFrame

REMEMBERED = 4096  # identities whose size is kept at hand
_LONGER = np.array([1 << 7, 1 << 14, 1 << 21])  # bytes from which on a length takes one byte more
_PID, _PARENT = "process.pid", "process.parent_pid"


@dataclass(frozen=True, slots=True)
class GroupCost:
    """What one group cost at an export."""

    group: GroupFrame
    points: int
    bytes: int
    series: int


class Costs:
    """`points` and `bytes` are by row, of the last export; both are 0 where a row sent nothing."""

    def __init__(self, resources: Resources, steady: Callable[[int], Layout]) -> None:
        """`steady` gives the layout of a process that lacks what its shape says."""
        self.points: Ints = np.zeros(0, np.int64)
        self.bytes: Ints = np.zeros(0, np.int64)
        self.groups: list[GroupCost] = []
        self._resources = resources
        self._steady = steady
        self._sizes: Ints = np.zeros(0, np.int64)  # of the resource of each row, sent or not
        self._everybody: tuple[bytes, tuple[Ints, Ints]] | None = None  # shapes, and what they cost
        self._remembered: dict[Identity, int] = {}
        self._host: Host | None = None

    def clear(self, capacity: int) -> None:
        """A new export."""
        if len(self.points) < capacity:
            self.points = np.zeros(capacity, np.int64)
            self.bytes = np.zeros(capacity, np.int64)
        else:
            self.points[:] = 0
            self.bytes[:] = 0
        self.groups = []

    @property
    def total(self) -> int:
        """Bytes of the whole export."""
        return int(self.bytes.sum()) + sum(cost.bytes for cost in self.groups)

    def sent(self, rows: Rows, points: Ints, bodies: Ints) -> None:
        """Rows were encoded: so many points each, and so many bytes of resource and points together."""
        self.points[rows] += points
        self.bytes[rows] += framed(bodies)

    def sent_groups(
        self, groups: Sequence[GroupFrame], points: Ints, bodies: Ints, series: Iterable[int]
    ) -> None:
        """The same of groups; `series` of each."""
        self.groups += map(GroupCost, groups, points.tolist(), framed(bodies).tolist(), series)

    def name(self, batch: Batch, rows: Rows) -> None:
        """Take in the words of processes that are new, or that have new ones."""
        table, host = batch.table, batch.host
        self._fit(table.capacity)
        if self._host is None or _words(host) != _words(self._host):
            self._remembered.clear()
        self._host = host
        self._everybody = None
        for row in rows.tolist():
            self._sizes[row] = self._resource(
                host, table.identity[row], int(table.pid[row]), int(table.parent[row])
            )

    def plain(self, table: Table, rows: Rows) -> tuple[Ints, Ints]:
        """Points and bytes of each of `rows`, were it sent alone in the midst of its life."""
        return self._plain(shapes_of(table, rows), self._sizes[rows])

    def everybody(self, table: Table) -> tuple[Ints, Ints]:
        """The same of every row: the very arrays of the last call where nobody's cost is another now."""
        self._fit(table.capacity)
        found = shapes(table.limited, table.gauges)
        said = found.tobytes()
        if self._everybody is None or self._everybody[0] != said:
            self._everybody = said, self._plain(found, self._sizes)
        return self._everybody[1]

    def _fit(self, capacity: int) -> None:
        if (more := capacity - len(self._sizes)) > 0:
            self._sizes = np.pad(self._sizes, (0, more))

    def _plain(self, found: Ints, resources: Ints) -> tuple[Ints, Ints]:
        points, sizes = np.zeros(SHAPES, np.int64), np.zeros(SHAPES, np.int64)
        for shape in np.flatnonzero(np.bincount(found)).tolist():
            layout = self._steady(shape)
            points[shape], sizes[shape] = layout.points, layout.size
        return points[found], framed(resources + sizes[found])

    def plain_points(self, table: Table, rows: Rows) -> int:
        """The points alone, of all of `rows` together."""
        found = np.bincount(shapes_of(table, rows)).tolist()
        return sum(count * self._steady(shape).points for shape, count in enumerate(found) if count)

    def _resource(self, host: Host, identity: Identity, pid: int, parent: int) -> int:
        """Bytes of the serialized resource."""
        body = self._remembered.get(identity)
        if body is None:
            words = self._resources.process(host, identity, 0, 0)
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            body = self._remembered[identity] = sum(
                _attribute(key, value) for key, value in words.items() if value != 0
            )
        body += _number(_PID, pid) + _number(_PARENT, parent)
        return 1 + _length(body) + body


def framed(bodies: Ints) -> Ints:
    """With the tag and the length that stand before a message of an export request."""
    found: Ints = _LONGER.searchsorted(bodies, side="right")
    found += bodies
    found += 2
    return found


def _words(host: Host) -> tuple[object, ...]:
    return host.id, host.name, host.os, host.attributes


def _attribute(key: str, value: str | int) -> int:
    if isinstance(value, int):
        return _number(key, value)
    text = len(value.encode())
    return _pair(key, 1 + _length(text) + text)


def _number(key: str, value: int) -> int:
    return _pair(key, 1 + (10 if value < 0 else _length(value)))


def _pair(key: str, value: int) -> int:
    """A key with a value of so many bytes, as one of a resource's attributes."""
    body = 1 + _length(len(key)) + len(key) + 1 + _length(value) + value
    return 1 + _length(body) + body


def _length(number: int) -> int:
    """Bytes of a number as a varint."""
    return 1 if number < 1 << 7 else (number.bit_length() + 6) // 7
