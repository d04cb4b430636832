"""Problems as SARIF 2.1.0, which code hosts show beside the lines of a change."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nrdot import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.config.problem import Problem

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(problems: Sequence[Problem]) -> dict[str, Any]:
    """One run. Its rules are the kinds of problems that were found."""
    kinds = sorted({(problem.rule, problem.severity.value) for problem in problems})
    places = {kind: index for index, kind in enumerate(kinds)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "nrdot profile lint",
                        "version": __version__,
                        "rules": [_rule(*kind) for kind in kinds],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(problem, places[problem.rule, problem.severity.value]) for problem in problems
                ],
            }
        ],
    }


def _rule(name: str, level: str) -> dict[str, Any]:
    words = name.replace("-", " ").strip()
    return {
        "id": f"{level}/{name}",
        "shortDescription": {"text": words[:1].upper() + words[1:]},
        "defaultConfiguration": {"level": level},
    }


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    words = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
    text = f"{problem.path}: {words}" if problem.path else words
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(problem.file)}}
    if problem.line:
        place["region"] = {"startLine": problem.line, "startColumn": max(problem.column, 1)}
    same = f"{problem.rule}\n{problem.path}\n{problem.message}"  # no line: it moves with every edit
    return {
        "ruleId": f"{problem.severity.value}/{problem.rule}",
        "ruleIndex": rule,
        "level": problem.severity.value,
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"problem/v1": hashlib.sha256(same.encode()).hexdigest()[:32]},
    }


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
