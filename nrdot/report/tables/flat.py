"""The report as one flat table, for spreadsheets: every figure of the document, a line each."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WINDOW = ("from", "to", "hosts", "hours", "hours_seen", "host_hours_seen", "host_hours_expected", "mode")
_SHARE = ("value", "direct", "shared", "unoptimized", "saved")
_TALKER = {"hosts": "", "cpu_seconds": "s", "rss": "bytes", "processes": "", "points": "points"}
_SECTIONS = {"processes": "", "points": "points", "series": "series", "bytes": "bytes", "agent": ""}


def as_csv(found: dict[str, Any], kind: str) -> str:
    columns, rows = _KINDS[kind]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows(found):
        writer.writerow([_safe(cell) for cell in row])
    return out.getvalue()


def _safe(cell: Any) -> Any:
    """A name that a spreadsheet would take for a formula is text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _savings(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for part in (_usage, _outcome, _money, _proof, _hidden):
        yield from part(found)
    for word in ("day", "hour"):
        for moment in found[f"{word}s"]:
            yield from _moment(word, moment, found["currency"], found["quantity_unit"])
    if found["too_short"]:
        yield "too short", "", "", found["too_short"], ""
    for line in found["left_out"]:
        yield "left out", "", "", line, ""


def _usage(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for name in _WINDOW:
        yield "window", "", name, found["window"][name], ""
    for section, unit in _SECTIONS.items():
        for name, value in found[section].items():
            if not isinstance(value, list):
                yield section, "", name, value, unit
    for version in found["agent"]["versions"]:
        yield "agent", "", "version", version, ""
    for step, value in found["attribution"].items():
        yield "attribution", "points", step, value, "points"


def _outcome(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """What became of processes, and of points."""
    for row in found["processes"]["reasons"]:
        key = f"{row['verdict']} {row['reason']}"
        yield "reason", key, "processes", row["processes"], ""
        yield "reason", key, "cpu_share", row["cpu_share"], "share"
        yield "reason", key, "points", row["points"], "points"
    for row in found["destinations"]:
        for name, value in row.items():
            if name != "destination":
                unit = "bytes" if name in ("bytes", "wire") else "points"
                yield "destination", row["destination"], name, value, unit


def _money(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    monthly = f"{found['currency']} a month"
    yield "prices", "", "as_of", found["prices_of"], ""
    yield "prices", "", "month", found["month_hours"], "h"
    yield "prices", "", "meter", found["meter"], ""
    for name, meter in found["meters"].items():
        for figure in ("unoptimized", "hostmetrics", "sent", "saved"):
            yield "meter", name, figure, meter[figure], monthly
        for step, value in meter["attribution"].items():
            yield "attribution", name, step, value, monthly
        yield "meter", name, "formula", meter["formula"], ""
    for row in found["allocation"]:
        yield from _share(f"allocation by {found['allocation_by']}", row, monthly)
    for row in found["classes"]:
        yield from _share("class", row, monthly)
    yield "projection", "", "days", found["projection"]["days"], ""
    yield "projection", "", "confidence", found["projection"]["confidence"], ""
    for span in ("month", "year"):
        for figure, value in found["projection"][span].items():
            yield "projection", span, figure, value, found["currency"]
    for figure, value in found["return"].items():
        yield "return", "", figure, value, _RETURN.get(figure, found["currency"])
    for figure, value in found.get("actual", {}).items():
        unit = "" if figure in ("meter", "factor") else found["currency"]
        yield "actual", "", figure, value, unit


_RETURN = {"agent_core_hours": "h a month", "payback_months": "months", "first_year": "share"}


def _share(section: str, row: dict[str, Any], monthly: str) -> Iterator[tuple[Any, ...]]:
    if row["name"] != row["key"]:
        yield section, row["key"], "name", row["name"], ""
    yield from ((section, row["key"], figure, row[figure], monthly) for figure in _SHARE)
    yield section, row["key"], "points", row["points"], "points"
    yield section, row["key"], "usage", row["usage"], "share"
    yield section, row["key"], "processes", row["processes"], ""
    yield section, row["key"], "cpu_seconds", row["cpu_seconds"], "s"


def _proof(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for name in ("seen", "exported", "coverage"):
        yield "critical", "", name, found["critical"][name], "share" if name == "coverage" else "exports"
    for row in found["critical"]["classes"]:
        for name in ("seen", "exported", "short_hours", "first_short"):
            unit = {"short_hours": "h", "first_short": ""}.get(name, "exports")
            yield "critical", row["class"], name, row[name], unit
    for cell in found["coverage"]["cells"]:
        yield "coverage", cell["at"], "seen", cell["seen"], "share"
        yield "coverage", cell["at"], "critical", cell["critical"], "share"


def _hidden(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """What was not seen, and who is in the sums."""
    for name, value in found["not_seen"].items():
        if not isinstance(value, list):
            yield "not seen", "", name, value, "share" if name.endswith("_share") else ""
    for row in found["not_seen"]["lost_points"]:
        yield "not seen", row["destination"], row["reason"], row["points"], "points"
    for row in found["not_seen"]["gaps"]:
        yield "gap", row["name"], row["from"], row["to"], ""
    for kept in ("kept", "rolled_up"):
        for row in found["talkers"][kept]:
            for name, unit in _TALKER.items():
                yield f"talker {kept}", row["name"], name, row[name], unit


def _moment(word: str, moment: dict[str, Any], currency: str, unit: str) -> Iterator[tuple[Any, ...]]:
    """One that nobody saw has nothing but that."""
    at = moment["day"]
    yield word, at, "seen", moment["seen"], "share"
    for name in ("unoptimized", "sent", "saved"):
        yield word, at, name, moment.get(name), currency
    for name, value in moment.get("attribution", {}).items():
        yield word, at, f"attribution {name}", value, currency
    if "quantity" in moment:
        yield word, at, "quantity", moment["quantity"], unit
    for name in ("points_unoptimized", "points_sent"):
        yield word, at, name, moment.get(name), "points"
    for name, value in moment.get("attribution_points", {}).items():
        yield word, at, f"attribution {name}", value, "points"


def _criticality(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for row in found["rows"]:
        for group, cell in row["cells"].items():
            yield (row["class"], row["score"], group, *(cell[name] for name in _CELL))


_CELL = ("processes", "kept", "cpu_seconds", "critical_seen", "critical_missed")


def _compliance(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for row in found["rows"]:
        yield row["requirement"], row["rule"], row["state"], row["covers"], "; ".join(row["evidence"])
    for line in found["audit"]:
        yield "audit", "", "", "", line
    for line in found["left_out"]:
        yield "left out", "", "", "", line


def _rollout(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for phase in found["phases"]:
        yield (
            *(phase[name] for name in ("name", "from_week", "to_week", "hosts", "profile")),
            "; ".join(phase["steps"]),
            "; ".join(phase["gates"]),
        )


_KINDS: dict[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], Iterator[tuple[Any, ...]]]]] = {
    "savings": (("section", "key", "name", "value", "unit"), _savings),
    "criticality": (("class", "score", "group", *_CELL), _criticality),
    "compliance": (("requirement", "rule", "state", "covers", "evidence"), _compliance),
    "rollout": (("phase", "from_week", "to_week", "hosts", "profile", "steps", "gates"), _rollout),
}
