"""`nrdot profile diff`: what a change changes, in settings and in what becomes of processes."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Json
from nrdot.cli.profiles.listing import InDirectory, found_profile

if TYPE_CHECKING:
    from nrdot.config.schema.profiles import Profile
    from nrdot.config.settled.configuration import Configuration
    from nrdot.config.showing.difference import Difference
    from nrdot.simulate.verdicts import Verdicts

DIFFERENT = 1


def diff(
    before: Annotated[str, typer.Argument(help="A profile by name, or a file.", metavar="A")],
    after: Annotated[str, typer.Argument(help="The one to compare it with.", metavar="B")],
    capture: Annotated[
        Path | None, typer.Option(help="Show what changes for the processes of this capture.", metavar="FILE")
    ] = None,
    directory: InDirectory = Path(),
    json: Json = False,
) -> None:
    """Show what differs in effect between two profiles or configurations; exit status 1 where anything does.

    Texts, comments and the order of settings make no difference, values and rules that hold in the end do.
    """
    from nrdot.cli.output import print_json

    sides = _side(before, directory), _side(after, directory)
    changes = _changes(*sides)
    document: dict[str, Any] = {
        "a": before,
        "b": after,
        "equal": not changes,
        "changes": [{"path": one.path, "before": one.before, "after": one.after} for one in changes],
    }
    if capture is not None:
        document["capture"] = _measured(capture, *sides)
    if json:
        print_json(document)
    else:
        _show(document, changes)
    if changes:
        raise typer.Exit(DIFFERENT)


def _side(name: str, directory: Path) -> Configuration | Profile:
    from nrdot.checks.loading import load
    from nrdot.config.reading.load import is_profile

    path = directory / name
    if name.endswith((".yaml", ".yml")) and not is_profile(path, os.environ):
        return load(path)
    return found_profile(name, directory).profile


def _changes(before: Configuration | Profile, after: Configuration | Profile) -> list[Difference]:
    """Where only one side is a configuration, its host's profile is what can be compared."""
    from nrdot.config.settled.configuration import Configuration
    from nrdot.config.showing.difference import of_configurations, of_profiles

    if isinstance(before, Configuration) and isinstance(after, Configuration):
        return of_configurations(before, after)
    profiles = [side.profile if isinstance(side, Configuration) else side for side in (before, after)]
    return of_profiles(*profiles)


def _measured(capture: Path, *sides: Configuration | Profile) -> dict[str, Any]:
    """Both sides over one capture: figures, and who moves at the last export."""
    from nrdot.simulate.verdicts import verdicts

    found = [verdicts(capture, _whole(side)) for side in sides]
    now = {one.pid: one for one in found[1].processes}
    moves: Counter[tuple[str, str, str]] = Counter()
    for one in found[0].processes:
        later = now.get(one.pid)
        if later is not None and later.verdict is not one.verdict:
            moves[one.name, one.verdict.name, later.verdict.name] += 1
    return {
        "figures": [_figures(one) for one in found],
        "processes": [
            {"name": name, "count": count, "before": old, "after": new}
            for (name, old, new), count in sorted(moves.items(), key=lambda move: (move[0][1:], move[0][0]))
        ],
    }


def _whole(side: Configuration | Profile) -> Configuration:
    from nrdot.checks.loading import load
    from nrdot.config.settled.configuration import Configuration
    from nrdot.simulate.run import under

    return side if isinstance(side, Configuration) else under(load(None), "candidate", side)


def _figures(found: Verdicts) -> dict[str, Any]:
    from nrdot.simulate.money import margins
    from nrdot.simulate.together import sent
    from nrdot.stages import Verdict

    outcome = found.outcome
    rates = sent(outcome)
    return {
        "processes": len(found.processes),
        "kept": sum(one.verdict is Verdict.KEEP for one in found.processes),
        "points_hourly": round(rates.points_hourly),
        "bytes_hourly": round(rates.bytes_hourly),
        "series": outcome.series,
        "critical": {"seen": outcome.critical_seen, "exported": outcome.critical_exported},
        "cpu_covered": round(outcome.cpu_kept / outcome.cpu_used, 4) if outcome.cpu_used else 1.0,
        "cost": {meter.key: round(meter.monthly(rates), 2) for meter in margins()},  # USD a month
    }


def _show(document: dict[str, Any], changes: list[Difference]) -> None:
    from nrdot.cli.output import console, table

    if changes:
        shown = table("setting", document["a"], document["b"])
        for one in changes:
            shown.add_row(one.path, one.before, one.after)
        console().print(shown)
    else:
        console().print("nothing differs in effect")
    if "capture" in document:
        _show_measured(document)


def _show_measured(document: dict[str, Any]) -> None:
    from nrdot.cli.output import amount, console, table, verdict
    from nrdot.simulate.money import headlines

    before, after = document["capture"]["figures"]
    columns = (document["a"], document["b"])
    shown = table("on the capture", *columns, right=set(columns))
    rows = {
        "processes kept": [f"{one['kept']} of {one['processes']}" for one in (before, after)],
        "points an hour": [f"{one['points_hourly']:,}" for one in (before, after)],
        "bytes an hour": [amount(one["bytes_hourly"]) for one in (before, after)],
        "series": [f"{one['series']:,}" for one in (before, after)],
        "critical exported": [
            f"{one['critical']['exported']}/{one['critical']['seen']}" for one in (before, after)
        ],
        "CPU covered": [f"{one['cpu_covered']:.0%}" for one in (before, after)],
    }
    for meter in headlines():
        rows[f"{meter.currency} a month, {meter.name}"] = [
            f"{one['cost'][meter.key]:,.2f}" for one in (before, after)
        ]
    for name, cells in rows.items():
        shown.add_row(name, *cells)
    console().print(shown)
    moves = table("process", "how many", "before", "after", right={"how many"})
    for one in document["capture"]["processes"]:
        moves.add_row(one["name"], str(one["count"]), verdict(one["before"]), verdict(one["after"]))
    if moves.row_count:
        console().print(moves)
