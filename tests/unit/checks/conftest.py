from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nrdot.checks.loading import lint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def said(tmp_path: Path) -> Callable[[str], list[str]]:
    """What lint says of a document, as `path: message; hint`."""

    def said(text: str) -> list[str]:
        file = tmp_path / "rules.yaml"
        file.write_text(text)
        return [
            f"{one.path}: {one.message}; {one.hint}" if one.hint else f"{one.path}: {one.message}"
            for one in lint(file)
        ]

    return said
