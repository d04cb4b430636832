"""OTLP requests as an agent makes them, of any size, for tests of what comes after the encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from nrdot.stages import Priority, Record
from nrdot.testing.clock import NOON_NS

if TYPE_CHECKING:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

POINTS = 4  # of each process below


def request(processes: int, *, first: int = 1, time_ns: int = NOON_NS) -> bytes:
    """A serialized request with one resource for each process, pids counting from `first`."""
    message = ExportMetricsServiceRequest()
    for pid in range(first, first + processes):
        _process(message.resource_metrics.add(), pid, time_ns)
    payload: bytes = message.SerializeToString()
    return payload


def record(
    processes: int, *, first: int = 1, time_ns: int = NOON_NS, priority: Priority = Priority.NORMAL
) -> Record:
    payload = request(processes, first=first, time_ns=time_ns)
    return Record(payload, processes * POINTS, time_ns, priority)


def pids(payload: bytes) -> list[int]:
    """The processes that a request speaks of, in its order."""
    message = ExportMetricsServiceRequest.FromString(payload)
    return [
        attribute.value.int_value
        for resource in message.resource_metrics
        for attribute in resource.resource.attributes
        if attribute.key == "process.pid"
    ]


def _process(resource: ResourceMetrics, pid: int, time_ns: int) -> None:
    words: dict[str, str] = {
        "host.name": "edge-7",
        "host.id": "3f1b7c",
        "process.executable.name": f"worker-{pid % 50}",
    }
    for key, value in words.items():
        resource.resource.attributes.add(key=key).value.string_value = value
    resource.resource.attributes.add(key="process.pid").value.int_value = pid
    scope = resource.scope_metrics.add()
    scope.scope.name = "nrdot"
    processor_time = scope.metrics.add(name="process.cpu.time", unit="s")
    processor_time.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    processor_time.sum.is_monotonic = True
    for state, seconds in (("user", pid * 0.25), ("system", pid * 0.125), ("wait", 0.0)):
        point = processor_time.sum.data_points.add(
            start_time_unix_nano=time_ns - 3600 * 10**9, time_unix_nano=time_ns, as_double=seconds
        )
        point.attributes.add(key="state").value.string_value = state
    memory = scope.metrics.add(name="process.memory.usage", unit="By")
    memory.gauge.data_points.add(time_unix_nano=time_ns, as_int=pid * 4096)
