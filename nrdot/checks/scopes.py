"""Scopes and drop rules that can never hold, and classes that they name and nobody has."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from nrdot.checks.profiles import Places
from nrdot.config.paths import shipped_profiles
from nrdot.config.problem import did_you_mean, shown
from nrdot.errors import ConfigError
from nrdot.score.coverage import MANY, Cover, as_glob, plain_glob, takes
from nrdot.score.packs import packs_of
from nrdot.score.selector import parse_selector

if TYPE_CHECKING:
    from nrdot.config.reading.load import Report
    from nrdot.config.schema.profiles import DropRule
    from nrdot.config.schema.settings import Settings
    from nrdot.config.schema.timing import Scope
    from nrdot.config.settled.configuration import Configuration

_GLOBS = ("process", "class_", "namespace", "unit", "user")


def check_scopes(configuration: Configuration, report: Report) -> None:
    classes = Classes(configuration.settings)
    _scopes(configuration.settings, classes, report)
    shipped = frozenset(str(path) for path in shipped_profiles().values())
    never = _never_filtered(configuration.settings)
    for name, profile in configuration.profiles.items():
        places = Places(configuration, name, shipped)
        for index, rule in enumerate(profile.drop if places.wrote("drop") else ()):
            reason, hint = _drop(rule, configuration.settings, classes, never)
            if reason:
                report.warn(places.path("drop", index), reason, hint)


class Classes:
    """Names of all classes. The packs are read only where a name is not the user's own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own = frozenset(settings.process_classification)

    def unknown(self, wanted: str) -> tuple[str, str]:
        """Why a name or shell pattern means no class, and what to write; empty where it means one."""
        if any(fnmatchcase(name, wanted) for name in self._own):
            return "", ""
        if self._packs is None or any(fnmatchcase(name, wanted) for name in self._packs):
            return "", ""
        known = self._own | self._packs
        hint = did_you_mean(wanted, known) or "`nrdot scan` shows the classes of this host's processes"
        return f"there is no class {shown(wanted)}, so this never holds", hint

    @cached_property
    def _packs(self) -> frozenset[str] | None:
        try:
            return frozenset(rule.name for rule in packs_of(self._settings.packs))
        except ConfigError:
            return None  # the start of the agent tells it; here nothing can be said


def _scopes(settings: Settings, classes: Classes, report: Report) -> None:
    for index, scope in enumerate(settings.scopes):
        if scope.class_ is not None:
            reason, hint = classes.unknown(scope.class_)
            if reason:
                report.warn(("scopes", index, "class"), reason, hint)
                continue
        earlier = settings.scopes[: min(index, MANY)]
        first = next((at for at, other in enumerate(earlier) if _all_of(other, scope)), None)
        if first is not None:
            report.warn(
                ("scopes", index),
                f"never holds: scopes[{first}] takes all that this one takes, and the first scope decides",
                "put the narrower scope first",
            )


def _all_of(wide: Scope, narrow: Scope) -> bool:
    """Whether a scope takes every process that another takes."""
    for key in _GLOBS:
        glob, other = getattr(wide, key), getattr(narrow, key)
        if glob is None or glob == other:
            continue
        plain, narrower = plain_glob(glob), plain_glob(other or "")
        if other is None or plain is None or narrower is None or not takes(plain, narrower):
            return False
    if wide.selector is None or wide.selector == narrow.selector:
        return True
    if narrow.selector is None:
        return False
    try:
        needed = set(parse_selector(wide.selector).requirements)
        return needed <= set(parse_selector(narrow.selector).requirements)
    except ConfigError:
        return False


def _never_filtered(settings: Settings) -> Cover[str]:
    """Names that no drop rule touches, with what protects them."""
    cover: Cover[str] = Cover()
    for name, rule in settings.process_classification.items():
        if rule.never_filtered:
            for pattern in rule.patterns:
                cover.add(as_glob(pattern), f"the class {shown(name)} has score 1.0")
    for override in settings.overrides:
        if override.force_collect and override.expires is None:
            cover.add(plain_glob(override.process), f"the override of {shown(override.process)} forces them")
    return cover


def _drop(rule: DropRule, settings: Settings, classes: Classes, never: Cover[str]) -> tuple[str, str]:
    """Why a drop rule drops nothing, and the mend; empty where it may drop something."""
    if rule.below == 0:
        return "drops nothing: no score is below 0", "write a score above 0, or remove the rule"
    if rule.class_ is not None:
        if any(letter in rule.class_ for letter in "*?["):
            return (
                f"drops nothing: {shown(rule.class_)} is no class, and a drop rule takes a name",
                "write one",
            )
        own = settings.process_classification.get(rule.class_)
        if own is not None and own.never_filtered:
            return f"drops nothing: the class {shown(rule.class_)} has score 1.0", "remove the rule"
        reason, hint = classes.unknown(rule.class_)
        if reason:
            return reason, hint
    if rule.process is not None:
        why = next(iter(never.of(plain_glob(rule.process))), None)
        if why is not None:
            return f"drops nothing: {why}", "remove one of the two"
    return "", ""
