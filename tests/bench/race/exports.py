"""What an export says: how many points and series, and how much CPU and memory it shows of whom.

An owner is a process or a group. It is alone when the series stand for one process: they carry its pid, or
the group that they name has one member at that moment.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from receiver import plain

if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any

    from receiver import Arrival

NO_VALUE = 1  # OTLP's flag of a point that only ends its series
LINE = re.compile(r"^([a-z_]+)\{(.*)\} (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
DIMENSION = re.compile(r"(.+) '.*' (?:absolute|incremental) (\d+) (\d+)")
CPU_COUNTERS = ("process_cpu_time_seconds_total", "namedprocess_namegroup_cpu_seconds_total")
RESIDENT = ("process_memory_usage_bytes", "namedprocess_namegroup_memory_bytes")
MEMBERS = "namedprocess_namegroup_num_procs"
SIZES = {"KiB": 1024, "MiB": 1024**2}


class Owner(NamedTuple):
    name: str
    pid: int  # 0: a group
    alone: bool


@dataclass(slots=True)
class Look:
    """One arrival, decoded."""

    at: float
    wire: int  # bytes
    size: int  # bytes without compression
    elapsed: float  # seconds since the look before; of the first, what it should be
    points: int = 0
    series: set[int] = field(default_factory=set)
    used: dict[Owner, float] = field(default_factory=dict)  # seconds of CPU since the look before
    resident: dict[Owner, float] = field(default_factory=dict)  # bytes

    def add(self, owner: Owner, seconds: float) -> None:
        self.used[owner] = self.used.get(owner, 0.0) + seconds


class Reader:
    """Reads a contestant's exports in their order, as a backend would: by the differences of counters."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._at: float | None = None  # when the last look came
        self._cpus = os.cpu_count() or 1
        self._last: dict[Hashable, float] = {}
        self._charts: dict[str, dict[str, float]] = {}  # of Netdata: what a value of a dimension is times

    def define(self, arrival: Arrival) -> None:
        """Take what an earlier arrival says about all later ones: a plugin describes its charts once."""
        if arrival.kind == "netdata":
            self._netdata(plain(arrival), Look(0.0, 0, 0, 0.0))

    def forget(self) -> None:
        """The next look is one to begin from: what was used before it is not counted."""
        self._last.clear()
        self._at = None

    def read(self, arrival: Arrival) -> Look:
        body = plain(arrival)
        elapsed = self._interval if self._at is None else arrival.at - self._at
        self._at = arrival.at
        look = Look(arrival.at, len(arrival.body), len(body), elapsed)
        read = {"otlp": self._otlp, "prometheus": self._prometheus, "netdata": self._netdata}
        read[arrival.kind](body, look)
        return look

    def _counted(self, look: Look, series: Hashable, owner: Owner, value: float) -> None:
        last = self._last.get(series)
        self._last[series] = value
        if last is not None:
            look.add(owner, value - last if value >= last else value)

    def _otlp(self, body: bytes, look: Look) -> None:
        try:
            request = ExportMetricsServiceRequest.FromString(body)
        except DecodeError:
            return  # a name that is not UTF-8: nobody could read it
        for resource in request.resource_metrics:
            owner, key = _owner(resource.resource), hash(resource.resource.SerializeToString())
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                self._metric(look, owner, key, metric)

    def _metric(self, look: Look, owner: Owner, key: int, metric: Any) -> None:
        name = metric.name
        for point in getattr(metric, metric.WhichOneof("data")).data_points:
            series = hash((key, name, *(str(one.value.string_value) for one in point.attributes)))
            look.points += 1
            look.series.add(series)
            if point.flags & NO_VALUE:
                continue
            if name == "process.cpu.time":
                self._counted(look, series, owner, point.as_double)
            elif name == "process.cpu.utilization":
                look.add(owner, point.as_double * look.elapsed * self._cpus)
            elif name == "process.memory.usage":
                look.resident[owner] = point.as_int or point.as_double

    def _prometheus(self, body: bytes, look: Look) -> None:
        lines = [line for line in body.decode(errors="replace").splitlines() if line and line[0] != "#"]
        look.points = len(lines)
        look.series = {hash(line.rpartition(" ")[0]) for line in lines}
        found = [(hash(line.rpartition(" ")[0]), *_family(line)) for line in lines]
        members = {labels["groupname"]: value for _, name, labels, value in found if name == MEMBERS}
        for series, name, labels, value in found:
            if name not in CPU_COUNTERS and name not in RESIDENT:
                continue
            if "pid" in labels:
                owner = Owner(labels["name"], int(labels["pid"]), alone=True)
            else:
                owner = Owner(labels["groupname"], 0, members.get(labels["groupname"]) == 1)
            if name in CPU_COUNTERS:
                self._counted(look, series, owner, value)
            elif labels.get("memtype", "resident") == "resident":
                look.resident[owner] = value

    def _netdata(self, body: bytes, look: Look) -> None:
        values: dict[str, dict[str, float]] = {}
        chart, unit = "", ""
        for line in body.decode(errors="replace").splitlines():
            word, _, rest = line.partition(" ")
            if word == "CHART":
                chart, unit = rest.split(" ", 1)[0], rest.split("'")[5]
            elif word == "DIMENSION":
                name, times, by = DIMENSION.match(rest).groups()
                self._charts.setdefault(chart, {})[name] = int(times) / int(by) * SIZES.get(unit, 1)
            elif word == "BEGIN":
                chart = rest.split()[0]
            elif word == "SET":
                name, value = rest.split(" = ")
                look.points += 1
                look.series.add(hash((chart, name)))
                values.setdefault(chart, {})[name] = int(value) * self._charts.get(chart, {}).get(name, 1)
        members = values.get("apps.processes", {})
        for chart in ("apps.cpu_user", "apps.cpu_system"):
            for name, percent in values.get(chart, {}).items():
                look.add(Owner(name, 0, members.get(name) == 1), percent / 100 * look.elapsed)
        for name, value in values.get("apps.mem", {}).items():
            look.resident[Owner(name, 0, members.get(name) == 1)] = value


def _owner(resource: Any) -> Owner:
    found = {one.key: one.value for one in resource.attributes}
    name = found["process.executable.name"].string_value if "process.executable.name" in found else ""
    if "process.pid" in found and "nrdot.rollup" not in found:
        return Owner(name, found["process.pid"].int_value, alone=True)
    return Owner(name, 0, alone=False)


def _family(line: str) -> tuple[str, dict[str, str], float]:
    match = LINE.match(line)
    if match is None or match[1] not in (*CPU_COUNTERS, *RESIDENT, MEMBERS):
        return "", {}, 0.0
    return match[1], dict(LABEL.findall(match[2])), float(match[3])
