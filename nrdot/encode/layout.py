"""A fixed shape for the points of one series, built once.

Everything in a process's points but times and values depends only on which metrics are sent. OTLP carries
times and values in fixed-width fields, so the serialized points have the same length for every process, and
the eight bytes of each value stand at the same offset. A layout knows those offsets: it is serialized once
with marks in the place of values, and the marks are found again in the bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import TYPE_CHECKING

import numpy as np

from nrdot import otlp
from nrdot.encode.catalogue import Form

if TYPE_CHECKING:
    from nrdot.batch import Counter, Gauge
    from nrdot.encode.catalogue import Metric

SCOPE = "nrdot"
SCHEMA_URL = {
    False: "https://opentelemetry.io/schemas/1.9.0",
    True: "https://opentelemetry.io/schemas/1.37.0",
}


class Phase(IntEnum):
    """Where a series is in its life."""

    OPENING = auto()  # counters that have grown send a zero at their start beside their value now
    STEADY = auto()
    ENDING = auto()  # every point says that no value was recorded


@dataclass(frozen=True, slots=True)
class Value:
    """Where a column's value goes, as a field of `Layout.fields`."""

    field: str
    source: Counter | Gauge
    ticks: bool


class _Marks:
    """Numbers that stand for values while a layout is built; each is found exactly once in the bytes."""

    def __init__(self) -> None:
        self._next = 0
        self.found: dict[str, int] = {}

    def take(self, name: str) -> int:
        self._next += 1
        mark = 0x4E52_0000_5A00_0000 | self._next << 8 | 0x17
        self.found[f"{name}{self._next}"] = mark
        return mark


class Layout:
    """The scope metrics of one series as bytes, and where times and values are written."""

    def __init__(
        self,
        metrics: tuple[Metric, ...],
        phase: Phase,
        *,
        stable: bool,
        version: str,
        still: frozenset[Counter | Gauge] = frozenset(),
    ) -> None:
        """`still` are counters that say zero now: a zero at their start would only be another one."""
        self._still = still
        marks = _Marks()
        self.points = 0
        values: list[tuple[int, Counter | Gauge, bool]] = []
        found = [
            otlp.metric(
                metric.name, metric.unit, metric.description, self._data(metric, phase, marks, values)
            )
            for metric in metrics
        ]
        scope = otlp.scope(SCOPE, version, found)
        self.template = otlp.field(2, scope) + otlp.words(3, SCHEMA_URL[stable])
        self.size = len(self.template)
        offsets = {mark: self._offset(mark) for mark in marks.found.values()}
        names = {mark: name for name, mark in marks.found.items()}
        self.starts = [name for name in marks.found if name.startswith("start")]
        self.times = [name for name in marks.found if name.startswith("time")]
        self.zeros = [name for name in marks.found if name.startswith("zero")]
        self.values = [Value(names[mark], source, ticks) for mark, source, ticks in values]
        doubles = {value.field for value in self.values if value.ticks}
        # One record a series; the fields are the eight-byte places, wherever they fall.
        self.fields = np.dtype(
            {
                "names": [names[mark] for mark in offsets],
                "formats": ["<f8" if names[mark] in doubles else "<i8" for mark in offsets],
                "offsets": list(offsets.values()),
                "itemsize": self.size,
            }
        )

    def _data(
        self, metric: Metric, phase: Phase, marks: _Marks, values: list[tuple[int, Counter | Gauge, bool]]
    ) -> bytes:
        points = []
        for point in metric.points:
            counts = metric.form is Form.COUNTER and point.source not in self._still
            attributes = [] if point.attribute is None else [otlp.attribute(*point.attribute)]
            for moment in ("zero", "time") if phase is Phase.OPENING and counts else ("time",):
                start, time = marks.take("start"), marks.take(moment)
                value = None
                if moment == "zero":
                    value = _value(0, ticks=metric.ticks)
                elif phase is not Phase.ENDING:
                    mark = marks.take("value")
                    values.append((mark, point.source, metric.ticks))
                    value = _value(mark, ticks=metric.ticks)
                points.append(otlp.point(start, time, value, attributes))
        self.points += len(points)
        if metric.form is Form.GAUGE:
            return otlp.gauge(points)
        return otlp.cumulative(points, monotonic=metric.form is Form.COUNTER)

    def _offset(self, mark: int) -> int:
        wanted = struct.pack("<q", mark)
        offset = self.template.find(wanted)
        if offset < 0 or self.template.find(wanted, offset + 1) >= 0:
            raise AssertionError("a mark must stand exactly once in the template")
        return offset


def _value(bits: int, *, ticks: bool) -> bytes:
    return struct.pack("<Bq", otlp.AS_DOUBLE if ticks else otlp.AS_INT, bits)
