"""Ledgers made by hand: a host's day in rows whose sums can be told in one's head."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from nrdot.ledger.frames import SUFFIX, pack, unpack, whole
from nrdot.ledger.rows import HOUR, MINUTE, VERSION, Outcome, Seen, Talker

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nrdot.ledger.rows import Row

NOON = 1_795_262_400  # Unix seconds: 2026-11-21 12:00 UTC
POINTS = 7  # of a process
SIZE = 1200  # bytes of a process


def kept(t: int, *, processes: int = 10, exports: int = 1, **fields: Any) -> Seen:
    """Never-filtered processes, each sent at each export."""
    return _seen(
        t,
        processes,
        exports,
        {
            "verdict": "keep",
            "reason": "never_filtered",
            "class_": "database",
            "cpu_seconds": 3.0 * processes,
            "points_sent": processes * POINTS * exports,
            "bytes_sent": processes * SIZE * exports,
            "active_sent": float(processes * POINTS),
            "critical_seen": processes * exports,
            "critical_exported": processes * exports,
        }
        | fields,
    )


def rolled_up(t: int, *, processes: int = 90, exports: int = 1, **fields: Any) -> Seen:
    """Processes that nobody sends alone."""
    return _seen(
        t, processes, exports, {"verdict": "roll_up", "reason": "below", "class_": "system"} | fields
    )


def sums(t: int, *, groups: int = 5, exports: int = 1, **fields: Any) -> Seen:
    """What the groups of those processes cost."""
    points = groups * (POINTS + 1)
    chosen: dict[str, Any] = {
        "verdict": "group",
        "reason": "executable",
        "points_sent": points * exports,
        "bytes_sent": groups * SIZE * exports,
        "active_sent": float(points),
    }
    return Seen(v=VERSION, t=t, **_common(), **(chosen | fields))


def delivered(t: int, *, points: int, destination: str = "collector", **fields: Any) -> Outcome:
    """All that was produced arrived."""
    chosen: dict[str, Any] = {
        "points_produced": points,
        "points_delivered": points,
        "bytes_delivered": points * 170,
        "bytes_wire": points * 14,
        "requests": {"delivered": 1},
    }
    return Outcome(v=VERSION, t=t, **_common(), destination=destination, **(chosen | fields))


def agent(t: int, **fields: Any) -> Outcome:
    """The agent's own row of a minute."""
    chosen: dict[str, Any] = {
        "resource": {"deployment.environment.name": "production"},
        "cpus": 4,
        "memory": 16_000_000_000,
        "samples": 4,
        "exports": 1,
        "own_points": 40,
        "own_bytes": 6000,
        "agent_cpu_seconds": 0.3,
        "agent_rss": 70e6,
        "host_cpu_seconds": 60.0,
    }
    return Outcome(v=VERSION, t=t, **_common(), **(chosen | fields))


def talker(name: str, verdict: str = "keep", **fields: Any) -> Talker:
    return Talker(name=name, verdict=verdict, **({"processes": 1.0, "cpu_seconds": 60.0} | fields))


def minute(t: int = NOON, **fields: Any) -> list[Row]:
    """100 processes: 10 kept, 90 in 5 groups; 700 points without NRDOT, 110 with it.

    `fields` are set on every row.
    """
    rows: list[Row] = [kept(t), rolled_up(t), sums(t), delivered(t, points=150), agent(t)]
    return [msgspec.structs.replace(row, **(_named(fields) | fields)) for row in rows]


def minutes(count: int, start: int = NOON, **fields: Any) -> list[Row]:
    return [row for number in range(count) for row in minute(start + number * MINUTE, **fields)]


def hour(t: int = NOON, **fields: Any) -> list[Row]:
    """The same host, folded: one row of each kind for an hour."""
    rows: list[Row] = [
        kept(t, exports=60, hourly_unoptimized=70, hourly_sent=70),
        rolled_up(t, exports=60, hourly_unoptimized=630),
        sums(t, exports=60, hourly_sent=40),
        delivered(t, points=150 * 60),
        agent(t, samples=240, exports=60, own_points=2400, own_bytes=360_000, agent_cpu_seconds=18.0),
    ]
    usual = {"span": HOUR, "seconds": float(HOUR)}
    return [msgspec.structs.replace(row, **(usual | _named(fields) | fields)) for row in rows]


def write(directory: Path, rows: Iterable[Row]) -> list[Path]:
    """Into a file a UTC day, a frame a minute, as the agent does; the files."""
    directory.mkdir(parents=True, exist_ok=True)
    frames: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        day = datetime.fromtimestamp(row.t, UTC).date().isoformat()
        frames.setdefault((day, row.t), []).append(row)
    files = {}
    for (day, _), together in sorted(frames.items(), key=lambda item: item[0]):
        files[day] = directory / f"{day}{SUFFIX}"
        with files[day].open("ab") as file:
            file.write(pack(together))
    return list(files.values())


def _seen(t: int, processes: int, exports: int, fields: dict[str, Any]) -> Seen:
    points, size = processes * POINTS, processes * SIZE
    everything: dict[str, Any] = {
        "namespace": "",
        "unit": "app.service",
        "user": "app",
        "baseline": 60.0,
        "interval": 60.0,
        "processes": float(processes),
        "process_seconds": float(processes * MINUTE * exports),
        "rss": processes * 50e6,
        "points_unoptimized": points * exports,
        "bytes_unoptimized": size * exports,
        "points_interval": points * exports,
        "bytes_interval": size * exports,
        "active_unoptimized": float(points),
    }
    return Seen(v=VERSION, t=t, **_common(), **(everything | fields))


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    """Another host is called by its id, unless it has a name."""
    return {"host_name": fields["host"]} if "host" in fields else {}


def _common() -> dict[str, Any]:
    return {
        "seconds": float(MINUTE),
        "host": "h1",
        "host_name": "host-1",
        "boot": "b1",
        "agent": "0.1.0",
        "revision": "r1",
    }


def frames_in(file: Path) -> list[list[Row]]:
    """The rows of a day's file, frame by frame; asserts that nothing is behind the last."""
    data, start, found = file.read_bytes(), 0, []
    for end in whole(data):
        found.append(list(unpack(data[start:end])))
        start = end
    assert start == len(data)
    return found


def own(frame: Iterable[Row]) -> Outcome:
    """What a frame says of the agent itself."""
    (row,) = [row for row in frame if isinstance(row, Outcome) and not row.destination]
    return row


def arrived(frame: Iterable[Row]) -> Outcome:
    """What a frame says of the one destination."""
    (row,) = [row for row in frame if isinstance(row, Outcome) and row.destination]
    return row
