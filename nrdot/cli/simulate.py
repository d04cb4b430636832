"""`nrdot simulate`: what profiles would have sent of a capture."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Config, Json, configuration, warn

if TYPE_CHECKING:
    from nrdot.config.configuration import Configuration
    from nrdot.simulate.outcome import Outcome

SHIPPED = ("conservative", "balanced", "aggressive")


def simulate(
    captures: Annotated[list[Path], typer.Argument(help="Captures, one host each.", metavar="CAPTURE...")],
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            "-p",
            help="Profile to try, by name or file; the shipped ones where absent.",
            metavar="P",
        ),
    ] = None,
    config: Config = None,
    export: Annotated[
        Path | None,
        typer.Option(help="Write the OTLP JSON lines that the agent would have sent.", metavar="FILE"),
    ] = None,
    json: Json = False,
) -> None:
    """Run captures under profiles: points, series, bytes, coverage.

    With -c and no --profile the configuration's own profile holds, and its timetable by the capture's time.
    """
    from nrdot.cli.output import print_json, progress
    from nrdot.errors import UsageError
    from nrdot.simulate.together import together, unmatched

    found = configuration(config)
    names = profile or ([found.settings.profile] if config else list(SHIPPED))
    if export is not None and len(names) > 1:
        raise UsageError("--export: several profiles would write over each other; name one with --profile")
    with progress(f"{len(captures)} captures under {len(names)} profiles", quiet=json):
        outcomes = {name: _run(captures, found, name, export, scheduled=not profile) for name in names}
    warn(unmatched(outcomes[names[0]]))
    documents = {name: together(of_all) for name, of_all in outcomes.items()}
    if json:
        print_json({"profiles": documents})
        return
    _show(documents)


def _run(
    captures: list[Path], found: Configuration, name: str, export: Path | None, *, scheduled: bool
) -> list[Outcome]:
    """`scheduled`: the timetable of the configuration holds, by the capture's time."""
    from nrdot.config.load import load_profile
    from nrdot.export.file import FileExporter
    from nrdot.simulate.run import simulate as run
    from nrdot.simulate.run import under

    directory = Path(found.file).parent if found.file else Path()
    chosen = found.profiles.get(name) or load_profile(name, directory, os.environ)
    configured = under(found, name, chosen)
    if export is None:
        outcomes = [run(capture, configured, scheduled=scheduled) for capture in captures]
    else:
        export.unlink(missing_ok=True)
        with closing(FileExporter(export, rotate=0)) as exporter:
            outcomes = [run(capture, configured, exporter, scheduled=scheduled) for capture in captures]
    return outcomes


def _show(documents: dict[str, dict[str, Any]]) -> None:
    from nrdot.cli.output import amount, console, table
    from nrdot.simulate.money import METERS

    columns = (
        "profile",
        "points",
        "less, same interval",
        "less, baseline",
        "series",
        "bytes",
        "critical",
        "CPU covered",
        "saves a month",
    )
    shown = table(*columns, right=set(columns[1:]))
    for name, one in documents.items():
        critical = one["critical"]
        shown.add_row(
            name,
            f"{one['points']:,}",
            _less(one["points"], one["points_same_interval"]),
            _less(one["points"], one["points_unoptimized"]),
            f"{one['series']:,}",
            amount(one["bytes"]),
            f"{critical['exported']}/{critical['seen']}",
            f"{one['cpu_covered']:.0%}",
            f"{one['savings'][METERS[0].key]:,.2f} USD",
        )
    console().print(shown)
    console().print(f"[dim]Saved is against the baseline, by {METERS[0].name}: {METERS[0].formula}[/dim]")


def _less(points: int, than: int) -> str:
    return f"{1 - points / than:.1%}" if than else "-"
