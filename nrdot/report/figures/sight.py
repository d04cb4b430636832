"""What was seen and what was not: everything of the report that is no money."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nrdot.report.evidence.queries import rfc3339, stamp
from nrdot.report.figures.steps import PARTS
from nrdot.report.words import counted

if TYPE_CHECKING:
    from nrdot.report.figures.usage import Usage

HOUR, DAY = 3600, 86400
SILENT = 2 * HOUR  # after which a host that says nothing is worth a line
CELLS = 24 * 14  # hours that a strip shows one by one; beyond, days
FEW = 24  # hours; figures of fewer are said to stand on little
ENOUGH = 600  # seconds; fewer are mostly first exports, which begin every series, and no month is like them
NAMED = 3  # hosts that one line names before it counts
LISTED = 200  # gaps in the document
TALKERS = 15
_WORDS = {"down": "no agent ran", "clock": "the wall clock jumped"}


def window(usage: Usage) -> dict[str, Any]:
    hourly = usage.hourly
    modes = {row["mode"] for row in usage.agents}
    return {
        "from": rfc3339(usage.window.since),
        "to": rfc3339(usage.window.until),
        "hosts": len(usage.hosts),
        "hours": round(usage.window.seconds / HOUR, 2),
        "hours_seen": round(float(hourly.covered.sum()) / HOUR, 2),
        "host_hours_seen": round(float(hourly.host_seconds.sum()) / HOUR, 2),
        "host_hours_expected": round(_expected(usage) / HOUR, 2),
        "mode": "mixed" if len(modes) > 1 else next(iter(modes), "optimize"),
    }


def figures(usage: Usage) -> dict[str, Any]:
    hourly = usage.hourly
    seen = float(hourly.covered.sum()) or 1.0
    mean = {part: float(hourly.parts["process_seconds"][part].sum()) / seen for part in PARTS}
    points, size = hourly.states("points").sum(axis=1), hourly.states("bytes").sum(axis=1)
    active = hourly.states("active") @ hourly.covered / seen
    critical_seen = int(hourly.total("critical_seen").sum())
    critical_exported = int(hourly.total("critical_exported").sum())
    return {
        "processes": {
            "seen": round(sum(mean.values()), 2),
            "kept": round(mean["keep"], 2),
            "rolled_up": round(mean["roll_up"], 2),
            "dropped": round(mean["drop"], 2),
            "reasons": _reasons(usage, seen),
        },
        "points": {
            "unoptimized": round(points[0]),
            "sent": round(points[-1]),
            "hostmetrics": round(float(hourly.without_nrdot("points").sum())),
        },
        "series": {"unoptimized": round(float(active[0]), 2), "sent": round(float(active[-1]), 2)},
        "bytes": {
            "unoptimized": round(size[0]),
            "sent": round(size[-1]),
            "hostmetrics": round(float(hourly.without_nrdot("bytes").sum())),
            "wire": round(float(sum(row["wire"] for row in usage.destinations))),
        },
        "critical": {
            "seen": critical_seen,
            "exported": critical_exported,
            "coverage": _proven(critical_exported, critical_seen),
            "classes": [_critical(row) for row in usage.critical],
        },
        "destinations": [
            {
                name: row[name]
                for name in ("destination", "produced", "delivered", "rejected", "bytes", "wire")
            }
            for row in usage.destinations
        ],
        "agent": _agent(usage, seen),
    }


def _reasons(usage: Usage, seen: float) -> list[dict[str, Any]]:
    """Why processes were kept or not, and what became of their points."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in usage.reasons:
        sums = found.setdefault((row["part"], row["reason"]), [0.0, 0.0, 0.0])
        for place, name in enumerate(("process_seconds", "cpu_seconds", "points_sent")):
            sums[place] += float(row[name])
    cpu = sum(sums[1] for sums in found.values())
    return [
        {
            "verdict": part,
            "reason": reason,
            "processes": round(sums[0] / seen, 2),
            "cpu_share": _share(sums[1], cpu),
            "points": round(sums[2]),
        }
        for (part, reason), sums in sorted(found.items(), key=lambda item: (item[0][0], -item[1][0]))
        if part in ("keep", "roll_up", "drop")
    ]


def _critical(row: dict[str, Any]) -> dict[str, Any]:
    first = row["first_short"]
    return {
        "class": row["class"],
        "seen": int(row["seen"]),
        "exported": int(row["exported"]),
        "short_hours": int(row["short_hours"]),
        "first_short": None if first is None else rfc3339(first),
    }


def _agent(usage: Usage, seen: float) -> dict[str, Any]:
    """What NRDOT itself used, as means a host."""
    seconds = float(sum(row["seconds"] for row in usage.agents)) or 1.0
    cpu = float(sum(row["cpu_seconds"] for row in usage.agents))
    host = float(sum(row["host_cpu_seconds"] for row in usage.agents))
    return {
        "cpu_seconds": round(cpu, 3),
        "cpu_share_of_a_core": round(cpu / seconds, 6),
        "cpu_share_of_hosts_use": round(cpu / host, 6) if host else None,
        "memory": round(float(sum(row["rss_seconds"] for row in usage.agents)) / seconds),
        "points": round(float(usage.hourly.own["points"].sum())),
        "bytes": round(float(usage.hourly.own["bytes"].sum())),
        "versions": sorted({row["agent"] for row in usage.agents if row["agent"]}),
        "hosts_at_a_time": round(seconds / seen, 2),
    }


def coverage(usage: Usage) -> dict[str, Any]:
    """A cell for each hour, or day, of the window: how much was seen, and of the critical how much sent."""
    hourly, since, until = usage.hourly, usage.window.since, usage.window.until
    begun = np.sort(np.array([row["began"] for row in usage.hosts], np.float64))
    since = max(since, 2 * int(begun[0]) - until)  # before the ledger, no more than there is of it
    step = HOUR if (until - since) / HOUR <= CELLS else DAY
    critical_seen, critical_exported = hourly.total("critical_seen"), hourly.total("critical_exported")
    cells = []
    for at in range(since - since % step, until, step):
        chosen = (hourly.hour >= at) & (hourly.hour < at + step)
        end = min(at + step, until)
        known = begun[: int(np.searchsorted(begun, end, "left"))]
        expected = float((end - np.maximum(known, max(at, since))).sum())
        wanted, sent = float(critical_seen[chosen].sum()), float(critical_exported[chosen].sum())
        share = float(hourly.host_seconds[chosen].sum()) / expected if expected else 0.0
        cells.append(
            {
                "at": rfc3339(at),
                "seen": round(min(1.0, share), 4),
                "critical": _proven(sent, wanted),
            }
        )
    return {"step": step, "cells": cells}


def not_seen(usage: Usage) -> dict[str, Any]:
    """The price of saving, as plainly as the saving."""
    hourly = usage.hourly
    cpu = {part: float(hourly.parts["cpu_seconds"][part].sum()) for part in PARTS}
    rss = {part: float(hourly.parts["rss_seconds"][part].sum()) for part in PARTS}
    critical = int((hourly.total("critical_seen") - hourly.total("critical_exported")).sum())
    return {
        "cpu_share": _share(cpu["roll_up"] + cpu["drop"], sum(cpu.values())),
        "memory_share": _share(rss["roll_up"] + rss["drop"], sum(rss.values())),
        "dropped_cpu_share": _share(cpu["drop"], sum(cpu.values())),
        "critical_exports_missed": critical,
        "suppressed_points": round(float(hourly.total("points_suppressed").sum())),
        "lost_points": [
            {"destination": row["destination"], "reason": row["reason"], "points": int(row["points"])}
            for row in usage.losses
        ]
        + [
            {"destination": row["destination"], "reason": "rejected", "points": int(row["rejected"])}
            for row in usage.destinations
            if row["rejected"]
        ],
        "gaps": [
            {
                "host": row["host"],
                "name": usage.names[row["host"]],
                "from": rfc3339(row["from_hour"]),
                "to": rfc3339(row["to_hour"]),
            }
            for row in usage.gaps[:LISTED]
        ],
        "host_hours_missing": round(max(0.0, _expected(usage) - float(hourly.host_seconds.sum())) / HOUR, 2),
    }


def talkers(usage: Usage) -> dict[str, Any]:
    """By CPU, kept and not."""
    found: dict[str, Any] = {}
    for verdict, name in (("keep", "kept"), ("roll_up", "rolled_up")):
        rows = [row for row in usage.talkers if row["verdict"] == verdict][:TALKERS]
        found[name] = [
            {
                "name": row["name"],
                "hosts": int(row["hosts"]),
                "cpu_seconds": round(float(row["cpu_seconds"] or 0), 3),
                "rss": round(float(row["rss"] or 0)),
                "processes": round(float(row["processes"] or 0), 2),
                "points": int(row["points"] or 0),
            }
            for row in rows
        ]
    return found


def too_short(usage: Usage) -> str:
    """Why no month can be told from this window; empty where one can."""
    seconds = float(usage.hourly.covered.sum())
    points = usage.hourly.states("points").sum(axis=1)
    if seconds < ENOUGH:
        return f"{seconds:,.0f} s were seen: too little to tell money from; let the agent run for ten minutes"
    if points[-1] and not points[0]:
        return (
            "without NRDOT nothing would have been exported yet: the window is shorter than baseline.interval"
        )
    return ""


def _little(usage: Usage) -> list[str]:
    hours = float(usage.hourly.covered.sum()) / HOUR
    short = too_short(usage)
    if short or hours >= FEW:
        return [short] if short else []
    return [f"no more than {hours:,.1f} hours were seen: figures of a month stand on little"]


def left_out(usage: Usage) -> list[str]:
    """One line for each thing that a reader must know is not in the figures."""
    lines = _little(usage)
    begins = min(row["began"] for row in usage.hosts)
    if begins - usage.window.since > SILENT:
        asked = (usage.window.until - usage.window.since) / HOUR
        lines.append(
            f"the ledger begins at {stamp(begins)}: {(begins - usage.window.since) / HOUR:,.0f} of the "
            f"{asked:,.0f} hours asked for are before it"
        )
    if usage.gaps:
        missing = sum(row["to_hour"] - row["from_hour"] for row in usage.gaps) / HOUR
        named = [
            f"{usage.names[row['host']]} {stamp(row['from_hour'])} to {stamp(row['to_hour'])}"
            for row in usage.gaps[:NAMED]
        ]
        more = f" and {len(usage.gaps) - NAMED} more" if len(usage.gaps) > NAMED else ""
        lines.append(f"gaps of {missing:,.0f} host-hours, not filled in: {', '.join(named)}{more}")
    for row in usage.breaks:
        why = _WORDS.get(row["reason"], row["reason"])
        span = f"{abs(row['seconds']) / HOUR:,.1f} h in all"
        lines.append(f"{why}: {counted(row['times'], 'break')} on {counted(row['hosts'], 'host')}, {span}")
    silent = [row for row in usage.hosts if usage.window.until - row["last_hour"] - HOUR > SILENT]
    if silent:
        named = [
            f"{usage.names[row['host']]} since {stamp(row['last_hour'] + HOUR)}" for row in silent[:NAMED]
        ]
        more = f" and {len(silent) - NAMED} more" if len(silent) > NAMED else ""
        lines.append(f"silent at the end: {', '.join(named)}{more}")
    lost = int(sum(row["lost_rows"] for row in usage.agents))
    if lost:
        lines.append(f"{counted(lost, 'row')} not written by an agent: its disk was full or broken")
    versions = sorted({row["agent"] for row in usage.agents if row["agent"]})
    if len(versions) > 1:
        lines.append(f"agents of {len(versions)} versions: {', '.join(versions)}; their figures are added up")
    modes = {row["mode"] for row in usage.agents}
    if modes == {"observe"}:
        lines.append(
            "mode observe: everything was exported; the figures are what the profile would have sent"
        )
    elif len(modes) > 1:
        lines.append(
            "some hosts or hours were in mode observe: there everything was exported, and nothing saved"
        )
    return lines


def _expected(usage: Usage) -> float:
    """Seconds that there would be if every host had spoken from its first row to the end."""
    return float(sum(usage.window.until - max(row["began"], usage.window.since) for row in usage.hosts))


def _proven(exported: float, seen: float) -> float | None:
    """Rounded down: one process missed of a million is not all of them."""
    return math.floor(exported / seen * 1e6) / 1e6 if seen else None


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole else None
