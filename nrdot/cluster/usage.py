"""What a node's agent says of the last hour, as one table: who sent what, and what would have been.

    columns: "kind name profile processes kept points points_sent ..."
    rows:
      - "namespace shop balanced 12.5 4 5250 980 ..."
      - "system - - 210 9 88200 ..."

| kind | what it is |
|---|---|
| namespace | processes of the pods of a namespace |
| other | those of all namespaces that are too small to be named |
| unknown | processes in containers whose pod nobody knows |
| system | kernel threads, daemons of the node, and everything else that is in no container |
| groups | the sums of processes that were rolled up, which belong to nobody alone |
| own | the agent's own metrics |

A table rather than objects, because five hundred nodes say it all the time and an operator holds it all:
names stand once. Whoever reads takes columns by name; one that is missing is 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PROFILES = ("conservative", "balanced", "aggressive")  # that a namespace may be given, the most careful first
NAMESPACES = 32  # rows of kind namespace; a node rarely has more
WORKLOADS = 40
LONGEST = 600  # characters of a row
NOTHING = "-"
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
WORDS = ("kind", "name", "profile")
# Sums over the window, but for the levels `processes`, `kept`, `series...` and `memory`, which are means, and
# `hourly...`, which count within one clock hour.
NUMBERS = (
    "processes",
    "kept",
    "points",
    "points_sent",
    "points_hidden",  # what those that were rolled up would have been: by it the sums of groups are divided
    "bytes",
    "bytes_sent",
    "series",
    "series_sent",
    "hourly",
    "hourly_sent",
    "critical",
    "critical_sent",
    "cpu",  # seconds
    "memory",  # bytes resident
)


@dataclass(frozen=True, slots=True)
class Line:
    """One row, as numbers."""

    kind: str
    name: str = ""
    profile: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    would: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # profile: processes, CPU seconds

    def get(self, name: str) -> float:
        return self.numbers.get(name, 0.0)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one node said."""

    since: str  # RFC 3339
    until: str
    seconds: float  # of the window that were sampled
    wire: float  # bytes that went over the network
    copies: float  # destinations over a network
    lines: tuple[Line, ...]
    workloads: Mapping[tuple[str, str], tuple[float, float]]  # namespace and workload: cores, bytes


def document(usage: Usage) -> dict[str, Any]:
    """As it stands in the status of a NodeTelemetry."""
    profiles = sorted({name for line in usage.lines for name in line.would})
    columns = [*WORDS, *NUMBERS, *(f"{what}:{name}" for name in profiles for what in ("kept", "cpu"))]
    rows = []
    for line in usage.lines:
        words = [line.kind, line.name or NOTHING, line.profile or NOTHING]
        numbers = [line.get(name) for name in NUMBERS]
        numbers += [number for name in profiles for number in line.would.get(name, (0.0, 0.0))]
        rows.append(" ".join([*words, *map(_short, numbers)])[:LONGEST])
    return {
        "since": usage.since,
        "until": usage.until,
        "seconds": round(usage.seconds),
        "wire": f"{usage.copies:g} {_short(usage.wire)}",
        "columns": " ".join(columns),
        "rows": rows,
        "workloads": [
            f"{namespace} {workload} {_short(cpu)} {_short(memory)}"
            for (namespace, workload), (cpu, memory) in usage.workloads.items()
        ],
    }


def read(said: Mapping[str, Any] | None) -> Usage | None:
    """What a NodeTelemetry says; None where it says nothing, or what nobody can read."""
    if not said:
        return None
    try:
        columns = str(said["columns"]).split()
        copies, wire = map(float, str(said["wire"]).split())
        return Usage(
            since=str(said["since"]),
            until=str(said["until"]),
            seconds=float(said["seconds"]),
            wire=wire,
            copies=copies,
            lines=tuple(_line(columns, str(row).split()) for row in said["rows"]),
            workloads=dict(map(_workload, said.get("workloads") or ())),
        )
    except (KeyError, ValueError, TypeError):
        return None


def _line(columns: Sequence[str], cells: Sequence[str]) -> Line:
    found = dict(zip(columns, cells, strict=True))
    words = [found.pop(name) for name in WORDS]
    kind, name, profile = ("" if word == NOTHING else word for word in words)
    if kind == "namespace" and not _NAMESPACE.fullmatch(name):
        raise ValueError("no name of a namespace")  # it may come to stand where a glob would be read
    numbers = {column: float(cell) for column, cell in found.items()}
    if any(not 0 <= number < float("inf") for number in numbers.values()):
        raise ValueError("no number of anything")
    profiles = _unique(column.partition(":")[2] for column in numbers if ":" in column)
    would = {one: (numbers.pop(f"kept:{one}"), numbers.pop(f"cpu:{one}")) for one in profiles}
    return Line(kind, name, profile, numbers, would)


def _workload(row: str) -> tuple[tuple[str, str], tuple[float, float]]:
    namespace, workload, cpu, memory = row.split()
    return (namespace, workload), (float(cpu), float(memory))


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _short(number: float) -> str:
    """Whole numbers whole, others with three digits behind the point at most."""
    return f"{number:.3f}".rstrip("0").rstrip(".")
