"""The race: NRDOT beside its peers on the same process trees, as JSON and as a page with charts.

    .venv/bin/python tests/bench/race/race.py [--quick] [--only PART]... [--out FOLDER] [--page]

A full run writes docs/race/results.json, the charts beside it and docs/race.md; a quick one, whose numbers
mean nothing, the same below build/race. `--page` draws page and charts anew from the results that lie there.
`--only` runs some of the parts and keeps the others' results. It needs root, for a pid namespace in which the
tree is all that there is; everything that was started ends with it.

    plan, tree, contestants, receiver ─┬─► turns ────► exports, scores ────┬─► results.json ─► page
    who sees what, and how it is kept  ├─► culprits ─► exports, findings ──┤   with words, losses,
                                       └─► dashboard, on a Prometheus ─────┘   measures and charts
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import culprits
import dashboard
from contestants import PRECIOUS, contestants
from machine import describe
from plan import FULL, LOADS, QUICK
from programs import BUILT, ROOT, NotMeasurable
from scores import Share
from turns import race

from nrdot.config.reading.load import load_profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contestants import Contestant
    from plan import Plan
    from scores import Scores
    from turns import Raced

PARTS = ("cells", "culprits", "dashboard")
INSIDE = "NRDOT_RACE_INSIDE"


def main() -> int:
    asked = arguments()
    out = asked.out or (BUILT.parent / "race" if asked.quick else ROOT / "docs")
    if not asked.page:
        if INSIDE not in os.environ:
            return enter()
        out.joinpath("race").mkdir(parents=True, exist_ok=True)
        run(QUICK if asked.quick else FULL, asked.only or PARTS, out / "race" / "results.json")
    from page import write

    write(out)
    print(out / "race.md")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run: its numbers mean nothing")
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where race.md and race/ are written")
    parser.add_argument(
        "--page", action="store_true", help="only draw the page from the results that are there"
    )
    return parser.parse_args()


def enter() -> int:
    """Run again as the first process of a pid namespace of its own; all processes end with that one."""
    if os.geteuid() != 0:
        print(
            "the race needs root: it makes a pid namespace and looks at processes of many users",
            file=sys.stderr,
        )
        return 2
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, *sys.argv]
    return subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False).returncode


def run(plan: Plan, parts: Sequence[str], results: Path) -> None:
    """What was found is written after each part, so that a late fault costs only what follows it."""
    began = time.monotonic()
    everybody, missing = present(contestants())
    kept = json.loads(results.read_text()) if results.exists() and tuple(parts) != PARTS else {}
    told: dict[str, Any] = kept | {
        "machine": {name: value for name, value in describe(0).items() if name != "extra processes"},
        "rounds": plan.rounds,
        "loads": LOADS,
        "precious": PRECIOUS,
        "own_intervals": own_intervals(),
        "contestants": [described(one) for one in everybody],
        "missing": missing,
    }

    def done(what: str) -> None:
        told["seconds"] = round(time.monotonic() - began)
        results.write_text(json.dumps(told, indent=1) + "\n")
        print(f"{told['seconds']:6} s  {what}", file=sys.stderr, flush=True)

    filling: Raced | None = None
    if "cells" in parts:
        told["cells"] = []
        for cell in plan.cells:
            raced = race(cell, everybody, plan.rounds)
            told["cells"].append(scored(raced))
            filling = raced if cell == plan.main else filling
            done(cell.name)
    if "dashboard" in parts:
        told["dashboard"] = panel(plan, filling or race(plan.main, everybody, 1))
        done("dashboard")
    if "culprits" in parts:
        told["culprits"] = culprits.hunt(plan, everybody)
        done("culprits")


def present(everybody: Sequence[Contestant]) -> tuple[list[Contestant], dict[str, str]]:
    """Who can be started here, and why the others cannot."""
    able, missing = [], {}
    for one in everybody:
        try:
            one.version()
            able.append(one)
        except (NotMeasurable, OSError, subprocess.CalledProcessError) as reason:
            missing[one.title] = str(reason)
    return able, missing


def described(one: Contestant) -> dict[str, str]:
    text = {
        name: getattr(one, name) for name in ("name", "title", "about", "kind", "configuration", "options")
    }
    return {**text, "version": one.version()}


def own_intervals() -> str:
    every = {
        name: load_profile(name, Path(), {}).export_interval
        for name in ("conservative", "balanced", "aggressive")
    }
    return ", ".join(f"{name} every {seconds:g} s" for name, seconds in every.items())


def scored(raced: Raced) -> dict[str, Any]:
    scores = {name: summed(score) for name, score in raced.scores.items()}
    return {**asdict(raced.cell), "scores": scores, "fallen": raced.fallen}


def summed(scores: Scores) -> dict[str, Any]:
    """Median, lowest and highest of the rounds; of shares, that of all rounds together."""
    told: dict[str, Any] = {"series": scores.series}
    for one in fields(scores):
        values = getattr(scores, one.name)
        if one.name == "series":
            continue
        if isinstance(values[0], Share):
            part, whole = (sum(column) for column in zip(*values, strict=True))
            told[one.name] = rounded(part / whole if whole > 0 else 0.0)
        else:
            found = {"median": statistics.median(values), "low": min(values), "high": max(values)}
            told[one.name] = {name: rounded(value) for name, value in found.items()}
    return told


def rounded(value: float) -> float:
    return float(f"{value:.4g}")


def panel(plan: Plan, raced: Raced) -> dict[str, Any]:
    sets = {name: raced.last[name] for name in dashboard.SHOWN if name in raced.last}
    told = dashboard.timed(sets, plan.hour, plan.queries)
    return {**told, "processes": raced.cell.processes}


if __name__ == "__main__":
    sys.exit(main())
