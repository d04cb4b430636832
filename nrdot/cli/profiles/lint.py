"""`nrdot profile lint`: everything that is wrong with files, and what to write instead."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.config.problem import Problem

NO = 1
_FIELDS = ("severity", "line", "column", "path", "message", "hint")


class Format(StrEnum):
    text = "text"
    json = "json"
    sarif = "sarif"


def lint(
    files: Annotated[
        list[Path], typer.Argument(help="Configurations, profiles or profile tests.", metavar="FILE")
    ],
    dashboards: Annotated[
        Path | None,
        typer.Option(
            help="Grafana dashboards and Prometheus rules: name each query that the files would blind.",
            metavar="DIR",
        ),
    ] = None,
    capture: Annotated[
        Path | None,
        typer.Option(
            help="With --dashboards: judge processes by this capture, not by name alone.", metavar="FILE"
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.text,
    json: Json = False,
    sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF, for code hosts.")] = False,
) -> None:
    """Tell everything that is wrong with files, and what to write instead; exit status 1 on errors.

    A query that a profile would blind is an error; one that it changes is a warning.
    """
    from nrdot.cli.profiles.problems import failed, problems_of

    found: dict[Path, Sequence[Problem]] = {file: problems_of(file) for file in files}
    if dashboards is not None:
        found.update(_blinded(files, dashboards, capture, found))
    _print(found, _form(form, json=json, sarif=sarif))
    if failed(found):
        raise typer.Exit(NO)


def _blinded(
    files: Sequence[Path], dashboards: Path, capture: Path | None, found: Mapping[Path, Sequence[Problem]]
) -> dict[Path, Sequence[Problem]]:
    """What the files do to queries, dashboard by dashboard; tests and files with errors are left out."""
    from nrdot.checks.loading import load
    from nrdot.config.reading.expectations import holds_tests
    from nrdot.dashboards.look import look

    problems: dict[Path, dict[Problem, None]] = {}
    for file in files:
        if holds_tests(file) or any(problem.severity == "error" for problem in found[file]):
            continue
        for path, told in look(file, dashboards, load, capture).items():
            problems.setdefault(path, {}).update(dict.fromkeys(told))
    return {path: list(told) for path, told in problems.items()}


def _form(form: Format, *, json: bool, sarif: bool) -> Format:
    from nrdot.errors import UsageError

    asked = {form} - {Format.text} | ({Format.json} if json else set()) | ({Format.sarif} if sarif else set())
    if len(asked) > 1:
        raise UsageError("--json, --sarif and --format ask for different things; give one of them")
    return asked.pop() if asked else Format.text


def _print(found: Mapping[Path, Sequence[Problem]], form: Format) -> None:
    from nrdot.cli.output import print_json
    from nrdot.cli.profiles.problems import tell

    if form is Format.json:
        print_json({"files": [_document(file, problems) for file, problems in found.items()]})
    elif form is Format.sarif:
        from nrdot.cli.profiles.sarif import sarif

        print_json(sarif([problem for problems in found.values() for problem in problems]))
    else:
        tell(found)


def _document(file: Path, problems: Sequence[Problem]) -> dict[str, Any]:
    return {
        "file": str(file),
        "problems": [{name: getattr(problem, name) for name in _FIELDS} for problem in problems],
    }
