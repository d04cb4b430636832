"""OTLP as a flat list of points, so that two documents can be compared point for point.

Decoding is left to the official protobuf classes. The Collector's JSON differs from protobuf's own JSON only
in trace and span ids, which metrics have in exemplars alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint

Value = int | float | str | bool | None
Attributes = tuple[tuple[str, Value], ...]
NO_RECORDED_VALUE = 1  # bit of a point's flags


@dataclass(frozen=True, slots=True)
class Kind:
    """What a metric is, apart from its points."""

    unit: str
    shape: str  # sum or gauge
    temporality: int
    monotonic: bool
    description: str

    @property
    def without_description(self) -> Kind:
        return replace(self, description="")


@dataclass(frozen=True, slots=True)
class Point:
    resource: Attributes
    schema: str
    scope: str
    scope_version: str
    metric: str
    kind: Kind
    attributes: Attributes
    start_ns: int
    time_ns: int
    number: str  # as_int, as_double, or nothing where no value was recorded
    value: int | float | None
    flags: int

    @property
    def series(self) -> tuple[Attributes, str, Attributes]:
        return (self.resource, self.metric, self.attributes)

    @property
    def pid(self) -> int | None:
        found = dict(self.resource).get("process.pid")
        return found if isinstance(found, int) else None

    @property
    def ends(self) -> bool:
        return bool(self.flags & NO_RECORDED_VALUE)


def read_lines(path: Path) -> list[Point]:
    """Every point of a file of OTLP JSON lines. A line that is still being written is left out.

    hostmetrics writes names that are not UTF-8 as they are, so bytes are decoded with replacement.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [point for line in lines if line for point in decode_json(line)]


def decode_json(line: bytes) -> Iterator[Point]:
    request = json_format.Parse(line.decode("utf-8", "replace"), ExportMetricsServiceRequest())
    return flatten(request)


def flatten(request: ExportMetricsServiceRequest) -> Iterator[Point]:
    for resource in request.resource_metrics:
        words = _attributes(resource.resource.attributes)
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind, points = _shape(metric)
                for point in points:
                    number = point.WhichOneof("value") or ""
                    yield Point(
                        resource=words,
                        schema=resource.schema_url,
                        scope=scope.scope.name,
                        scope_version=scope.scope.version,
                        metric=metric.name,
                        kind=kind,
                        attributes=_attributes(point.attributes),
                        start_ns=point.start_time_unix_nano,
                        time_ns=point.time_unix_nano,
                        number=number,
                        value=getattr(point, number) if number else None,
                        flags=point.flags,
                    )


def differences(sent: Iterable[Point], received: Iterable[Point]) -> list[str]:
    """What one side has and the other has not, in words; empty when both are the same, point for point."""
    here, there = Counter(sent), Counter(received)
    lines = [f"not received ({count}x): {point}" for point, count in (here - there).items()]
    lines += [f"never sent ({count}x): {point}" for point, count in (there - here).items()]
    return lines


def _shape(metric: Metric) -> tuple[Kind, Iterable[NumberDataPoint]]:
    shape = metric.WhichOneof("data")
    if shape == "sum":
        total = metric.sum
        kind = Kind(metric.unit, "sum", total.aggregation_temporality, total.is_monotonic, metric.description)
        return kind, total.data_points
    if shape == "gauge":
        return Kind(metric.unit, "gauge", 0, False, metric.description), metric.gauge.data_points
    raise ValueError(f"{metric.name} is a {shape}; neither NRDOT nor the process scraper sends those")


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return tuple(sorted((pair.key, _any(pair.value)) for pair in pairs))


def _any(value: AnyValue) -> Value:
    which = value.WhichOneof("value")
    if which is None:
        return None
    found: Value = getattr(value, which)
    return found
