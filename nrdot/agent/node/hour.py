"""The last hour of a node, as the ledger wrote it minute by minute, and its sums as one table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from nrdot.cluster.usage import NAMESPACES, WORKLOADS, Line, Usage
from nrdot.ledger.cells import OTHERS
from nrdot.ledger.rows import HOUR, MINUTE, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nrdot.ledger.rows import Row, Seen

WIDTH = 5 * MINUTE  # of a slot; no slot reaches over the end of a clock hour
CONTAINERS = ("cri-containerd-", "crio-", "docker-", "libpod-")  # units of containers
_LEVELS = frozenset({"processes", "kept", "series", "series_sent", "memory"})
# Our names of what a row of the ledger says.
_SUMS = {
    "points": "points_unoptimized",
    "points_sent": "points_sent",
    "bytes": "bytes_unoptimized",
    "bytes_sent": "bytes_sent",
    "hourly": "hourly_unoptimized",
    "hourly_sent": "hourly_sent",
    "critical": "critical_seen",
    "critical_sent": "critical_exported",
    "cpu": "cpu_seconds",
}
Key = tuple[str, str]  # kind and name
K = TypeVar("K")
Workload = tuple[str, str]  # namespace and workload; both empty for what belongs to no pod


@dataclass(slots=True)
class Slot:
    """Sums. Levels are multiplied by seconds, so that they become means over any number of slots."""

    t: int  # Unix seconds, begin of the first minute
    until: int  # end of the last one
    seconds: float
    sums: dict[Key, dict[str, float]]
    profiles: dict[Key, dict[str, float]]  # seconds of processes by profile
    looked: float = 0.0  # seconds between exports, at which workloads and profiles are looked at
    copies: float = 0.0
    wire: float = 0.0
    would: dict[str, dict[str, list[float]]] = field(default_factory=dict)  # by namespace and profile
    workloads: dict[Workload, list[float]] = field(default_factory=dict)  # CPU seconds, memory x seconds


def read(rows: Sequence[Row]) -> Slot | None:
    """What the ledger says of a minute, or of the part of one under one configuration."""
    found: Slot | None = None
    for row in rows:
        if found is None:
            found = Slot(row.t, row.t + MINUTE, row.seconds, defaultdict(dict), defaultdict(dict))
        if isinstance(row, Outcome):
            _outcome(found, row)
        else:
            _seen(found, row)
    return found


def same(one: Slot, other: Slot) -> bool:
    """Five minutes are kept as one: an hour of single minutes would cost an agent megabytes."""
    return one.t // WIDTH == other.t // WIDTH


def add(into: Slot, more: Slot) -> None:
    into.until = more.until
    into.seconds += more.seconds
    into.looked += more.looked
    into.wire += more.wire
    into.copies = max(into.copies, more.copies)
    for key, figures in more.sums.items():
        _sum(into.sums[key], figures)
    for key, seconds in more.profiles.items():
        _sum(into.profiles[key], seconds)
    for namespace, profiles in more.would.items():
        for profile, pair in profiles.items():
            grow(into.would.setdefault(namespace, {}), profile, pair)
    for workload, used in more.workloads.items():
        grow(into.workloads, workload, used)


def _outcome(found: Slot, row: Outcome) -> None:
    if not row.destination:
        own = {"points_sent": row.own_points, "bytes_sent": row.own_bytes}
        series = row.own_points / row.exports if row.exports else 0.0
        _sum(found.sums[("own", "")], {**own, "series_sent": series * row.seconds, "hourly_sent": 0.0})
        return
    # Files take no part: what was delivered to one grew, into lines of JSON, and no request ever grows.
    if 0 < row.bytes_wire <= row.bytes_delivered and row.points_produced:
        found.wire += row.bytes_wire
        found.copies += min(1.0, row.points_delivered / row.points_produced)


def _seen(found: Slot, row: Seen) -> None:
    key = _key(row)
    figures = {name: float(getattr(row, said)) for name, said in _SUMS.items()}
    figures["processes"] = row.process_seconds
    figures["kept"] = row.process_seconds if row.verdict == "keep" else 0.0
    figures["memory"] = row.rss * row.seconds
    figures["series"] = row.active_unoptimized * row.seconds
    figures["series_sent"] = row.active_sent * row.seconds
    if row.verdict in {"roll_up", "drop"}:
        figures["points_hidden"] = float(row.points_interval)
    _sum(found.sums[key], figures)
    if row.process_seconds:
        _sum(found.profiles[key], {row.profile: row.process_seconds})


def _key(row: Seen) -> Key:
    if row.namespace:
        return ("other", "") if row.namespace == OTHERS else ("namespace", row.namespace)
    if row.verdict == "group":
        return "groups", ""
    return ("unknown", "") if row.unit.startswith(CONTAINERS) else ("system", "")


def usage_of(slots: Sequence[Slot]) -> Usage:
    """Everything that these minutes say, the largest by name."""
    seconds = sum(slot.seconds for slot in slots)
    looked = max(sum(slot.looked for slot in slots), 1e-9)
    lines = sorted(
        _lines(slots, max(seconds, 1e-9), looked), key=lambda line: (-line.get("points"), line.name)
    )
    named = [line for line in lines if line.kind == "namespace"]
    rest = [line for line in lines if line.kind != "namespace"]
    if len(named) > NAMESPACES:
        rest = _with_the_small_ones(rest, named[NAMESPACES:])
        named = named[:NAMESPACES]
    workloads: dict[Workload, list[float]] = {}
    for slot in slots:
        for key, used in slot.workloads.items():
            grow(workloads, key, used)
    largest = sorted(workloads, key=lambda key: (-workloads[key][0], -workloads[key][1], key))[:WORKLOADS]
    return Usage(
        since=_rfc3339(slots[0].t),
        until=_rfc3339(slots[-1].until),
        seconds=seconds,
        wire=sum(slot.wire for slot in slots),
        copies=max(slot.copies for slot in slots),
        lines=(*named, *sorted(rest, key=lambda line: line.kind)),
        workloads={
            key: (workloads[key][0] / max(seconds, 1e-9), workloads[key][1] / looked)
            for key in sorted(largest)
        },
    )


def _lines(slots: Sequence[Slot], seconds: float, looked: float) -> Iterator[Line]:
    for kind, name in sorted({key for slot in slots for key in slot.sums}):
        key, numbers, hourly = (kind, name), dict[str, float](), dict[int, dict[str, float]]()
        would: dict[str, list[float]] = {}
        profiles: dict[str, float] = {}
        for slot in slots:
            said = slot.sums.get(key, {})
            _sum(numbers, {column: said[column] for column in said if not column.startswith("hourly")})
            counted = {column: said[column] for column in said if column.startswith("hourly")}
            _sum(hourly.setdefault(slot.t // HOUR, {}), counted)
            _sum(profiles, slot.profiles.get(key, {}))
            for profile, pair in slot.would.get(name, {}).items():
                grow(would, profile, pair)
        for column in ("hourly", "hourly_sent"):
            numbers[column] = max((hour.get(column, 0.0) for hour in hourly.values()), default=0.0)
        for column in _LEVELS & numbers.keys():
            numbers[column] /= seconds
        if kind == "own":
            numbers["hourly_sent"] = numbers["series_sent"]
        profile = max(profiles, key=lambda one: (profiles[one], one), default="")
        kept = {name: (processes / looked, cpu) for name, (processes, cpu) in would.items()}
        yield Line(kind, name, profile, numbers, kept)


def _with_the_small_ones(rest: Sequence[Line], small: Sequence[Line]) -> list[Line]:
    numbers: dict[str, float] = {}
    for line in (*(one for one in rest if one.kind == "other"), *small):
        _sum(numbers, line.numbers)
    return [*(one for one in rest if one.kind != "other"), Line("other", numbers=numbers)]


def _sum(into: dict[str, float], more: Mapping[str, float]) -> None:
    for name, value in more.items():
        into[name] = into.get(name, 0.0) + value


def grow(into: dict[K, list[float]], key: K, more: list[float]) -> None:
    """Add number by number."""
    before = into.get(key)
    into[key] = more if before is None else [a + b for a, b in zip(before, more, strict=True)]


def _rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
