"""One panel of a dashboard on a real Prometheus: the busiest programs of an hour, from three sets of series.

The series are those that a contestant exported in its last turn. Each is continued for the hour at the rate
that it had, a sample a minute, and put into a Prometheus of its own; the queries take turns.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from programs import ROOT
from receiver import plain

sys.path.insert(0, str(ROOT / "tests" / "interop"))
from parts.program import executable
from parts.prometheus import Prometheus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from receiver import Arrival

QUERY = "topk(10, sum by (process_executable_name) (rate(process_cpu_time_seconds_total[5m])))"
STEP = 60  # seconds between two samples of a series, and between two values of the panel
SHOWN = {"nrdot-off": "all processes", "collector": "all processes", "nrdot-balanced": "balanced"}
SUMS = "counter"


@dataclass(slots=True)
class Series:
    kind: str
    first: tuple[float, float]  # seconds, value
    last: tuple[float, float] = field(default=(0.0, 0.0))

    def at(self, seconds: float) -> float:
        """The value so long after the first sample, at the rate that was seen."""
        (began, low), (ended, high) = self.first, self.last
        rate = max(high - low, 0) / (ended - began) if ended > began and self.kind == SUMS else 0.0
        return low + rate * seconds


def timed(exports: Mapping[str, Sequence[Arrival]], hour: int, repeats: int) -> dict[str, Any]:
    """Milliseconds of the query, and what the database holds, for each set of series."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        end = int(time.time()) // 7200 * 7200  # blocks of Prometheus begin at even hours
        servers, told = {}, {}
        for who, arrivals in exports.items():
            folder = Path(name) / who
            folder.mkdir()
            series = read(arrivals)
            held = fill(folder, series, end - hour, hour)
            servers[who] = stack.enter_context(Prometheus(folder))
            told[who] = {"series": len(series), "samples": len(series) * (hour // STEP + 1), "disk": held}
        took: dict[str, list[float]] = {who: [] for who in servers}
        answers: dict[str, int] = {}
        for _ in range(repeats + 1):
            for who, server in servers.items():
                seconds, answers[who] = ask(server.port, end - hour, end)
                took[who].append(seconds * 1000)
    for who, values in took.items():
        counted = values[1:]  # the first opens the files
        told[who] |= {"median": statistics.median(counted), "low": min(counted), "high": max(counted)}
        told[who] |= {"answered": answers[who], "set": SHOWN[who]}
    return {"query": QUERY, "hour": hour, "step": STEP, "repeats": repeats, "sets": told}


def read(arrivals: Sequence[Arrival]) -> dict[str, Series]:
    """Each series by its Prometheus name and labels, with its first and last value."""
    found: dict[str, Series] = {}
    for arrival in arrivals:
        request = ExportMetricsServiceRequest.FromString(plain(arrival))
        for resource in request.resource_metrics:
            labels = _labels(resource.resource.attributes)
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                kind = SUMS if metric.WhichOneof("data") == "sum" and metric.sum.is_monotonic else "gauge"
                name = _name(metric.name, metric.unit, kind)
                for point in getattr(metric, metric.WhichOneof("data")).data_points:
                    key = f"{name}{{{','.join([*labels, *_labels(point.attributes)])}}}"
                    sample = (arrival.at, point.as_double or float(point.as_int))
                    found.setdefault(key, Series(kind, sample)).last = sample
    return found


def _labels(attributes: Any) -> list[str]:
    labels = []
    for one in attributes:
        value = one.value.string_value or str(one.value.int_value)
        value = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        labels.append(f'{one.key.replace(".", "_")}="{value}"')
    return labels


def _name(name: str, unit: str, kind: str) -> str:
    words = {"s": "_seconds", "By": "_bytes"}.get(unit, "")
    return name.replace(".", "_") + words + ("_total" if kind == SUMS else "")


def fill(folder: Path, series: Mapping[str, Series], begin: int, hour: int) -> int:
    """Blocks for the hour, made by Prometheus' own tool; their bytes."""
    text = folder / "samples.txt"
    with text.open("w") as file:
        for key in sorted(series):
            one = series[key]
            for at in range(0, hour + 1, STEP):
                file.write(f"{key} {one.at(at):.6g} {begin + at}\n")
        file.write("# EOF\n")
    tool = [
        executable("promtool"),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        str(text),
        str(folder / "tsdb"),
    ]
    subprocess.run(tool, check=True, capture_output=True)
    text.unlink()
    return sum(path.stat().st_size for path in (folder / "tsdb").rglob("*") if path.is_file())


def ask(port: int, begin: int, end: int) -> tuple[float, int]:
    """Seconds of one panel, and how many lines it draws."""
    asked = urllib.parse.urlencode({"query": QUERY, "start": begin, "end": end, "step": STEP})
    began = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query_range?{asked}", timeout=120) as answer:
        body = answer.read()
    return time.perf_counter() - began, len(json.loads(body)["data"]["result"])
