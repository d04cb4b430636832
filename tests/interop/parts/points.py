"""OTLP as a flat list of points, so that two documents can be compared point for point.

What was on the wire is decoded by the official protobuf classes. Files are read by a decoder of our own,
because the official one takes minutes for what a busy host writes in one; `test_delivery.py` holds the two
against each other.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path

    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
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


def read_lines(path: Path, pids: Container[int] | None = None) -> list[Point]:
    """Every point of a file of OTLP JSON lines, or of some processes only.

    A line that is still being written is left out. hostmetrics writes names that are not UTF-8 as they are,
    so bytes are decoded with replacement.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [point for line in lines if line for point in _points_of_line(line, pids)]


def _decode(line: bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(line.decode("utf-8", "replace"))
    return decoded


def presence(path: Path) -> dict[int, set[int]]:
    """At which times a file speaks of each process, without making points of it all."""
    found: dict[int, set[int]] = {}
    for line in path.read_bytes().split(b"\n")[:-1]:
        for resource in _decode(line).get("resourceMetrics", []):
            pairs = resource["resource"].get("attributes", [])
            pid = next((pair["value"]["intValue"] for pair in pairs if pair["key"] == "process.pid"), None)
            if pid is not None:
                _, points = _json_shape(resource["scopeMetrics"][0]["metrics"][0])
                found.setdefault(int(pid), set()).add(int(points[-1]["timeUnixNano"]))
    return found


def _points_of_line(line: bytes, pids: Container[int] | None) -> Iterator[Point]:
    for resource in _decode(line).get("resourceMetrics", []):
        words = _json_attributes(resource["resource"].get("attributes", []))
        if pids is not None and dict(words).get("process.pid") not in pids:
            continue
        for scope in resource["scopeMetrics"]:
            for metric in scope["metrics"]:
                kind, points = _json_shape(metric)
                for point in points:
                    number, value = _json_number(point)
                    yield Point(
                        resource=words,
                        schema=resource.get("schemaUrl", ""),
                        scope=scope["scope"].get("name", ""),
                        scope_version=scope["scope"].get("version", ""),
                        metric=metric["name"],
                        kind=kind,
                        attributes=_json_attributes(point.get("attributes", [])),
                        start_ns=int(point.get("startTimeUnixNano", 0)),
                        time_ns=int(point["timeUnixNano"]),
                        number=number,
                        value=value,
                        flags=point.get("flags", 0),
                    )


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


def _json_shape(metric: dict[str, Any]) -> tuple[Kind, list[dict[str, Any]]]:
    words = (metric.get("unit", ""), metric.get("description", ""))
    if "sum" in metric:
        total = metric["sum"]
        kind = Kind(
            words[0], "sum", total["aggregationTemporality"], total.get("isMonotonic", False), words[1]
        )
        return kind, total["dataPoints"]
    if "gauge" in metric:
        return Kind(words[0], "gauge", 0, False, words[1]), metric["gauge"]["dataPoints"]
    raise ValueError(f"{metric['name']} is neither a sum nor a gauge")


def _json_number(point: dict[str, Any]) -> tuple[str, int | float | None]:
    if "asInt" in point:
        return "as_int", int(point["asInt"])
    if "asDouble" in point:
        return "as_double", float(point["asDouble"])
    return "", None


def _json_attributes(pairs: list[dict[str, Any]]) -> Attributes:
    return tuple(sorted((pair["key"], _json_value(pair["value"])) for pair in pairs))


def _json_value(value: dict[str, Any]) -> Value:
    if "intValue" in value:
        return int(value["intValue"])
    found: Value = next(iter(value.values()), None)
    return found
