"""The agent's own metrics, as OTLP and as OpenMetrics.

Each is asked for at each collection. Both the pipeline's thread and the one that answers /metrics collect, so
what they ask may run on either and only reads. Why this is not the OpenTelemetry SDK:
docs/decisions/0011-own-self-metrics.md.
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot import otlp
from nrdot.telemetry.instruments import INSTRUMENTS, Kind
from nrdot.telemetry.log import Log
from nrdot.telemetry.openmetrics import render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

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


_MARK = 0xFFFF_FFFF_FFFF_FFFE  # stands for times while a template is built; no text holds such bytes
_POINT = {int: struct.Struct("<QBq"), float: struct.Struct("<QBd")}  # time, key of the value, value
_KEY = {int: otlp.AS_INT, float: otlp.AS_DOUBLE}


@dataclass(frozen=True, slots=True)
class _Template:
    """A request whose words stay from tick to tick, so that only times and values are written."""

    shape: Shape
    request: bytearray
    points: list[int]  # where the time of each stands, its value behind it
    counters: list[int]  # where the start of each that has one stands

    def filled(
        self, found: Sequence[tuple[Instrument, Series]], start_ns: int, time_ns: int
    ) -> tuple[bytes, int]:
        request = self.request
        values = (value for _, series in found for value, _ in series)
        for place, value in zip(self.points, values, strict=True):
            kind = int if isinstance(value, int) else float
            _POINT[kind].pack_into(request, place, time_ns, _KEY[kind], value)
        for place in self.counters:
            struct.pack_into("<Q", request, place, start_ns)
        return bytes(request), len(self.points)


def _template(
    shape: Shape, resource: Mapping[str, str], found: Sequence[tuple[Instrument, Series]]
) -> _Template:
    metrics, kinds = [], []
    for instrument, series in found:
        counted = instrument.kind is Kind.COUNTER
        points = []
        for _, words in series:
            attributes = [otlp.attribute(key, word) for key, word in words.items()]
            points.append(otlp.point(_MARK if counted else None, _MARK, otlp.double(0.0), attributes))
            kinds.append(counted)
        data = otlp.cumulative(points, monotonic=True) if counted else otlp.gauge(points)
        metrics.append(otlp.metric(instrument.name, instrument.unit, instrument.description, data))
    request = otlp.request(otlp.resource(resource), [otlp.scope("nrdot", "", metrics)])
    return _Template(shape, bytearray(request), *_places(request, kinds))


def _places(request: bytes, counted: Sequence[bool]) -> tuple[list[int], list[int]]:
    """Of each point the place of its time, and of each that is counted the one of its start."""
    mark = struct.pack("<Q", _MARK)
    times, starts = [], []
    place = 0
    for has_start in counted:
        if has_start:
            place = request.index(mark, place)
            starts.append(place)
            place += len(mark)
        place = request.index(mark, place)
        times.append(place)
        place += len(mark)
    return times, starts
