"""Every comparison that a peer wins, found in the results and said as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from measures import MEASURES, OURS, title_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from measures import Measure

Document = dict[str, Any]
EVERY = """\
Every measure in which a peer's median is better than that of a profile, by more than the noise of repeats,
with the trees in which it is, and the range over these trees:
"""
NONE = """\
Of the culprits none is shown better by a peer than by any profile, or sooner by more than one interval."""
BEHIND = """\
What stands behind it: **memory** is half an interpreter, numpy and OpenSSL, before the first line of the
agent ([what holds how much](decisions/0014-what-a-tick-costs.md)). **Points and bytes**: the filtered
Collector drops what is below its thresholds and keeps no sum of it, groups by name lose who in the group it
was, and the psutil exporter reads one kind of CPU time fewer; a series that begins or ends costs a point more
here, so that sums over series stay exact. **Shares of CPU** of single processes are what a profile chooses:
the rest is in its sums.
"""
WORTH = {"named": 3, "old name": 2, "group": 1, "no": 0}


def losses(told: Document) -> Iterator[str]:
    titles = title_of(told)
    peers = [name for name in titles if not name.startswith(OURS)]
    found = [row for measure in MEASURES for peer in peers if (row := _lost(told, measure, peer, titles))]
    yield EVERY
    yield "| measure | peer | trees | the peer | NRDOT |"
    yield "|---|---|---|---:|---|"
    yield from found
    yield ""
    yield BEHIND
    if "culprits" in told:
        yield from _culprits(told["culprits"], titles, peers)


def _lost(told: Document, measure: Measure, peer: str, titles: dict[str, str]) -> str:
    """One row of the table, empty where the peer is nowhere better."""
    trees, theirs, ours = [], [], {}
    for cell in told["cells"]:
        scores = cell["scores"]
        if peer not in scores or (measure.share and cell["load"] == "idle"):
            continue
        reached = measure.value(scores[peer])
        behind = {
            name.removeprefix(OURS): value
            for name, score in scores.items()
            if name.startswith(OURS) and measure.beats(reached, value := measure.value(score))
        }
        if behind:
            trees.append(f"{cell['processes']:,} {cell['load']}")
            theirs.append(reached)
            for name, value in behind.items():
                ours.setdefault(name, []).append(value)
    if not trees:
        return ""
    where = "all" if len(trees) == len(told["cells"]) > 1 else ", ".join(trees)
    beaten = ", ".join(f"{name} {_range(measure, values)}" for name, values in ours.items())
    return f"| {measure.title} | {titles[peer]} | {where} | {_range(measure, theirs)} | {beaten} |"


def _range(measure: Measure, values: list[float]) -> str:
    low, high = measure.write(min(values)), measure.write(max(values))
    return low if low == high else f"{low} .. {high}"


def _culprits(hunt: Document, titles: dict[str, str], peers: list[str]) -> Iterator[str]:
    found = hunt["found"]
    lines = []
    for kind in hunt["kinds"]:
        for peer in peers:
            theirs = found[peer][kind]
            behind = [
                name.removeprefix(OURS)
                for name, kinds in found.items()
                if name.startswith(OURS) and _behind(kinds[kind], theirs, hunt["interval"])
            ]
            if behind:
                lines.append(f"- {kind}: {titles[peer]} shows it better or sooner than {', '.join(behind)}")
    if lines:
        yield "Of the culprits, where the difference is more than one interval:\n"
        yield from lines
    else:
        yield NONE
    yield ""


def _behind(ours: Document, theirs: Document, interval: float) -> bool:
    if WORTH[ours["outcome"]] != WORTH[theirs["outcome"]]:
        return WORTH[ours["outcome"]] < WORTH[theirs["outcome"]]
    return theirs["delay"] is not None and ours["delay"] > theirs["delay"] + interval
