"""One row for each figure, one table for all of them, one JSON document beside it.

A figure group is a file of this folder with `run() -> list[Row]`. `value` is None where the figure could not
be measured on this machine; `note` then says why.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MARK = {True: "yes", False: "NO", None: "-"}
HEADINGS = ("figure", "reach", "measured", "spread", "ok")


class Row(TypedDict):
    figure: str
    reach: str
    value: float | int | None
    unit: str
    ok: bool | None  # None: stated, or not measured
    spread: NotRequired[str]
    note: NotRequired[str]


def at_most(figure: str, value: float, limit: float, unit: str, spread: str = "") -> Row:
    return Row(
        figure=figure,
        reach=f"at most {number(limit)}",
        value=value,
        unit=unit,
        ok=value <= limit,
        spread=spread,
    )


def at_least(figure: str, value: float, limit: float, unit: str, spread: str = "") -> Row:
    return Row(
        figure=figure,
        reach=f"at least {number(limit)}",
        value=value,
        unit=unit,
        ok=value >= limit,
        spread=spread,
    )


def stated(figure: str, value: float, unit: str, spread: str = "") -> Row:
    """A number without a reach, told beside the figures that it explains."""
    return Row(figure=figure, reach="", value=value, unit=unit, ok=None, spread=spread)


def not_measured(figure: str, reach: str, why: str) -> Row:
    return Row(figure=figure, reach=reach, value=None, unit="", ok=None, note=why)


def cells(row: Row) -> tuple[str, ...]:
    value = row["value"]
    measured = f"{number(value)} {row['unit']}".rstrip() if value is not None else "not measured"
    return row["figure"], str(row["reach"]), measured, row.get("spread", ""), MARK[row["ok"]]


def number(value: float) -> str:
    """Three digits that count, thousands apart: 0.0123, 1.42, 37.1, 5,310,000."""
    if value != 0 and abs(value) < 100:
        return f"{value:.3g}"
    return f"{value:,.0f}"


def render(machine: Mapping[str, str], groups: Mapping[str, Sequence[Row]]) -> str:
    """The table as people read it; also valid Markdown, so that the README can quote it."""
    body = [cells(row) for rows in groups.values() for row in rows]
    sizes = [max(len(line[column]) for line in [HEADINGS, *body]) for column in range(len(HEADINGS))]

    def line(texts: Sequence[str]) -> str:
        padded = (text.ljust(size) for text, size in zip(texts, sizes, strict=True))
        return "| " + " | ".join(padded) + " |"

    notes = [f"{row['figure']}: {row['note']}" for rows in groups.values() for row in rows if row.get("note")]
    return "\n".join(
        [
            "; ".join(f"{key} {value}" for key, value in machine.items()),
            "",
            line(HEADINGS),
            "|" + "|".join("-" * (size + 2) for size in sizes) + "|",
            *map(line, body),
            *(["", *notes] if notes else []),
        ]
    )


def write_json(path: Path, machine: Mapping[str, str], groups: Mapping[str, Sequence[Row]]) -> None:
    rows = [{"group": group, **row} for group, of_group in groups.items() for row in of_group]
    path.write_text(json.dumps({"machine": machine, "figures": rows}, indent=1) + "\n")
