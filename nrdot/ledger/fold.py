"""Minutes into hours: sums stay sums, means are means over the time that was sampled.

A mean over an hour is weighted by the seconds that a minute was sampled, with nothing for the minutes in
which a key had no row. So the hour's seconds have to be known first: those of the agent's own rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from nrdot.ledger.rows import HOUR, Outcome, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nrdot.ledger.rows import Row

_SUMS = (
    "process_seconds",
    "cpu_seconds",
    "points_unoptimized",
    "bytes_unoptimized",
    "points_interval",
    "bytes_interval",
    "points_suppressed",
    "bytes_suppressed",
    "points_sent",
    "bytes_sent",
    "hourly_unoptimized",
    "hourly_sent",
    "critical_seen",
    "critical_exported",
)
_MEANS = ("rss", "active_unoptimized", "active_sent")
_COUNTS = (
    "points_produced",
    "points_delivered",
    "points_rejected",
    "bytes_delivered",
    "bytes_wire",
    "samples",
    "exports",
    "own_points",
    "own_bytes",
    "agent_cpu_seconds",
    "host_cpu_seconds",
    "gap_seconds",
    "lost_rows",
)
_BY_REASON = ("points_dropped", "requests")
# The latest word stands, but not over the sums above.
_SHARED = ("host", "boot", "agent", "revision", "mode")


class Hours:
    """Takes in the rows of one host and day, minute by minute, and gives back the hours."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Any, ...], Row] = {}
        self._seconds: dict[tuple[Any, ...], float] = {}

    def add(self, rows: Iterable[Row]) -> None:
        """The rows of one frame."""
        for row in rows:
            hour = row.t // HOUR * HOUR
            who = (hour, *(getattr(row, name) for name in _SHARED))
            if isinstance(row, Outcome):
                if not row.destination:
                    self._seconds[who] = self._seconds.get(who, 0.0) + row.seconds
                key = (*who, row.destination)
            else:
                key = (
                    *who,
                    *(row.profile, row.class_, row.namespace, row.unit, row.user, row.tenant),
                    *(row.verdict, row.reason, row.baseline, row.interval),
                )
            into = self._rows.get(key)
            if into is None:
                self._rows[key] = _first(row, hour)
            elif isinstance(into, Seen) and isinstance(row, Seen):
                _add_seen(into, row)
            elif isinstance(into, Outcome) and isinstance(row, Outcome):
                _add_outcome(into, row)

    def rows(self) -> list[Row]:
        """By hour, in the order of their first minutes."""
        for key, row in self._rows.items():
            row.seconds = round(self._seconds.get(key[: 1 + len(_SHARED)], row.seconds), 3)
            if isinstance(row, Seen):
                seconds = max(row.seconds, 1e-9)
                row.processes = round(row.process_seconds / seconds, 3)
                for name in _MEANS:
                    setattr(row, name, round(getattr(row, name) / seconds, 3))
                for name in ("process_seconds", "cpu_seconds"):
                    setattr(row, name, round(getattr(row, name), 4))
        return sorted(self._rows.values(), key=lambda row: row.t)


def _first(row: Row, hour: int) -> Row:
    found = msgspec.structs.replace(row, t=hour, span=HOUR)
    if isinstance(found, Seen):
        for name in _MEANS:
            setattr(found, name, getattr(row, name) * _weight(row))
    else:
        for name in _BY_REASON:
            setattr(found, name, dict(getattr(row, name)))
        found.top = list(found.top)
    return found


def _add_seen(into: Seen, row: Seen) -> None:
    for name in _SUMS:
        setattr(into, name, getattr(into, name) + getattr(row, name))
    for name in _MEANS:
        setattr(into, name, getattr(into, name) + getattr(row, name) * _weight(row))


def _weight(row: Row) -> float:
    """Seconds; a row that was folded before has its mean over the same."""
    return row.seconds


def _add_outcome(into: Outcome, row: Outcome) -> None:
    for name in _COUNTS:
        setattr(into, name, getattr(into, name) + getattr(row, name))
    for name in _BY_REASON:
        counts = getattr(into, name)
        for key, count in getattr(row, name).items():
            counts[key] = counts.get(key, 0) + count
    into.points_waiting, into.bytes_waiting = row.points_waiting, row.bytes_waiting
    into.agent_rss, into.resource = row.agent_rss, row.resource
    into.host_name, into.cpus, into.memory = row.host_name, row.cpus, row.memory
    into.gap_reason = row.gap_reason or into.gap_reason
    into.agent_cpu_seconds = round(into.agent_cpu_seconds, 4)
    into.host_cpu_seconds = round(into.host_cpu_seconds, 3)
    into.top = into.top + row.top
