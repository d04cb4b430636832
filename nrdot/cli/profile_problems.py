"""What there is to say about a file that `nrdot profile lint` is given, whichever kind it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.config.problem import Problem


def problems_of(file: Path) -> list[Problem]:
    from nrdot.agent.checks import lint

    return lint(file)
