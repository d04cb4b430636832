"""The agent's metrics as OpenMetrics text, named as OpenTelemetry's compatibility rules name them.

`nrdot.buffer.age` in `s` becomes `nrdot_buffer_age_seconds`, a counter ends in `_total`, units in braces are
remarks and not part of a name, and what the resource says stands once, in `target_info`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.telemetry.instruments import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nrdot.telemetry.instruments import Instrument

    Series = Sequence[tuple[float, Mapping[str, str]]]

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_UNITS = {"s": "seconds", "By": "bytes", "1": "ratio"}


def render(resource: Mapping[str, str], metrics: Sequence[tuple[Instrument, Series]]) -> str:
    lines = ["# TYPE target info", f"target_info{_labels(resource)} 1"]
    for instrument, series in sorted(metrics, key=lambda one: one[0].name):
        lines += _family(instrument, series)
    return "\n".join([*lines, "# EOF", ""])


def _family(instrument: Instrument, series: Series) -> Iterator[str]:
    counter = instrument.kind is Kind.COUNTER
    unit = _UNITS.get(instrument.unit, "")
    name = _name(instrument.name)
    if unit and not name.endswith(f"_{unit}"):
        name = f"{name}_{unit}"
    yield f"# TYPE {name} {'counter' if counter else 'gauge'}"
    if unit:
        yield f"# UNIT {name} {unit}"
    yield f"# HELP {name} {_escape(instrument.description)}"
    sample = f"{name}_total" if counter else name
    for value, words in series:
        yield f"{sample}{_labels(words)} {value!r}"


def _labels(attributes: Mapping[str, str]) -> str:
    pairs = [f'{_name(name)}="{_escape(value)}"' for name, value in sorted(attributes.items())]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _name(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
