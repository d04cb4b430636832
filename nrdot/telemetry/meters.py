"""The agent's own metrics: instruments of the OpenTelemetry SDK, as OTLP and as OpenMetrics.

Values come from the outside: by `counter`, added where something happens, or by `observe`, from a callable
that is asked at each collection. Both the pipeline's thread and the one that answers /metrics collect, so
those callables may run on either and only read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from opentelemetry.sdk.resources import Resource

from nrdot.telemetry.instruments import INSTRUMENTS, Kind
from nrdot.telemetry.openmetrics import render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.metrics import CallbackOptions, Counter

    from nrdot.clock import Clock

    Reading = float | Iterable[tuple[float, Mapping[str, str]]]


class Meters:
    """One for each agent; no global provider, no environment, no thread of its own."""

    def __init__(self, resource: Mapping[str, str], clock: Clock) -> None:
        self._clock = clock
        self._start_ns = clock.wall_ns()
        self._reader = InMemoryMetricReader()
        self._provider = MeterProvider(
            metric_readers=[self._reader],
            resource=Resource({"service.name": "nrdot", **resource}),
            exemplar_filter=AlwaysOffExemplarFilter(),
            shutdown_on_exit=False,
        )
        self._meter = self._provider.get_meter("nrdot")

    def counter(self, name: str) -> Counter:
        """For what is counted where it happens; `add` may be called from any thread."""
        instrument = INSTRUMENTS[name]
        return self._meter.create_counter(name, instrument.unit, instrument.description)

    def observe(self, name: str, reading: Callable[[], Reading]) -> None:
        """Ask `reading` at each collection: one number, or numbers with their attributes."""
        instrument = INSTRUMENTS[name]

        def answer(_options: CallbackOptions) -> Iterable[Observation]:
            values = reading()
            if isinstance(values, int | float):
                return [Observation(values)]
            return [Observation(value, dict(attributes)) for value, attributes in values]

        create = (
            self._meter.create_observable_counter
            if instrument.kind is Kind.COUNTER
            else self._meter.create_observable_gauge
        )
        create(name, [answer], instrument.unit, instrument.description)

    def otlp(self, time_ns: int) -> tuple[bytes, int]:
        """A serialized ExportMetricsServiceRequest and the number of its points.

        The SDK stamps with its own clock; ours takes its place, so that these points carry the time of the
        tick that they travel with.
        """
        data = self._collect()
        if data is None:
            return b"", 0
        request = encode_metrics(data)
        points = 0
        for scope in (scope for resource in request.resource_metrics for scope in resource.scope_metrics):
            for metric in scope.metrics:
                counted = metric.HasField("sum")
                for point in (metric.sum if counted else metric.gauge).data_points:
                    points += 1
                    point.time_unix_nano = time_ns
                    if counted:
                        point.start_time_unix_nano = min(self._start_ns, time_ns)
        return request.SerializeToString(), points

    def openmetrics(self) -> str:
        data = self._collect()
        return render(data) if data is not None else "# EOF\n"

    def _collect(self) -> MetricsData | None:
        """None where the user switched the SDK off (OTEL_SDK_DISABLED), which also has nothing to collect."""
        return self._reader.get_metrics_data()
