"""The metrics that NRDOT exports, under the names of hostmetrics or of the stable semantic conventions.

A metric is a row of data here; `layout.py` turns a selection of them into bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from nrdot.batch import Counter, Gauge


class Form(Enum):
    """How OTLP carries a metric."""

    COUNTER = auto()  # cumulative monotonic sum: counts from zero at the start of its series
    LEVEL = auto()  # cumulative sum that goes up and down, as hostmetrics sends memory
    GAUGE = auto()


@dataclass(frozen=True, slots=True)
class Point:
    """One data point of a metric: its attribute and the column that feeds it."""

    source: Counter | Gauge
    attribute: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    unit: str
    description: str
    form: Form
    points: tuple[Point, ...]
    ticks: bool = False  # the column counts clock ticks and is sent in seconds


def _metric(
    name: str,
    unit: str,
    description: str,
    form: Form,
    sources: dict[str, Counter | Gauge] | Counter | Gauge,
    *,
    key: str = "",
    ticks: bool = False,
) -> Metric:
    if isinstance(sources, dict):
        points = tuple(Point(source, (key, value)) for value, source in sources.items())
    else:
        points = (Point(sources),)
    return Metric(name, unit, description, form, points, ticks)


_CPU: dict[str, Counter | Gauge] = {
    "user": Counter.CPU_USER,
    "system": Counter.CPU_SYSTEM,
    "wait": Counter.CPU_WAIT,
}
_DISK: dict[str, Counter | Gauge] = {"read": Counter.READ, "write": Counter.WRITTEN}
_FAULTS: dict[str, Counter | Gauge] = {"major": Counter.FAULTS_MAJOR, "minor": Counter.FAULTS_MINOR}
_SWITCHES: dict[str, Counter | Gauge] = {
    "involuntary": Counter.SWITCHES_INVOLUNTARY,
    "voluntary": Counter.SWITCHES_VOLUNTARY,
}

_SWAP = _metric("process.memory.swap", "By", "Memory that was moved to swap.", Form.LEVEL, Gauge.SWAP)
_PRIVATE = _metric(
    "process.memory.private",
    "By",
    "Resident memory that is not shared with other processes or backed by files.",
    Form.LEVEL,
    Gauge.PRIVATE,
)
GROUP_SIZE = _metric(
    "nrdot.group.processes", "{process}", "Processes in a roll-up.", Form.GAUGE, Gauge.PROCESSES
)

HOSTMETRICS = (
    _metric("process.cpu.time", "s", "CPU time by state.", Form.COUNTER, _CPU, key="state", ticks=True),
    _metric("process.disk.io", "By", "Bytes moved from and to disks.", Form.COUNTER, _DISK, key="direction"),
    _metric("process.memory.usage", "By", "Resident memory.", Form.LEVEL, Gauge.RSS),
    _metric("process.memory.virtual", "By", "Address space.", Form.LEVEL, Gauge.VIRTUAL),
    _metric("process.threads", "{threads}", "Threads.", Form.LEVEL, Gauge.THREADS),
    _metric("process.open_file_descriptors", "{count}", "Open files.", Form.LEVEL, Gauge.DESCRIPTORS),
    _metric("process.paging.faults", "{faults}", "Page faults by kind.", Form.COUNTER, _FAULTS, key="type"),
    _metric("process.context_switches", "{count}", "Context switches.", Form.COUNTER, _SWITCHES, key="type"),
    _PRIVATE,
    _SWAP,
)

STABLE = (
    _metric("process.cpu.time", "s", "CPU time by mode.", Form.COUNTER, _CPU, key="cpu.mode", ticks=True),
    _metric("process.disk.io", "By", "Bytes moved by disks.", Form.COUNTER, _DISK, key="disk.io.direction"),
    _metric("process.memory.usage", "By", "Resident memory.", Form.LEVEL, Gauge.RSS),
    _metric("process.memory.virtual", "By", "Address space.", Form.LEVEL, Gauge.VIRTUAL),
    _metric("process.thread.count", "{thread}", "Threads.", Form.LEVEL, Gauge.THREADS),
    _metric(
        "process.unix.file_descriptor.count",
        "{file_descriptor}",
        "Open files.",
        Form.LEVEL,
        Gauge.DESCRIPTORS,
    ),
    _metric(
        "process.paging.faults",
        "{fault}",
        "Page faults by kind.",
        Form.COUNTER,
        _FAULTS,
        key="system.paging.fault.type",
    ),
    _metric(
        "process.context_switches",
        "{context_switch}",
        "Context switches.",
        Form.COUNTER,
        _SWITCHES,
        key="process.context_switch.type",
    ),
    _PRIVATE,
    _SWAP,
)

# By the names that people write under `metrics`, which are those of hostmetrics.
DEFAULT = ("process.cpu.time", "process.disk.io", "process.memory.usage", "process.memory.virtual")
NAMES = tuple(metric.name for metric in HOSTMETRICS)


def select(names: tuple[str, ...] = DEFAULT, *, stable: bool = False) -> tuple[Metric, ...]:
    """The metrics behind names, in the catalogue's order; an unknown name is a KeyError."""
    if unknown := set(names) - set(NAMES):
        raise KeyError(*sorted(unknown))
    catalogue = STABLE if stable else HOSTMETRICS
    return tuple(metric for metric, name in zip(catalogue, NAMES, strict=True) if name in names)


def optional_sources(metrics: tuple[Metric, ...]) -> frozenset[Counter | Gauge]:
    """Columns that sampling reads only where a metric asks for them, because each costs a further file."""
    costly = {Gauge.DESCRIPTORS, Gauge.SWAP, Counter.SWITCHES_VOLUNTARY, Counter.SWITCHES_INVOLUNTARY}
    return frozenset(point.source for metric in metrics for point in metric.points) & costly
