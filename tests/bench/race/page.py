"""docs/race.md and its charts, from results.json alone: no number on the page is typed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import charts
from losses import losses
from measures import MEASURES, OURS, title_of, tree_of
from words import CONDITIONS, FOUND, HUNT, OPENING, PANEL, told_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Document = dict[str, Any]
USED = 0.05  # cores, from which on a culprit's CPU is worth a word
OUTCOMES = {"named": "by name", "old name": "under its old name", "group": "in group `{}`", "no": "no"}


def write(out: Path) -> None:
    folder = out / "race"
    told: Document = json.loads((folder / "results.json").read_text())
    for name, drawn in drawings(told).items():
        (folder / f"{name}.svg").write_text(drawn)
    (out / "race.md").write_text("\n".join(lines(told)).rstrip("\n") + "\n")


def main_cell(told: Document) -> Document:
    """What `plan.Plan.main` was."""
    cells = mixed(told)
    return cells[len(cells) // 2]


def mixed(told: Document) -> list[Document]:
    return [cell for cell in told["cells"] if cell["load"] == "mixed"]


def drawings(told: Document) -> dict[str, str]:
    cell, titles = main_cell(told), title_of(told)
    ours = {titles[name] for name in cell["scores"] if name.startswith(OURS)}
    drawn = {
        measure.key: charts.ranking(
            f"{measure.title}, {tree_of(cell)}",
            {titles[name]: measure.value(score) for name, score in cell["scores"].items()},
            measure.write,
            ours,
        )
        for measure in MEASURES
        if measure.charted
    }
    grown = mixed(told)
    drawn["sizes"] = charts.sizes(
        "CPU for each process and tick, us",
        [f"{one['processes']:,} processes" for one in grown],
        {
            title: [one["scores"][name]["cpu"]["median"] if name in one["scores"] else None for one in grown]
            for name, title in titles.items()
        },
        lambda value: f"{value:.3g}",
    )
    drawn["coverage"] = charts.scatter(
        "points a tick",
        "CPU shown by single processes, %",
        {
            titles[name]: (score["points"]["median"], min(100 * score["named"], 100))
            for name, score in cell["scores"].items()
            if score["points"]["median"]
        },
    )
    return drawn


def lines(told: Document) -> Iterator[str]:
    machine, cell = told["machine"], main_cell(told)
    yield told_in_words(
        OPENING,
        minutes=f"{told['seconds'] / 60:.0f}",
        rounds=told["rounds"],
        cpu=machine["CPU"],
        cores=machine["cores"],
        memory=machine["memory"],
        kernel=machine["kernel"],
        python=machine["Python"],
        date=machine["date"],
        load=machine["load before"],
    )
    for title, why in told["missing"].items():
        yield f"\n{title} did not take part: {why}.\n"
    yield f"## {tree_of(cell).capitalize()}\n"
    yield from table(told, cell)
    yield from pictures(cell)
    yield "## From small to large\n"
    yield "![CPU for each process and tick, on trees of three sizes](race/sizes.svg)\n"
    yield from ratios(told)
    for other in told["cells"]:
        if other is not cell:
            yield f"### {tree_of(other).capitalize()}\n"
            yield from table(told, other)
    if "culprits" in told:
        yield from culprits(told)
    if "dashboard" in told:
        yield from dashboard(told)
    yield "## Where NRDOT loses\n"
    yield from losses(told)
    intervals = ", ".join(f"{cell['interval']} s at {cell['processes']:,} processes" for cell in mixed(told))
    yield told_in_words(
        CONDITIONS,
        intervals=intervals,
        precious=told["precious"],
        own=told["own_intervals"],
        noise=MEASURES[-1].noise,
        **told["loads"],
    )
    yield from configurations(told)


def pictures(cell: Document) -> Iterator[str]:
    for measure in MEASURES:
        if measure.charted:
            yield f"![{measure.title}, {tree_of(cell)}](race/{measure.key}.svg)\n"
    yield "![Points a tick against the share of CPU that single processes show](race/coverage.svg)\n"


def table(told: Document, cell: Document) -> Iterator[str]:
    titles = title_of(told)
    yield from rows(
        ["", *(measure.heading for measure in MEASURES)],
        [
            [titles[name], *(measure.cell(score, cell) for measure in MEASURES)]
            for name, score in cell["scores"].items()
        ],
    )
    for name, why in cell["fallen"].items():
        yield f"{titles[name]} did not come to the end: {why}\n"


def rows(headings: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|---|{'---:|' * (len(headings) - 1)}"
    for row in body:
        yield f"| {' | '.join(row)} |"
    yield ""


def ratios(told: Document) -> Iterator[str]:
    """How many times the CPU of NRDOT balanced each of the others takes."""
    titles, ours = title_of(told), f"{OURS}balanced"
    cells = [cell for cell in told["cells"] if ours in cell["scores"]]
    yield "How many times the CPU of NRDOT balanced each takes:\n"
    body = []
    for name, title in titles.items():
        if name == ours:
            continue
        row = [title]
        for cell in cells:
            score = cell["scores"].get(name)
            times = score["cpu"]["median"] / cell["scores"][ours]["cpu"]["median"] if score else None
            row.append("" if times is None else f"{times:.{0 if times >= 10 else 1}f}")
        body.append(row)
    yield from rows(["", *(f"{cell['processes']:,} {cell['load']}" for cell in cells)], body)


def culprits(told: Document) -> Iterator[str]:
    hunt, titles = told["culprits"], title_of(told)
    yield told_in_words(HUNT, **hunt)
    for kind, about in hunt["kinds"].items():
        cores = hunt["cores"][kind]
        used = f", {cores:.2f} cores" if cores > USED else ""
        yield f"- **{kind}**: {about} ({hunt['lasted'][kind]:.0f} s{used})"
    yield told_in_words(FOUND, grown=hunt["grown"] / 2**20, enough=hunt["enough"])
    kinds = list(hunt["kinds"])
    body = [
        [titles[name], *(outcome(found[kind]) for kind in kinds)] for name, found in hunt["found"].items()
    ]
    yield from rows(["", *kinds], body)


def outcome(found: Document) -> str:
    words = OUTCOMES[found["outcome"]].format(found["where"])
    if found["delay"] is not None:
        words += f", {found['delay']:.1f} s"
    if "present" in found:
        words += f", there at {found['present']:.0%} of looks"
    return words


def dashboard(told: Document) -> Iterator[str]:
    panel, titles = told["dashboard"], title_of(told)
    yield told_in_words(PANEL, minutes=panel["hour"] / 60, **panel)
    body = [
        [
            titles[name],
            f"{one['series']:,}",
            f"{one['samples']:,}",
            f"{one['disk'] / 1e6:.2f}",
            f"{one['median']:.1f} ({one['low']:.1f} .. {one['high']:.1f})",
        ]
        for name, one in panel["sets"].items()
    ]
    yield from rows(["", "series", "samples", "MB on disk", "ms"], body)


def configurations(told: Document) -> Iterator[str]:
    yield "## Configurations\n"
    filled = {"interval": "1", "endpoint": "http://127.0.0.1:4318", "state": "/var/lib/nrdot"}
    for one in told["contestants"]:
        text = one["configuration"]
        if one["kind"] == "push":
            text = text.format(**filled)
        kind = "yaml" if one["name"].startswith(OURS) else "text"
        yield f"### {one['title']} {one['version']}\n"
        yield f"{one['about'][0].upper()}{one['about'][1:]}. Options: `{one['options']}`.\n"
        yield f"```{kind}\n{text.rstrip()}\n```\n"
