"""What a backend makes of the points that it receives, the way Prometheus does: by value alone.

Start times are ignored, as Prometheus ignores them by default; a value below the one before is a reset to
zero; a point without a value ends its series.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint

    from nrdot.stages import Record

Labels = tuple[tuple[str, str | int], ...]


@dataclass(slots=True)
class Series:
    """The raw samples of one series, in the order in which they came."""

    resource: dict[str, str | int]
    metric: str
    attributes: dict[str, str | int]
    monotonic: bool
    samples: list[tuple[int, float | int | None]] = field(default_factory=list)  # None ends it

    def growth(self) -> float:
        """What a counter grew over all its samples."""
        total: float = 0
        last: float | None = None
        for _, value in self.samples:
            if value is None:
                continue
            if last is not None:
                total += value - last if value >= last else value
            last = value
        return total

    def now(self) -> float | int | None:
        return self.samples[-1][1] if self.samples else None


class Backend:
    """Takes records, keeps every sample."""

    def __init__(self) -> None:
        self.series: dict[tuple[Labels, str, Labels], Series] = {}
        self.points = 0
        self.out_of_order = 0  # samples not newer than the one before in their series

    def receive(self, records: Iterable[Record]) -> None:
        for record in records:
            before = self.points
            self.receive_payload(record.payload)
            if self.points - before != record.points:
                raise AssertionError(f"a record of {record.points} points holds {self.points - before}")

    def receive_payload(self, payload: bytes) -> None:
        for resource in ExportMetricsServiceRequest.FromString(payload).resource_metrics:
            who = _labels(resource.resource.attributes)
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point, monotonic in _points(metric):
                        self._take(who, metric.name, point, monotonic=monotonic)

    def total(self, metric: str, **attributes: str) -> float:
        """What a counter grew, over all its series."""
        return sum(
            series.growth()
            for series in self.series.values()
            if series.metric == metric and attributes.items() <= series.attributes.items()
        )

    def level(self, metric: str) -> float:
        """The sum of a gauge over the series that are not ended."""
        values = [series.now() for series in self.series.values() if series.metric == metric]
        return sum(value for value in values if value is not None)

    def resources(self) -> list[dict[str, str | int]]:
        """Every resource that has a living series, once."""
        found: dict[Labels, dict[str, str | int]] = {}
        for (who, _, _), series in self.series.items():
            if series.now() is not None:
                found[who] = series.resource
        return list(found.values())

    def _take(self, who: Labels, metric: str, point: NumberDataPoint, *, monotonic: bool) -> None:
        self.points += 1
        attributes = _labels(point.attributes)
        series = self.series.setdefault(
            (who, metric, attributes), Series(dict(who), metric, dict(attributes), monotonic)
        )
        value: float | int | None = None
        if not point.flags & DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK:
            value = point.as_int if point.WhichOneof("value") == "as_int" else point.as_double
        if series.samples and point.time_unix_nano <= series.samples[-1][0]:
            self.out_of_order += 1
        series.samples.append((point.time_unix_nano, value))


def _points(metric: Metric) -> Iterator[tuple[NumberDataPoint, bool]]:
    if metric.HasField("sum"):
        return ((point, metric.sum.is_monotonic) for point in metric.sum.data_points)
    return ((point, False) for point in metric.gauge.data_points)


def _labels(attributes: Iterable[KeyValue]) -> Labels:
    found: dict[str, str | int] = defaultdict(str)
    for attribute in attributes:
        value = attribute.value
        found[attribute.key] = (
            value.int_value if value.WhichOneof("value") == "int_value" else value.string_value
        )
    return tuple(sorted(found.items()))
