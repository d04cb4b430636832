"""Checks of a configuration that need more than its types: patterns and selectors, each at its line.

They live here because only the agent's room may know both the configuration and the rooms that use it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nrdot.config import load as loading
from nrdot.errors import ConfigError
from nrdot.score.names import glob_pattern
from nrdot.score.pattern_set import refusal
from nrdot.score.selector import parse_selector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nrdot.config.configuration import Configuration
    from nrdot.config.problem import Path as Steps
    from nrdot.config.problem import Problem
    from nrdot.config.schema import Settings


def load(path: Path | None) -> Configuration:
    """A configuration of which everything was checked. Raises InvalidConfigurationError, a ConfigError."""
    return loading.load(path, os.environ, CHECKS)


def lint(path: Path) -> list[Problem]:
    """Everything there is to say about a configuration or a profile."""
    return loading.lint(path, os.environ, CHECKS)


def check_patterns(configuration: Configuration, report: loading.Report) -> None:
    """Patterns of classes and globs of overrides and rules are such that RE2 takes."""
    for steps, pattern in _patterns(configuration.settings):
        reason, hint = refusal(pattern)
        if reason:
            report.error(steps, f"the pattern {reason}", hint)


def check_selectors(configuration: Configuration, report: loading.Report) -> None:
    for steps, text in _selectors(configuration.settings):
        try:
            parse_selector(text)
        except ConfigError as error:
            report.error(steps, str(error))


CHECKS = (check_patterns, check_selectors)


def _patterns(settings: Settings) -> Iterator[tuple[Steps, str]]:
    for name, rule in settings.process_classification.items():
        for number, pattern in enumerate(rule.patterns):
            yield ("process_classification", name, "patterns", number), pattern
    for number, override in enumerate(settings.overrides):
        yield ("overrides", number, "process"), glob_pattern(override.process)
    for number, business in enumerate(settings.business_rules):
        for key in ("process", "unit", "namespace", "user"):
            glob = getattr(business, key)
            if glob:
                yield ("business_rules", number, key), glob_pattern(glob)


def _selectors(settings: Settings) -> Iterator[tuple[Steps, str]]:
    for number, rule in enumerate(settings.label_based_scoring):
        yield ("label_based_scoring", number, "selector"), rule.selector
    for key, chosen in (("business_rules", settings.business_rules), ("scopes", settings.scopes)):
        for number, one in enumerate(chosen):
            if one.selector:
                yield (key, number, "selector"), one.selector
