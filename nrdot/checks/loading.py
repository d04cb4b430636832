"""Loading with every check: those of types, and those that other rooms know more about."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nrdot.checks.profiles import check_profiles
from nrdot.checks.scopes import check_scopes
from nrdot.clock import SystemClock
from nrdot.config.reading import load as loading
from nrdot.schedule.lint import check_schedules
from nrdot.score.lint import check_scoring
from nrdot.score.pointless import check_pointless

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.config.problem import Problem
    from nrdot.config.reading.load import Report
    from nrdot.config.settled.configuration import Configuration


def check_time(configuration: Configuration, report: Report) -> None:
    """Schedules, events and regions, as they look from today on."""
    check_schedules(configuration, report, SystemClock().wall_ns() / 1e9)


CHECKS = (check_scoring, check_pointless, check_profiles, check_scopes, check_time)


def load(path: Path | None) -> Configuration:
    """A configuration of which everything was checked. Raises InvalidConfigurationError, a ConfigError."""
    return loading.load(path, os.environ, CHECKS)


def lint(path: Path) -> list[Problem]:
    """Everything there is to say about a configuration or a profile."""
    return loading.lint(path, os.environ, CHECKS)
