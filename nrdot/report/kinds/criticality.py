"""The heat map of criticality: what each class is worth, and how much of it runs where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nrdot.report.evidence.queries import rfc3339
from nrdot.report.figures.hosts import named
from nrdot.report.words import NOBODY
from nrdot.score.packs import packs_of

if TYPE_CHECKING:
    from nrdot.config.settled.configuration import Configuration
    from nrdot.report.evidence.engine import Engine
    from nrdot.report.evidence.queries import Window

MANY = 24  # columns; more hosts than that are shown by the name without its number
NEVER_FILTERED = 1.0


def criticality(engine: Engine, window: Window, configuration: Configuration, by: str) -> dict[str, Any]:
    """`by` is host, namespace or another key of the ledger."""
    scores = class_scores(configuration)
    rows = engine.rows("classes", window, by)
    known = named(engine.rows("hosts", window)) if by == "host" else {}
    names = {row["owner"] or "" for row in rows}
    together = by == "host" and len(names) > MANY

    def group(owner: str) -> str:
        name = known.get(owner, owner)
        return (_together(name) if together else name) or NOBODY

    seen = float(sum(row["covered"] for row in engine.rows("coverage", window))) or 1.0
    table: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        cell = table.setdefault(row["class"], {}).setdefault(
            group(row["owner"] or ""), dict.fromkeys(_SUMS, 0.0)
        )
        for name in _SUMS:
            cell[name] += float(row[name])
    own = configuration.settings.process_classification
    found = [_row(name, cells, scores.get(name), seen, stated=name in own) for name, cells in table.items()]
    found.sort(key=lambda row: (-(row["score"] if row["score"] is not None else -1.0), row["class"]))
    weight = {name: 0.0 for row in found for name in row["cells"]}
    for row in found:
        for name, cell in row["cells"].items():
            weight[name] += cell["processes"] * (row["score"] or 0.0)
    return {
        "by": "host group" if together else by,
        "window": {"from": rfc3339(window.since), "to": rfc3339(window.until)},
        "groups": sorted(weight, key=lambda name: (-weight[name], name)),
        "rows": found,
        "left_out": list(engine.left_out),
    }


_SUMS = ("process_seconds", "kept_seconds", "cpu_seconds", "critical_seen", "critical_exported")


def class_scores(configuration: Configuration) -> dict[str, float]:
    """What a class is worth by the shipped packs, the user's packs and the configuration, in this order."""
    base = Path(configuration.file).parent if configuration.file else Path()
    scores = {rule.name: rule.score for rule in packs_of(configuration.settings.packs, base)}
    scores |= {name: rule.score for name, rule in configuration.settings.process_classification.items()}
    return scores


def _row(
    name: str, cells: dict[str, dict[str, float]], score: float | None, seen: float, *, stated: bool
) -> dict[str, Any]:
    """A class whose processes were never filtered is worth 1.0, whatever a pack says of it."""
    critical = sum(cell["critical_seen"] for cell in cells.values()) > 0
    return {
        "class": name,
        "score": NEVER_FILTERED if critical and not stated else score,
        "critical": critical,
        "cells": {group: _cell(cell, seen) for group, cell in sorted(cells.items())},
    }


def _cell(cell: dict[str, float], seen: float) -> dict[str, Any]:
    return {
        "processes": round(cell["process_seconds"] / seen, 2),
        "kept": round(cell["kept_seconds"] / cell["process_seconds"], 4) if cell["process_seconds"] else 0.0,
        "cpu_seconds": round(cell["cpu_seconds"], 3),
        "critical_seen": int(cell["critical_seen"]),
        "critical_missed": int(cell["critical_seen"] - cell["critical_exported"]),
    }


def _together(name: str) -> str:
    """web-017.eu and web-4.eu are web-*.eu; the id beside a name that two hosts share says nothing here."""
    return re.sub(r"\d+", "*", re.sub(r" \([^()]*\)\Z", "", name))
