"""The SDK's metrics as OpenMetrics text, named as OpenTelemetry's compatibility rules name them.

`nrdot.buffer.age` in `s` becomes `nrdot_buffer_age_seconds`, a counter ends in `_total`, units in braces are
remarks and not part of a name, and what the resource says stands once, in `target_info`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import Gauge, NumberDataPoint, Sum

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.sdk.metrics.export import Metric, MetricsData

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_UNITS = {"s": "seconds", "By": "bytes", "1": "ratio"}


def render(data: MetricsData) -> str:
    lines: list[str] = []
    for resource in data.resource_metrics:
        lines += ["# TYPE target info", f"target_info{_labels(resource.resource.attributes)} 1"]
        for scope in resource.scope_metrics:
            for metric in sorted(scope.metrics, key=lambda metric: metric.name):
                lines += _family(metric)
    return "\n".join([*lines, "# EOF", ""])


def _family(metric: Metric) -> Iterator[str]:
    counter = isinstance(metric.data, Sum)
    unit = _UNITS.get(metric.unit or "", "")
    name = _name(metric.name)
    if name.endswith("_info"):
        unit = ""  # what always is 1 is no ratio
    if unit and not name.endswith(f"_{unit}"):
        name = f"{name}_{unit}"
    yield f"# TYPE {name} {'counter' if counter else 'gauge'}"
    if unit:
        yield f"# UNIT {name} {unit}"
    yield f"# HELP {name} {_escape(metric.description or '')}"
    sample = f"{name}_total" if counter else name
    for point in _points(metric):
        yield f"{sample}{_labels(point.attributes or {})} {point.value!r}"


def _points(metric: Metric) -> Iterable[NumberDataPoint]:
    return metric.data.data_points if isinstance(metric.data, Sum | Gauge) else ()


def _labels(attributes: Mapping[str, object]) -> str:
    pairs = [f'{_name(name)}="{_escape(str(value))}"' for name, value in sorted(attributes.items())]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _name(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
