"""What there is to say about files that `nrdot profile lint` is given, whichever kind they are of.

Without the command line's library: editors and hooks lint at every save, and would wait for it longest.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.config.problem import Problem

DONE, NO = 0, 1


def problems_of(file: Path) -> list[Problem]:
    """A configuration, a profile, or the tests of one."""
    from nrdot.checks.loading import lint
    from nrdot.config.reading.expectations import examine_tests, holds_tests

    if holds_tests(file):
        from nrdot.simulate.expectations import REASONS

        return examine_tests(file, os.environ, REASONS)[1]
    return lint(file)


def plain_lint(arguments: Sequence[str]) -> list[Path] | None:
    """The files to lint; None where the arguments take more than this to understand them."""
    files = arguments[2:]
    if tuple(arguments[:2]) != ("profile", "lint") or not files or any(one.startswith("-") for one in files):
        return None
    return [Path(one) for one in files]


def run_lint(files: Sequence[Path]) -> int:
    """Print every problem of the files; the exit status."""
    return tell({file: problems_of(file) for file in files})


def tell(found: Mapping[Path, Sequence[Problem]]) -> int:
    """Print problems for people; the exit status."""
    for file, problems in found.items():
        for problem in problems:
            print(f"{_coloured(problem.severity.value)} {problem}")
        if not problems:
            print(f"{file}: no problems")
    return NO if failed(found) else DONE


def failed(found: Mapping[Path, Sequence[Problem]]) -> bool:
    return any(problem.severity == "error" for problems in found.values() for problem in problems)


def _coloured(severity: str) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return f"{severity}:"
    return f"\x1b[{31 if severity == 'error' else 33}m{severity}:\x1b[0m"
