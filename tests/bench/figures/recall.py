"""How many of the programs that distributions start as services have a class.

`data/services_debian12.txt` was in view while the packs were written. What Debian 13 added to it was not: its
names were never looked at, only counted, and new in that release, so they are rarer than the average. The
second line of each counts the guess by the form of a name (`service_by_form`) too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.batch import Identity
from nrdot.config.schema.scoring import Packs
from nrdot.score.packs import packs_of
from nrdot.score.patterns import PatternPart

if TYPE_CHECKING:
    from table import Row

DATA = Path(__file__).parents[1] / "data"
GUESS = "service_by_form"
REACH = 95.0  # per cent, of the names in view


def run() -> list[Row]:
    classes = PatternPart((), packs_of(Packs()))
    return [
        *figures(classes, "services_debian12.txt", "services of Debian 12", REACH),
        *figures(classes, "services_new_in_debian13.txt", "services new in Debian 13, never in view", None),
    ]


def figures(classes: PatternPart, file: str, what: str, reach: float | None) -> list[Row]:
    names = (DATA / file).read_text(encoding="utf-8").split()
    found = [rule.name for name in names if (rule := classes.classify(Identity(name))) is not None]
    known = sum(name != GUESS for name in found)
    return [
        row(f"classes known, {len(names)} {what}", known / len(names), reach),
        row(f"classes known or guessed, {len(names)} {what}", len(found) / len(names), None),
    ]


def row(figure: str, share: float, reach: float | None) -> Row:
    value = round(100.0 * share, 1)
    return {
        "figure": figure,
        "reach": f"at least {reach:g}" if reach else "stated",
        "value": value,
        "unit": "%",
        "ok": value >= reach if reach else None,
    }
