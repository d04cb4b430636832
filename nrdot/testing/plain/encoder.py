"""The encoder as one would write it first: one message, field by field. What the fast one is measured by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
)

from nrdot.batch import Counter, Gauge
from nrdot.encode.catalogue import GROUP_SIZE, Form
from nrdot.encode.encoder import ZERO_NS
from nrdot.encode.layout import SCHEMA_URL, SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

    from nrdot.batch import Batch
    from nrdot.encode.attributes import Resources
    from nrdot.encode.catalogue import Metric
    from nrdot.stages import Frame, GroupFrame


def plain_request(
    batch: Batch, frame: Frame, metrics: tuple[Metric, ...], resources: Resources, version: str
) -> ExportMetricsServiceRequest:
    """Every series of a frame, in the order: opening, steady, groups. Ends are left to their own test."""
    request = ExportMetricsServiceRequest()
    table = batch.table
    for rows, opening in ((frame.opening, True), (frame.steady, False)):
        for row in rows.tolist():
            words = resources.process(
                batch.host, table.identity[row], int(table.pid[row]), int(table.parent[row])
            )

            def read(source: Counter | Gauge, row: int = row) -> int | None:
                if isinstance(source, Counter):
                    if source in (Counter.READ, Counter.WRITTEN) and table.limited[row]:
                        return None
                    return int(table.counters[source, row] - table.base[source, row])
                if source is Gauge.PRIVATE:
                    shared = int(table.gauges[Gauge.SHARED, row])
                    return None if shared < 0 else int(table.gauges[Gauge.RSS, row]) - shared
                value = int(table.gauges[source, row])
                return None if value < 0 else value

            target = _resource(request, words)
            times = (int(table.since_ns[row]), frame.time_ns)
            _series(target, (metrics, version), times, batch.host.hz, read, opening=opening)
    for group in frame.groups:
        target = _resource(request, resources.group(batch.host, group.name, group.kind))

        def read_group(source: Counter | Gauge, group: GroupFrame = group) -> int | None:
            if isinstance(source, Counter):
                missing = group.limited and source in (Counter.READ, Counter.WRITTEN)
                return None if missing else int(group.counters[source])
            value = int(group.gauges[source])
            return None if value < 0 else value

        times = (group.since_ns, frame.time_ns)
        every = (*metrics, GROUP_SIZE)
        _series(target, (every, version), times, batch.host.hz, read_group, opening=group.opening)
    return request


def _resource(request: ExportMetricsServiceRequest, words: Mapping[str, str | int]) -> ResourceMetrics:
    target = request.resource_metrics.add(schema_url=SCHEMA_URL[False])
    for key, value in words.items():
        holder = target.resource.attributes.add(key=key).value
        if isinstance(value, int):
            holder.int_value = value
        else:
            holder.string_value = value
    return target


def _series(
    target: ResourceMetrics,
    what: tuple[tuple[Metric, ...], str],
    times: tuple[int, int],
    hz: int,
    read: Callable[[Counter | Gauge], int | None],
    *,
    opening: bool,
) -> None:
    (metrics, version), (since, now) = what, times
    scope = target.scope_metrics.add()
    scope.scope.name, scope.scope.version = SCOPE, version
    for metric in metrics:
        values = [(point, read(point.source)) for point in metric.points]
        if any(value is None for _, value in values):
            continue
        added = scope.metrics.add(name=metric.name, unit=metric.unit, description=metric.description)
        if metric.form is not Form.GAUGE:
            added.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            added.sum.is_monotonic = metric.form is Form.COUNTER
        points = (added.gauge if metric.form is Form.GAUGE else added.sum).data_points
        for point, value in values:
            moments = [(now, value or 0)]
            if opening and metric.form is Form.COUNTER and value:
                moments.insert(0, (since + ZERO_NS, 0))
            for time_ns, number in moments:
                sample = points.add(start_time_unix_nano=since, time_unix_nano=time_ns)
                if point.attribute is not None:
                    sample.attributes.add(key=point.attribute[0]).value.string_value = point.attribute[1]
                if metric.ticks:
                    sample.as_double = number / hz
                else:
                    sample.as_int = number
