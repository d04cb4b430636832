"""A fixed shape for the points of one series, built once with the official protobuf classes.

Everything in a process's points but times and values depends only on which metrics are sent. OTLP carries
times and values in fixed-width fields, so the serialized points have the same length for every process, and
the eight bytes of each value stand at the same offset. A layout knows those offsets: it is serialized once
with marks in the place of values, and the marks are found again in the bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import TYPE_CHECKING, Any

import numpy as np
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK,
    ResourceMetrics,
)

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
        message = ResourceMetrics(schema_url=SCHEMA_URL[stable])
        scope = message.scope_metrics.add()
        scope.scope.name = SCOPE
        scope.scope.version = version
        self.points = 0
        values: list[tuple[int, Counter | Gauge, bool]] = []
        for metric in metrics:
            target = scope.metrics.add(name=metric.name, unit=metric.unit, description=metric.description)
            self._add_points(target, metric, phase, marks, values)
        self.template = message.SerializeToString()
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

    def _add_points(
        self,
        target: Any,
        metric: Metric,
        phase: Phase,
        marks: _Marks,
        values: list[tuple[int, Counter | Gauge, bool]],
    ) -> None:
        data = self._data(target, metric)
        for point in metric.points:
            counts = metric.form is Form.COUNTER and point.source not in self._still
            repeats = ("zero", "time") if phase is Phase.OPENING and counts else ("time",)
            for moment in repeats:
                added = data.data_points.add(
                    start_time_unix_nano=marks.take("start"), time_unix_nano=marks.take(moment)
                )
                if point.attribute is not None:
                    key, word = point.attribute
                    added.attributes.add(key=key).value.string_value = word
                self.points += 1
                if phase is Phase.ENDING:
                    added.flags = DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
                    continue
                if moment == "zero":
                    self._set(added, 0, ticks=metric.ticks)
                    continue
                mark = marks.take("value")
                values.append((mark, point.source, metric.ticks))
                self._set(added, mark, ticks=metric.ticks)

    @staticmethod
    def _data(target: Any, metric: Metric) -> Any:
        if metric.form is Form.GAUGE:
            return target.gauge
        target.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
        target.sum.is_monotonic = metric.form is Form.COUNTER
        return target.sum

    @staticmethod
    def _set(point: Any, bits: int, *, ticks: bool) -> None:
        if ticks:
            (point.as_double,) = struct.unpack("<d", struct.pack("<q", bits))
        else:
            point.as_int = bits

    def _offset(self, mark: int) -> int:
        wanted = struct.pack("<q", mark)
        offset = self.template.find(wanted)
        if offset < 0 or self.template.find(wanted, offset + 1) >= 0:
            raise AssertionError("a mark must stand exactly once in the template")
        return offset
