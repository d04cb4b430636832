"""What all nodes said of the last hour, added up."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nrdot.cluster.usage import read
from nrdot.kube.gates import SILENCE
from nrdot.kube.plans import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nrdot.cluster.objects import Custom, Node
    from nrdot.cluster.usage import Line, Usage

LEAST = 300.0  # seconds; a month is not foretold from less
LEVELS = frozenset(
    {
        "processes",
        "kept",
        "series",
        "series_sent",
        "hourly",
        "hourly_sent",
        "critical",
        "critical_sent",
        "memory",
    }
)
Key = tuple[str, str]  # kind and name, as in `cluster.usage`


@dataclass(slots=True)
class Part:
    """One kind and name over all nodes: levels as they are, everything else in a second."""

    numbers: Counter[str] = field(default_factory=Counter)
    profiles: Counter[str] = field(default_factory=Counter)  # processes by the profile that holds for them
    would: dict[str, tuple[float, float]] = field(default_factory=dict)  # profile: processes, cores

    def get(self, name: str) -> float:
        return float(self.numbers[name])

    @property
    def profile(self) -> str:
        """That holds for most of the processes."""
        return max(self.profiles, key=lambda name: (self.profiles[name], name), default="")


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the nodes that spoke said together, and who did not speak."""

    since: str  # RFC 3339; empty where nobody spoke
    until: str
    nodes: int  # that spoke
    missing: tuple[str, ...]
    parts: Mapping[Key, Part]
    wire: float  # bytes a second
    copies: float  # destinations over a network, on average
    workloads: Mapping[tuple[str, str], tuple[float, float]]  # cores, bytes

    def namespaces(self) -> dict[str, Part]:
        return {name: part for (kind, name), part in self.parts.items() if kind == "namespace"}

    def total(self, name: str) -> float:
        return sum(part.get(name) for part in self.parts.values())


def added_up(telemetries: Iterable[Custom], nodes: Iterable[Node], now: float, least: float = LEAST) -> Fleet:
    """A node counts while its agent reports, once it has measured for `least` seconds."""
    said = {one.metadata.name: usage for one in telemetries if (usage := _usage(one, now, least)) is not None}
    names = sorted({node.metadata.name for node in nodes} | said.keys())
    parts: dict[Key, Part] = defaultdict(Part)
    workloads: dict[tuple[str, str], tuple[float, float]] = {}
    for name in sorted(said):
        usage = said[name]
        for line in usage.lines:
            _add(parts[(line.kind, line.name)], line, usage.seconds)
        for key, (cpu, memory) in usage.workloads.items():
            before = workloads.get(key, (0.0, 0.0))
            workloads[key] = before[0] + cpu, before[1] + memory
    return Fleet(
        since=min((usage.since for usage in said.values()), default=""),
        until=max((usage.until for usage in said.values()), default=""),
        nodes=len(said),
        missing=tuple(name for name in names if name not in said),
        parts=dict(parts),
        wire=sum(usage.wire / usage.seconds for usage in said.values()),
        copies=sum(usage.copies for usage in said.values()) / max(1, len(said)),
        workloads=workloads,
    )


def _usage(found: Custom, now: float, least: float) -> Usage | None:
    at = seconds(str(found.status.get("reportedAt") or ""))
    if at is None or now - at > SILENCE:
        return None
    usage = read(found.status.get("usage"))
    return usage if usage is not None and usage.seconds >= least > 0 else None


def _add(part: Part, line: Line, measured: float) -> None:
    # A Counter is declared for whole numbers; rates and shares of processes are not whole.
    for name, number in line.numbers.items():
        part.numbers[name] += number if name in LEVELS else number / measured  # type: ignore[assignment]
    if line.profile:
        part.profiles[line.profile] += line.get("processes")  # type: ignore[assignment]
    for profile, (processes, cpu) in line.would.items():
        before = part.would.get(profile, (0.0, 0.0))
        part.would[profile] = before[0] + processes, before[1] + cpu / measured
