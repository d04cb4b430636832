"""`nrdot simulate`: what profiles would have sent of a capture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Config, Json, configuration

if TYPE_CHECKING:
    from nrdot.config.configuration import Configuration

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
    """Run captures under profiles: points, series, bytes, coverage."""
    from nrdot.cli.output import print_json, progress
    from nrdot.errors import UsageError

    names = profile or ([configuration(config).settings.profile] if config else list(SHIPPED))
    if export is not None and len(names) > 1:
        raise UsageError("--export: several profiles would write over each other; name one with --profile")
    found = configuration(config)
    with progress(f"{len(captures)} captures under {len(names)} profiles", quiet=json):
        documents = {name: _run(captures, found, name, export) for name in names}
    if json:
        print_json({"profiles": documents})
        return
    _show(documents)


def _run(captures: list[Path], found: Configuration, name: str, export: Path | None) -> dict[str, Any]:
    from nrdot.config.load import load_profile
    from nrdot.export.file import FileExporter
    from nrdot.simulate.run import simulate as run
    from nrdot.simulate.run import under
    from nrdot.simulate.together import together

    directory = Path(found.file).parent if found.file else Path()
    chosen = found.profiles.get(name) or load_profile(name, directory, os.environ)
    configured = under(found, name, chosen)
    if export is None:
        return together([run(capture, configured) for capture in captures])
    export.unlink(missing_ok=True)
    exporter = FileExporter(export, rotate=0)
    try:
        return together([run(capture, configured, exporter) for capture in captures])
    finally:
        exporter.close()


def _show(documents: dict[str, dict[str, Any]]) -> None:
    from nrdot.cli.output import amount, console, table

    columns = (
        "profile",
        "points",
        "less, same interval",
        "less, baseline",
        "series",
        "bytes",
        "critical",
        "CPU covered",
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
        )
    console().print(shown)


def _less(points: int, than: int) -> str:
    return f"{1 - points / than:.1%}" if than else "-"
