"""`nrdot profile test`: expectations that are written beside a configuration, run like unit tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Json

if TYPE_CHECKING:
    from nrdot.config.reading.expectations import Suite
    from nrdot.config.settled.configuration import Configuration
    from nrdot.simulate.expectations import Result

NO = 1


def run_tests(
    files: Annotated[list[Path], typer.Argument(help="Files of profile tests.", metavar="FILE")],
    json: Json = False,
) -> None:
    """Run profile tests: what a configuration is expected to do. Exit status 1 where one fails."""
    from nrdot.cli.output import print_json, progress
    from nrdot.config.reading.expectations import load_tests
    from nrdot.simulate.expectations import REASONS, Runner

    suites = [load_tests(file, os.environ, REASONS) for file in files]
    with progress(f"{sum(len(suite.tests.expect) for suite in suites)} tests", quiet=json):
        results = {suite.file: Runner(suite, _configuration(suite)).run() for suite in suites}
    failed = sum(not one.passed for found in results.values() for one in found)
    passed = sum(len(found) for found in results.values()) - failed
    if json:
        documents = [_document(file, found) for file, found in results.items()]
        print_json({"files": documents, "passed": passed, "failed": failed})
    else:
        _show(results, passed, failed)
    if failed:
        raise typer.Exit(NO)


def _configuration(suite: Suite) -> Configuration:
    """What the tests are of: a configuration, or a profile on a host without any."""
    from nrdot.checks.loading import load
    from nrdot.config.reading.load import load_profile
    from nrdot.simulate.run import under

    folder = suite.file.parent
    if suite.tests.configuration is not None:
        return load(folder / suite.tests.configuration)
    name = suite.tests.profile or ""
    return under(load(None), name, load_profile(name, folder, os.environ))


def _document(file: Path, results: list[Result]) -> dict[str, Any]:
    return {
        "file": str(file),
        "tests": [
            {"name": one.name, "line": one.line, "passed": one.passed, "failures": list(one.failures)}
            for one in results
        ],
    }


def _show(results: dict[Path, list[Result]], passed: int, failed: int) -> None:
    from rich.text import Text

    from nrdot.cli.output import console

    for file, found in results.items():
        for one in found:
            if one.passed:
                console().print(Text("ok      ", "green").append(one.name, "default"), soft_wrap=True)
                continue
            where = f"{file}:{one.line}: {one.name}"
            console().print(Text("FAILED  ", "red").append(where, "default"), soft_wrap=True)
            for failure in one.failures:
                console().print(Text(f"        {failure}"), soft_wrap=True)
    console().print(f"{passed} passed, {failed} failed" if failed else f"{passed} passed")
