"""What there is to say about a file that `nrdot profile lint` is given, whichever kind it is of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.config.problem import Problem


def problems_of(file: Path) -> list[Problem]:
    """A configuration, a profile, or the tests of one."""
    from nrdot.agent.checks import lint
    from nrdot.config.expectations import examine_tests, holds_tests

    if holds_tests(file, os.environ):
        from nrdot.simulate.expectations import REASONS

        return examine_tests(file, os.environ, REASONS)[1]
    return lint(file)
