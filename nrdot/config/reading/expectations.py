"""Reading profile tests: every problem with its place, as for configurations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nrdot.config.document.sources import read_tree
from nrdot.config.document.tree import SIZE
from nrdot.config.problem import Findings, InvalidConfigurationError, Problem, Problems, did_you_mean, shown
from nrdot.config.reading.check import BAD, Checker
from nrdot.config.schema.expectations import KIND, Expectation, Expectations

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from nrdot.config.problem import Mark
    from nrdot.config.problem import Path as Steps


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file."""

    file: Path
    tests: Expectations
    origins: Mapping[Steps, Mark]

    def line(self, index: int) -> int:
        mark = self.origins.get(("expect", index))
        return mark.line if mark else 0


def holds_tests(path: Path) -> bool:
    """Whether a file looks like profile tests; what is wrong with it is told by whoever reads it."""
    try:
        with path.open("rb") as handle:
            return _KEY.search(handle.read(SIZE)) is not None
    except OSError:
        return False


_KEY = re.compile(rb"^(?:\xef\xbb\xbf)?[\"']?" + KIND.encode() + rb"[\"']?\s*:", re.MULTILINE)


def examine_tests(
    path: Path, environ: Mapping[str, str], reasons: Collection[str]
) -> tuple[Suite | None, list[Problem]]:
    """The tests, None where there are errors, and everything there is to say. `reasons` are of verdicts."""
    problems = Problems()
    tree = read_tree(path, environ, problems, begin="configuration:")
    if tree is None:
        return None, problems.sorted()
    checker = Checker(problems)
    tests: Any = checker.struct(tree, Expectations, ())
    findings = Findings(checker.origins, problems)
    for where, part in checker.built:
        if isinstance(part, Expectation):
            _check(where, part, path.parent, reasons, findings)
    if isinstance(tests, Expectations) and tests.configuration is not None:
        _there(("configuration",), tests.configuration, path.parent, findings)
    _twice(checker, findings)
    if tests is BAD or problems.failed:
        return None, problems.sorted()
    return Suite(path, tests, checker.origins), problems.sorted()


def load_tests(path: Path, environ: Mapping[str, str], reasons: Collection[str]) -> Suite:
    """Raises InvalidConfigurationError."""
    suite, problems = examine_tests(path, environ, reasons)
    if suite is None:
        raise InvalidConfigurationError(problems)
    return suite


def _check(
    where: Steps, test: Expectation, folder: Path, reasons: Collection[str], findings: Findings
) -> None:
    if test.reason is not None and test.reason.lower() not in reasons:
        hint = did_you_mean(test.reason, reasons) or f"there are {', '.join(reasons)}"
        findings.error((*where, "reason"), f"there is no reason '{shown(test.reason)}'", hint)
    if test.capture is not None:
        _there((*where, "capture"), test.capture, folder, findings)
    if test.verdict == "DROP" and test.never_filtered:
        findings.warn((*where, "verdict"), "what is never filtered is never dropped", "expect KEEP")


def _there(where: Steps, name: str, folder: Path, findings: Findings) -> None:
    if not (folder / name).is_file():
        message = f"there is no file {shown(name)} beside this one"
        findings.error(where, message, "write its path relative to this file")


def _twice(checker: Checker, findings: Findings) -> None:
    names: dict[str, Steps] = {}
    for where, part in checker.built:
        if isinstance(part, Expectation) and part.name:
            if part.name in names:
                findings.warn((*where, "name"), "another test has this name", "tell them apart")
            names[part.name] = where
