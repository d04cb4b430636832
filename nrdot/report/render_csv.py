"""The report as one flat table, for spreadsheets: section, key, the figure's name, the figure."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = ("section", "key", "name", "value", "unit")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(found: dict[str, Any], kind: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in _ROWS[kind](found):
        writer.writerow([_safe(cell) for cell in row])
    return out.getvalue()


def _safe(cell: Any) -> Any:
    """A name that a spreadsheet would take for a formula is text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _savings(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    yield from _usage(found)
    yield from _money(found)
    for day in found["days"]:
        for figure in ("seen", "unoptimized", "sent", "saved"):
            yield (
                "day",
                day["day"],
                figure,
                day.get(figure),
                found["currency"] if figure != "seen" else "share",
            )
    for line in found["left_out"]:
        yield "left out", "", "", line, ""


def _usage(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for name in ("from", "to", "hosts", "hours_seen", "host_hours_seen", "host_hours_expected", "mode"):
        yield "window", "", name, found["window"][name], ""
    for section in ("processes", "points", "series", "bytes"):
        figures = ((name, value) for name, value in found[section].items() if not isinstance(value, list))
        yield from ((section, "", name, value, "") for name, value in figures)
    for row in found["critical"]["classes"]:
        yield "critical", row["class"], "seen", row["seen"], "exports"
        yield "critical", row["class"], "exported", row["exported"], "exports"
    for step, value in found["attribution"].items():
        yield "attribution", "points", step, value, "points"


def _money(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    monthly = f"{found['currency']} a month"
    for name, meter in found["meters"].items():
        for figure in ("unoptimized", "hostmetrics", "sent", "saved"):
            yield "meter", name, figure, meter[figure], monthly
        yield from (
            ("attribution", name, step, value, monthly) for step, value in meter["attribution"].items()
        )
    for row in found["allocation"]:
        for figure in ("value", "direct", "shared", "unoptimized", "saved"):
            yield f"allocation by {found['allocation_by']}", row["key"], figure, row[figure], monthly
    for span in ("month", "year"):
        for figure, value in found["projection"][span].items():
            yield "projection", span, figure, value, found["currency"]
    yield from (("return", "", figure, value, "") for figure, value in found["return"].items())


def _criticality(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for row in found["rows"]:
        for group, cell in row["cells"].items():
            for figure, value in cell.items():
                yield row["class"], group, figure, value, ""


def _compliance(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for row in found["rows"]:
        yield row["requirement"], row["rule"], row["state"], row["covers"], "; ".join(row["evidence"])
    for line in found["audit"]:
        yield "audit", "", "", line, ""


def _rollout(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for phase in found["phases"]:
        yield (
            phase["name"],
            f"{phase['from_week']}-{phase['to_week']}",
            phase["profile"],
            phase["hosts"],
            "hosts",
        )
        for gate in phase["gates"]:
            yield phase["name"], "", "gate", gate, ""


_ROWS = {
    "savings": _savings,
    "criticality": _criticality,
    "compliance": _compliance,
    "rollout": _rollout,
}
