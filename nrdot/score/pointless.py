"""Classes and overrides that are legal and can never count: shadowed, impossible, written twice.

Only what can be proven is told, because one false alarm costs more trust than ten silences. A rule that
carries a `requirement` is never called pointless: it marks processes for reports whatever else it does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from nrdot.config.problem import shown
from nrdot.score.coverage import Cover, as_glob, plain_glob
from nrdot.score.never import impossible
from nrdot.score.pattern_set import refusal
from nrdot.score.pointless_rules import check_rules

if TYPE_CHECKING:
    from nrdot.config.problem import Path
    from nrdot.config.reading.load import Report
    from nrdot.config.schema.scoring import ClassRule, Override
    from nrdot.config.schema.settings import Settings
    from nrdot.config.settled.configuration import Configuration

MOST = 3  # classes that a message names
_CATCH_ALL = ("", "\x01z q")  # what takes both takes everything


def check_pointless(configuration: Configuration, report: Report) -> None:
    settings = configuration.settings
    never = _classes(settings, report)
    _overrides(settings.overrides, ("overrides",), never, report)
    region = settings.active_region_handling.overrides
    _overrides(region, ("active_region_handling", "overrides"), never, report)
    check_rules(settings, report)


# Classes


@dataclass(frozen=True, slots=True)
class _Claim:
    """One pattern of a class."""

    place: int
    name: str
    rule: ClassRule


def _classes(settings: Settings, report: Report) -> Cover[str]:
    """Tells what is wrong with classes; gives what the never-filtered ones take."""
    cover: Cover[_Claim] = Cover()
    never: Cover[str] = Cover()
    rules = list(settings.process_classification.items())
    for place, (name, rule) in enumerate(rules):
        for pattern in rule.patterns:
            cover.add(as_glob(pattern), _Claim(place, name, rule))
            if rule.never_filtered:
                never.add(as_glob(pattern), name)
    for place, (name, rule) in enumerate(rules):
        _patterns(name, rule, report)
        _shadowed(place, name, rule, cover, report)
    return never


def _patterns(name: str, rule: ClassRule, report: Report) -> None:
    seen: set[str] = set()
    for index, pattern in enumerate(rule.patterns):
        path: Path = ("process_classification", name, "patterns", index)
        if pattern in seen:
            report.warn(path, "this class has the pattern already", "keep one")
        seen.add(pattern)
        reason = "" if refusal(pattern)[0] else impossible(pattern)
        if reason:
            report.warn(path, f"no process can match: {reason}", "`^` begins and `$` ends a pattern")
        elif rule.never_filtered and _takes_all(pattern):
            report.warn(
                path,
                "this pattern takes every process, and score 1.0 never filters one: nothing is saved",
                "name the programs, for example ^payment-",
            )
        elif pattern[-2:-1] in {"-", "_"} and pattern[-1:] == "*":
            letter = pattern[-2]
            report.warn(
                path,
                f"in a pattern `{letter}*` is any number of `{letter}`, not what follows one",
                f"write {shown(pattern[:-1])}",
            )


def _shadowed(place: int, name: str, rule: ClassRule, cover: Cover[_Claim], report: Report) -> None:
    """A class that never gives its score, because others claim first whatever it claims."""
    if rule.requirement or any(getattr(rule.special_handling, field) for field in _HANDLING):
        return
    owners: set[str] = set()
    for pattern in rule.patterns:
        first = next(
            (
                claim.name
                for claim in cover.of(as_glob(pattern))
                if (-claim.rule.score, claim.place) < (-rule.score, place)
            ),
            None,
        )
        if first is None:
            return
        owners.add(first)
    if owners:
        whose = ", ".join(shown(owner) for owner in sorted(owners)[:MOST])
        more = f" and {len(owners) - MOST} more" if len(owners) > MOST else ""
        take = "takes" if len(owners) == 1 else "take"
        report.warn(
            ("process_classification", name),
            f"this class never counts: {whose}{more} {take} all that its patterns match",
            "the higher score wins, then the class that is written first",
        )


_HANDLING = ("no_sampling", "full_audit_trail", "encrypted_storage")


def _takes_all(pattern: str) -> bool:
    if refusal(pattern)[0]:
        return False
    return all(re2.search(f"(?m:{pattern})", text) is not None for text in _CATCH_ALL)


# Overrides


def _overrides(rules: tuple[Override, ...], base: Path, never: Cover[str], report: Report) -> None:
    cover: Cover[int] = Cover()
    for index, rule in enumerate(rules):
        cover.add(plain_glob(rule.process), index)
    for index, rule in enumerate(rules):
        path = (*base, index)
        glob = plain_glob(rule.process)
        _looks_like_a_pattern(rule.process, (*path, "process"), report)
        if glob == "*":
            _everybody(rule, path, report)
        if rule.requirement:
            continue
        owner = next(iter(never.of(glob)), None)
        if owner is not None:
            what = "force_collect" if rule.force_collect else "importance"
            report.warn(
                path,
                f"`{what}` changes nothing: the class {shown(owner)} has score 1.0 and is never filtered",
                "remove this override, or lower the score of the class",
            )
        elif rule.force_collect and rule.importance is not None:
            report.warn(
                (*path, "importance"),
                "`importance` decides nothing beside `force_collect`, which keeps whatever the score",
                "keep one of them",
            )
        else:
            message = _said_already(index, rules, cover)
            if message:
                report.warn(path, message, "remove one of them")


def _said_already(index: int, rules: tuple[Override, ...], cover: Cover[int]) -> str:
    """What another override says that leaves this one without effect; empty where it has one."""
    rule = rules[index]
    for other in sorted(cover.of(plain_glob(rule.process))):
        before = rules[other]
        same = _means(before) == _means(rule) and before.process == rule.process
        if before.expires is not None or (same and other >= index):
            continue
        if before.force_collect and rule.force_collect:
            return f"the override of {shown(before.process)} says this already"
        if rule.force_collect or before.importance is None or rule.importance is None:
            continue
        if before.importance > rule.importance:
            return f"{shown(before.process)} takes these too, and the highest importance counts"
        if before.importance == rule.importance:
            return f"the override of {shown(before.process)} says this already"
    return ""


def _means(rule: Override) -> tuple[object, ...]:
    return rule.force_collect, rule.importance, rule.expires


def _everybody(rule: Override, path: Path, report: Report) -> None:
    if rule.force_collect:
        message = "this keeps every process, so nothing is saved"
        report.warn((*path, "process"), message, "name processes, or write `mode: observe` if that is meant")
    else:
        message = "this gives every process the same score, so the threshold keeps all or none"
        report.warn((*path, "process"), message, "name processes")


def _looks_like_a_pattern(glob: str, path: Path, report: Report) -> None:
    if glob.startswith("^") or (glob.endswith("$") and len(glob) > 1):
        meant = as_glob(glob)
        report.warn(
            path,
            "this is a shell pattern, in which `^` and `$` are letters of the name",
            f"write {shown(meant)}" if meant else "write the name, with `*` for whatever may stand there",
        )
