"""What the configuration's own types cannot know: whether patterns, globs and selectors can be used.

Handed to `config/reading/load.py` as a check, so that every mistake is told with its line, and `profile lint`
tells all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.errors import ConfigError
from nrdot.score.names import glob_pattern
from nrdot.score.pattern_set import refusal
from nrdot.score.selector import parse_selector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.config.problem import Path
    from nrdot.config.reading.load import Report
    from nrdot.config.schema.scoring import ClassRule
    from nrdot.config.settled.configuration import Configuration

_GLOBS = ("process", "unit", "namespace", "user")


def check_scoring(configuration: Configuration, report: Report) -> None:
    settings = configuration.settings
    _classes(settings.process_classification, report)
    for index, label_rule in enumerate(settings.label_based_scoring):
        _selector(label_rule.selector, ("label_based_scoring", index, "selector"), report)
    for index, override in enumerate(settings.overrides):
        _glob(override.process, ("overrides", index, "process"), report)
    for index, override in enumerate(settings.active_region_handling.overrides):
        _glob(override.process, ("active_region_handling", "overrides", index, "process"), report)
    for index, business_rule in enumerate(settings.business_rules):
        for key in _GLOBS:
            _glob(getattr(business_rule, key), ("business_rules", index, key), report)
        _selector(business_rule.selector, ("business_rules", index, "selector"), report)
    for index, pattern in enumerate(settings.command_line.redact):
        reason, hint = refusal(pattern)
        if reason:
            report.error(("command_line", "redact", index), f"this pattern {reason}", hint)
    for index, scope in enumerate(settings.scopes):
        _selector(scope.selector, ("scopes", index, "selector"), report)


def _classes(classes: Mapping[str, ClassRule], report: Report) -> None:
    claimed: dict[str, str] = {}
    for name, rule in classes.items():
        for index, pattern in enumerate(rule.patterns):
            path = ("process_classification", name, "patterns", index)
            reason, hint = refusal(pattern)
            if reason:
                report.error(path, f"this pattern {reason}", hint)
            elif claimed.setdefault(pattern, name) != name:
                message = f"class {claimed[pattern]} has the same pattern"
                report.warn(path, message, "the higher score wins, then the class that is written first")


def _glob(glob: str | None, path: Path, report: Report) -> None:
    if glob is None:
        return
    reason, hint = refusal(glob_pattern(glob)) if glob.strip() else ("is empty", "name a process")
    if reason:
        report.error(path, f"this name {reason}", hint)


def _selector(text: str | None, path: Path, report: Report) -> None:
    if text is None:
        return
    try:
        parse_selector(text)
    except ConfigError as error:
        report.error(path, str(error))
