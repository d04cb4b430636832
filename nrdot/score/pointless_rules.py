"""Rules by labels and by worth that can never count, and settings of what is switched off."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from nrdot.config.problem import shown
from nrdot.errors import ConfigError
from nrdot.score.never import contradiction
from nrdot.score.selector import parse_selector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.config.problem import Path
    from nrdot.config.reading.load import Report
    from nrdot.config.schema.settings import Settings
    from nrdot.score.selector import Requirement, Selector

_CONDITIONS = ("process", "unit", "namespace", "user")


def check_rules(settings: Settings, report: Report) -> None:
    _labels(settings, report)
    _business(settings, report)
    _off(settings, report)


def _labels(settings: Settings, report: Report) -> None:
    known: list[tuple[int, Selector, float | None]] = []
    twice: dict[tuple[object, ...], int] = {}
    for index, rule in enumerate(settings.label_based_scoring):
        path: Path = ("label_based_scoring", index)
        selector = _parsed(rule.selector)
        if selector is None or _contradicts(selector, (*path, "selector"), report):
            continue
        same = (frozenset(selector.requirements), rule.score, rule.score_modifier)
        if same in twice:
            what = "both modifiers are added" if rule.score_modifier is not None else "one says it all"
            report.warn(path, f"the same rule as label_based_scoring[{twice[same]}]; {what}", "keep one")
            continue
        twice[same] = index
        if rule.score_modifier == 0 and rule.score is None:
            report.warn((*path, "score_modifier"), "adding 0 changes nothing", "remove this rule")
        known.append((index, selector, rule.score))
    best: dict[frozenset[Requirement], tuple[float, int]] = {}
    for index, selector, score in known:
        key = frozenset(selector.requirements)
        if score is not None and (key not in best or score > best[key][0]):
            best[key] = score, index
    for index, selector, score in known:
        above = None if score is None else _better(selector, score, best)
        if above is None or settings.label_based_scoring[index].score_modifier:
            continue
        wide = settings.label_based_scoring[above].selector
        report.warn(
            ("label_based_scoring", index, "score"),
            f"never counts: {shown(wide)} takes these too, and the highest score counts",
            "write a `score_modifier` instead",
        )


def _better(
    selector: Selector, score: float, best: Mapping[frozenset[Requirement], tuple[float, int]]
) -> int | None:
    """A rule that holds for all that this one holds for, with a higher score."""
    needed = list(dict.fromkeys(selector.requirements))[:NEEDED]
    for count in range(len(needed) + 1):
        for some in combinations(needed, count):
            found = best.get(frozenset(some))
            if found is not None and found[0] > score:
                return found[1]
    return None


NEEDED = 6  # requirements of a selector that are looked at; each doubles the ways to ask for fewer


def _business(settings: Settings, report: Report) -> None:
    seen: list[tuple[int, dict[str, object], float]] = []
    for index, rule in enumerate(settings.business_rules):
        selector = _parsed(rule.selector) if rule.selector else None
        if selector is not None and _contradicts(selector, ("business_rules", index, "selector"), report):
            continue
        conditions: dict[str, object] = {key: getattr(rule, key) for key in _CONDITIONS if getattr(rule, key)}
        if selector is not None:
            conditions["selector"] = frozenset(selector.requirements)
        seen.append((index, conditions, rule.score))
    by_conditions: dict[frozenset[tuple[str, object]], tuple[int, float]] = {}
    for index, conditions, score in sorted(seen, key=lambda one: -one[2]):
        key = frozenset(conditions.items())
        if key in by_conditions and not settings.business_rules[index].requirement:
            first, highest = by_conditions[key]
            which = "and the highest score counts" if highest > score else "with the same score"
            message = f"business_rules[{first}] has the same conditions, {which}"
            report.warn(("business_rules", index), message, "keep one")
        by_conditions.setdefault(key, (index, score))


def _off(settings: Settings, report: Report) -> None:
    """What belongs to a part that is switched off."""
    pairs: tuple[tuple[bool, Path, str], ...] = (
        (not settings.model.enabled and settings.model.file is not None, ("model", "file"), "model"),
        (not settings.packs.enabled and bool(settings.packs.only), ("packs", "only"), "packs"),
        (not settings.packs.enabled and bool(settings.packs.directories), ("packs", "directories"), "packs"),
        (
            not settings.command_line.enabled and bool(settings.command_line.redact),
            ("command_line", "redact"),
            "command_line",
        ),
    )
    for wrong, path, section in pairs:
        if wrong:
            report.warn(
                path, f"`{section}.enabled` is false, so this does nothing", "remove it, or switch it on"
            )


def _contradicts(selector: Selector, path: Path, report: Report) -> bool:
    reason = contradiction(selector)
    if reason:
        report.warn(path, f"no labels can match: {reason}", "requirements joined by commas must all hold")
    return bool(reason)


def _parsed(text: str) -> Selector | None:
    """None where it does not parse, which another check tells."""
    try:
        return parse_selector(text)
    except ConfigError:
        return None
