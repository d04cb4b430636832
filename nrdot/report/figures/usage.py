"""A ledger as numbers: what the queries answer, in the shape that prices are applied to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nrdot.report.figures.hosts import named
from nrdot.report.figures.steps import MEASURES, PARTS, Hourly, Wire

if TYPE_CHECKING:
    from nrdot.report.evidence.engine import Engine
    from nrdot.report.evidence.queries import Window
    from nrdot.report.figures.steps import Hours

_KEYS = {"hour", "part"}


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
    names: dict[str, str]  # of hosts, for people


def read_usage(engine: Engine, window: Window, by: str, compression: float) -> Usage:
    destinations = engine.rows("destinations", window)
    classes, hosts = engine.rows("allocation", window, "class"), engine.rows("hosts", window)
    return Usage(
        window=window,
        hourly=_hourly(engine, window),
        wire=_wire(destinations, compression),
        hosts=hosts,
        gaps=engine.rows("gaps", window),
        agents=engine.rows("agents", window),
        breaks=engine.rows("breaks", window),
        destinations=destinations,
        losses=engine.rows("losses", window),
        talkers=engine.rows("talkers", window),
        reasons=engine.rows("reasons", window),
        critical=engine.rows("critical", window),
        owners=classes if by == "class" else engine.rows("allocation", window, by),
        classes=classes,
        by=by,
        names=named(hosts),
    )


def _hourly(engine: Engine, window: Window) -> Hourly:
    coverage, hours = engine.columns("coverage", window), engine.columns("hours", window)
    own = engine.columns("own_hours", window)
    hour = np.unique(np.concatenate([np.asarray(one["hour"], np.float64) for one in (coverage, hours, own)]))
    parts = {}
    for column in hours.keys() - _KEYS:
        parts[column] = {
            name: _placed(hour, hours, column, np.asarray(hours["part"]) == name) for name in PARTS
        }
    return Hourly(
        hour,
        np.maximum(_placed(hour, coverage, "hosts"), 1.0),
        # An hour whose agents' own rows are lost was seen all the same, as long as its rows say.
        np.maximum(_placed(hour, coverage, "covered"), np.max(list(parts.pop("longest").values()), axis=0)),
        _placed(hour, coverage, "host_seconds"),
        parts,
        {measure: _placed(hour, own, measure) for measure in MEASURES},
    )


def _placed(hour: Hours, answer: dict[str, Any], column: str, chosen: Any = slice(None)) -> Hours:
    """A column by hour, 0 where it has none. `chosen` are rows of different hours."""
    placed = np.zeros(len(hour))
    where = np.searchsorted(hour, np.asarray(answer["hour"], np.float64)[chosen])
    placed[where] = np.asarray(answer[column], np.float64)[chosen]
    return placed


def _wire(destinations: list[dict[str, Any]], compression: float) -> Wire:
    """Files take no part: what was delivered to one grew, into lines of JSON, and no request ever grows."""
    remote = [one for one in destinations if 0 < one["wire"] <= one["bytes"] and one["produced"]]
    wire = float(sum(one["wire"] for one in remote))
    size = float(sum(one["bytes"] for one in remote))
    copies = sum(min(1.0, one["delivered"] / one["produced"]) for one in remote)
    return Wire(float(copies), size / wire if wire else 0.0, compression)
