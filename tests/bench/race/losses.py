"""Every comparison that a peer wins, found in the results and said as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from measures import MEASURES, OURS, title_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from measures import Measure

Document = dict[str, Any]
WORTH = {"named": 3, "old name": 2, "group": 1, "no": 0}


def losses(told: Document) -> Iterator[str]:
    titles = title_of(told)
    peers = [name for name in titles if not name.startswith(OURS)]
    found = [line for measure in MEASURES for peer in peers for line in _lost(told, measure, peer, titles)]
    yield "A peer is named where its median is better than that of a profile, by more than the noise of repeats.\n"
    yield "| measure | peer | tree | the peer | NRDOT |"
    yield "|---|---|---|---:|---|"
    yield from found
    yield ""
    if "culprits" in told:
        yield from _culprits(told["culprits"], titles, peers)


def _lost(told: Document, measure: Measure, peer: str, titles: dict[str, str]) -> Iterator[str]:
    for cell in told["cells"]:
        scores = cell["scores"]
        if peer not in scores or (measure.share and cell["load"] == "idle"):
            continue
        theirs = measure.value(scores[peer])
        lost = [
            f"{name.removeprefix(OURS)} {measure.write(measure.value(score))}"
            for name, score in scores.items()
            if name.startswith(OURS) and measure.beats(theirs, measure.value(score))
        ]
        if lost:
            yield f"| {measure.title} | {titles[peer]} | {tree_of(cell)} | {measure.write(theirs)} | {', '.join(lost)} |"


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
        yield "Of the culprits none is shown better by a peer than by any profile, or sooner by more than one interval."
    yield ""


def _behind(ours: Document, theirs: Document, interval: float) -> bool:
    if WORTH[ours["outcome"]] != WORTH[theirs["outcome"]]:
        return WORTH[ours["outcome"]] < WORTH[theirs["outcome"]]
    return theirs["delay"] is not None and ours["delay"] > theirs["delay"] + interval
