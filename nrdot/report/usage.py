"""A ledger as numbers: what the queries answer, in the shape that prices are applied to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nrdot.report.steps import PARTS, Hourly, Wire

if TYPE_CHECKING:
    from nrdot.report.engine import Engine, Window

_KEYS = ("hour", "part")


@dataclass(frozen=True, slots=True)
class Usage:
    window: Window
    hourly: Hourly
    wire: Wire
    hosts: list[dict[str, Any]]
    gaps: list[dict[str, Any]]
    agents: list[dict[str, Any]]
    breaks: list[dict[str, Any]]
    destinations: list[dict[str, Any]]
    losses: list[dict[str, Any]]
    talkers: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    critical: list[dict[str, Any]]
    owners: list[dict[str, Any]]  # allocation.sql by `by`
    classes: list[dict[str, Any]]  # allocation.sql by class
    by: str


def read_usage(engine: Engine, window: Window, by: str, compression: float) -> Usage:
    destinations = engine.rows("destinations", window)
    return Usage(
        window=window,
        hourly=_hourly(engine, window),
        wire=_wire(destinations, compression),
        hosts=engine.rows("hosts", window),
        gaps=engine.rows("gaps", window),
        agents=engine.rows("agents", window),
        breaks=engine.rows("breaks", window),
        destinations=destinations,
        losses=engine.rows("losses", window),
        talkers=engine.rows("talkers", window),
        reasons=engine.rows("reasons", window),
        critical=engine.rows("critical", window),
        owners=engine.rows("allocation", window, by),
        classes=engine.rows("allocation", window, "class"),
        by=by,
    )


def _hourly(engine: Engine, window: Window) -> Hourly:
    coverage, hours = engine.columns("coverage", window), engine.columns("hours", window)
    own = engine.columns("own_hours", window)
    hour = np.asarray(coverage["hour"], np.float64)
    place, part = np.searchsorted(hour, hours["hour"]), np.asarray(hours["part"])
    parts: dict[str, dict[str, np.ndarray]] = {}
    for column in hours.keys() - set(_KEYS):
        parts[column] = {name: np.zeros(len(hour)) for name in PARTS}
        values = np.asarray(hours[column], np.float64)
        for name in PARTS:
            chosen = part == name
            parts[column][name][place[chosen]] = values[chosen]
    added = {}
    for measure in ("points", "bytes", "active", "hourly"):
        added[measure] = np.zeros(len(hour))
        added[measure][np.searchsorted(hour, own["hour"])] = np.asarray(own[measure], np.float64)
    return Hourly(
        hour,
        np.asarray(coverage["hosts"], np.float64),
        np.asarray(coverage["covered"], np.float64),
        np.asarray(coverage["host_seconds"], np.float64),
        parts,
        added,
    )


def _wire(destinations: list[dict[str, Any]], compression: float) -> Wire:
    """Files and what else has no wire take no part."""
    remote = [one for one in destinations if one["wire"] and one["produced"]]
    wire = float(sum(one["wire"] for one in remote))
    size = float(sum(one["bytes"] for one in remote))
    copies = sum(min(1.0, one["delivered"] / one["produced"]) for one in remote)
    return Wire(float(copies), size / wire if wire else 0.0, compression)
