"""What is compared, in what unit, and whether less or more of it is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

OURS = "nrdot-"
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    key: str
    heading: str
    title: str
    write: Callable[[float], str]
    more: bool = False  # is better
    charted: bool = True
    spreads: bool = False  # lowest and highest stand beside the median
    share: bool = False  # of CPU: says nothing where nobody works
    noise: float = 0.03  # a difference, of shares, or a part more or less, that says nothing

    def value(self, score: Document) -> float:
        found = score[self.key]
        return found["median"] if isinstance(found, dict) else found

    def cell(self, score: Document, cell: Document) -> str:
        if self.share and cell["load"] == "idle":
            return "-"
        text = self.write(self.value(score))
        found = score[self.key]
        if self.spreads:
            text += f" ({self.write(found['low'])} .. {self.write(found['high'])})"
        return text

    def beats(self, a: float, b: float) -> bool:
        """Whether `a` is better than `b`, by more than what repeats show as noise."""
        if self.share:
            return min(a, 1.0) > min(b, 1.0) + self.noise
        return a > b * (1 + self.noise) if self.more else a < b / (1 + self.noise)


def number(value: float) -> str:
    """Three figures, thousands apart."""
    if abs(value) >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def _percent(value: float) -> str:
    return f"{min(value, 1.0):.0%}"


MEASURES = (
    Measure("cpu", "CPU, us a process and tick", "CPU for each process and tick, us", number, spreads=True),
    Measure("resident", "resident, MB", "Resident memory, MB", lambda value: f"{value / 1e6:.0f}"),
    Measure("points", "points a tick", "Points a tick", number),
    Measure("series", "series", "Series", number, charted=False),
    Measure(
        "wire",
        "kB on the wire a tick",
        "Bytes on the wire a tick, kB",
        lambda value: number(value / 1000),
        charted=False,
    ),
    Measure(
        "size",
        "kB before compression",
        "Bytes a tick before compression, kB",
        lambda value: number(value / 1000),
        charted=False,
    ),
    Measure(
        "named",
        "CPU shown by single processes",
        "Share of the tree's CPU that single processes show",
        _percent,
        more=True,
        charted=False,
        share=True,
    ),
    Measure(
        "shown",
        "CPU shown at all",
        "Share of the tree's CPU that any series shows",
        _percent,
        more=True,
        charted=False,
        share=True,
        noise=0.1,
    ),
)


def title_of(told: Document) -> dict[str, str]:
    return {one["name"]: one["title"] for one in told["contestants"]}


def tree_of(cell: Document) -> str:
    load = {"active": "all active", "churn": "mixed, with churn"}.get(cell["load"], cell["load"])
    return f"{cell['processes']:,} processes, {load}"
