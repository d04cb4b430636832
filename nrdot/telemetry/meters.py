"""The agent's own metrics, as OTLP and as OpenMetrics.

Each is asked for at each collection. Both the pipeline's thread and the one that answers /metrics collect, so
what they ask may run on either and only reads. Why this is not the OpenTelemetry SDK:
docs/decisions/0011-own-self-metrics.md.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

from nrdot.telemetry.instruments import INSTRUMENTS, Kind
from nrdot.telemetry.log import Log
from nrdot.telemetry.openmetrics import render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint

    from nrdot.clock import Clock
    from nrdot.telemetry.instruments import Instrument

    Reading = float | Iterable[tuple[float, Mapping[str, str]]]
    Series = Sequence[tuple[float, Mapping[str, str]]]

_log = Log("agent")

_OFF = "OTEL_SDK_DISABLED"  # the standard's word for all that a program tells of itself


class Meters:
    """One for each agent. `otlp` is for one thread, `openmetrics` for any."""

    def __init__(self, resource: Mapping[str, str], clock: Clock) -> None:
        self._start_ns = clock.wall_ns()
        self._resource = {"service.name": "nrdot", **resource}
        self._readings: dict[str, Callable[[], Reading]] = {}
        self._off = os.environ.get(_OFF, "").strip().lower() == "true"
        self._template: _Template | None = None

    def observe(self, name: str, reading: Callable[[], Reading]) -> None:
        """Ask `reading` at each collection: one number, or numbers with their attributes."""
        self._readings[INSTRUMENTS[name].name] = reading

    def otlp(self, time_ns: int) -> tuple[bytes, int]:
        """A serialized ExportMetricsServiceRequest of this time, and the number of its points."""
        found = self._collect()
        if not found:
            return b"", 0
        shape = [(one.name, [tuple(words.items()) for _, words in series]) for one, series in found]
        if self._template is None or self._template.shape != shape:
            self._template = _template(shape, self._resource, found)
        return self._template.filled(found, min(self._start_ns, time_ns), time_ns)

    def openmetrics(self) -> str:
        found = self._collect()
        return render(self._resource, found) if found else "# EOF\n"

    def _collect(self) -> list[tuple[Instrument, Series]]:
        """Instruments that have something to say, with it; what is no number is left out."""
        if self._off:
            return []
        found: list[tuple[Instrument, Series]] = []
        for name, reading in self._readings.items():
            try:
                values = reading()
                answers: Series = [(values, {})] if isinstance(values, int | float) else list(values)
            # What is read may change under another thread's hands, and no metric is worth a tick.
            except Exception as error:  # noqa: BLE001
                _log.warning("a metric is left out", name=name, error=f"{type(error).__name__}: {error}")
                continue
            if series := [one for one in answers if math.isfinite(one[0])]:
                found.append((INSTRUMENTS[name], series))
        return found


Shape = list[tuple[str, list[tuple[tuple[str, str], ...]]]]


@dataclass(frozen=True, slots=True)
class _Template:
    """A request whose words stay from tick to tick, so that only times and values are written."""

    shape: Shape
    request: ExportMetricsServiceRequest
    points: list[NumberDataPoint]
    counters: list[NumberDataPoint]  # those of them that have a start

    def filled(
        self, found: Sequence[tuple[Instrument, Series]], start_ns: int, time_ns: int
    ) -> tuple[bytes, int]:
        values = (value for _, series in found for value, _ in series)
        for point, value in zip(self.points, values, strict=True):
            point.time_unix_nano = time_ns
            if isinstance(value, int):
                point.as_int = value
            else:
                point.as_double = value
        for point in self.counters:
            point.start_time_unix_nano = start_ns
        return self.request.SerializeToString(), len(self.points)


def _template(
    shape: Shape, resource: Mapping[str, str], found: Sequence[tuple[Instrument, Series]]
) -> _Template:
    request = ExportMetricsServiceRequest()
    whole = request.resource_metrics.add()
    for key, value in resource.items():
        whole.resource.attributes.add(key=key).value.string_value = value
    scope = whole.scope_metrics.add()
    scope.scope.name = "nrdot"
    points, counters = [], []
    for instrument, series in found:
        metric = scope.metrics.add(
            name=instrument.name, unit=instrument.unit, description=instrument.description
        )
        counted = instrument.kind is Kind.COUNTER
        if counted:
            metric.sum.is_monotonic = True
            metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
        for _, words in series:
            point = (metric.sum if counted else metric.gauge).data_points.add()
            for key, word in words.items():
                point.attributes.add(key=key).value.string_value = word
            points.append(point)
            if counted:
                counters.append(point)
    return _Template(shape, request, points, counters)
