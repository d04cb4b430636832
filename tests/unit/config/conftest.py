from __future__ import annotations

from collections.abc import Callable, Mapping
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from nrdot.config.problem import Problem
from nrdot.config.reading.load import examine
from nrdot.config.settled.configuration import Configuration

if TYPE_CHECKING:
    from pathlib import Path

Examine = Callable[..., tuple[Configuration | None, list[Problem]]]


@pytest.fixture
def examined(tmp_path: Path) -> Examine:
    """Writes a document and gives what there is to say about it."""

    def examined(
        text: str, environ: Mapping[str, str] | None = None
    ) -> tuple[Configuration | None, list[Problem]]:
        path = tmp_path / "nrdot.yaml"
        path.write_text(dedent(text))
        return examine(path, environ or {})

    return examined


@pytest.fixture
def errors(examined: Examine) -> Callable[..., list[str]]:
    """Writes a document and gives its errors as `LINE:COLUMN: path: message; hint`."""

    def errors(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
        _, problems = examined(text, environ)
        return [
            str(problem).split("nrdot.yaml:", 1)[-1] for problem in problems if problem.severity == "error"
        ]

    return errors


@pytest.fixture
def good(examined: Examine) -> Callable[..., Configuration]:
    """Writes a document that must load."""

    def good(text: str, environ: Mapping[str, str] | None = None) -> Configuration:
        configuration, problems = examined(text, environ)
        assert configuration is not None, [str(problem) for problem in problems]
        return configuration

    return good
