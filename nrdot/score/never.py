"""Selectors and patterns that can match nothing: what can be proven of them by reading."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nrdot.config.problem import shown
from nrdot.score.selector import Operator

if TYPE_CHECKING:
    from nrdot.score.selector import Requirement, Selector

_PLAIN = frozenset("-_/:@ ,;=%&~#<>!'\"")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]")


def contradiction(selector: Selector) -> str:
    """Why no labels satisfy all requirements; empty where some may."""
    by_key: dict[str, list[Requirement]] = {}
    for requirement in selector.requirements:
        by_key.setdefault(requirement.key, []).append(requirement)
    return next(filter(None, (_of_key(key, wanted) for key, wanted in by_key.items())), "")


def _of_key(key: str, wanted: list[Requirement]) -> str:
    operators = {requirement.operator for requirement in wanted}
    there = operators & {Operator.IN, Operator.EXISTS, Operator.GREATER, Operator.LESS}
    if there and Operator.ABSENT in operators:
        return f"{shown(key)} is asked for and must be absent"
    allowed = next((one.values for one in wanted if one.operator is Operator.IN), None)
    if allowed is None:
        return _bounds(wanted)
    left = [value for value in allowed if all(one.holds({key: value}) for one in wanted)]
    return "" if left else f"no value of {shown(key)} satisfies all that is asked of it"


def _bounds(wanted: list[Requirement]) -> str:
    above = [int(min(one.values)) for one in wanted if one.operator is Operator.GREATER]
    below = [int(min(one.values)) for one in wanted if one.operator is Operator.LESS]
    if above and below and max(above) + 1 >= min(below):
        return f"no whole number is above {max(above)} and below {min(below)}"
    return ""


def impossible(pattern: str) -> str:
    """Why no line can match a regular expression; empty where one may.

    Looks for a `^` right after a letter that must be there, and for a letter that must be there after a `$`.
    """
    if r"\Q" in pattern:  # what follows is plain text, whatever it looks like
        return ""
    at, before, depth = 0, "", 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\":
            before, at = "", at + 2
            continue
        if letter == "[":
            at = _class_end(pattern, at)
            before = ""
            continue
        depth += (letter == "(") - (letter == ")")
        needed = pattern[at + 1 : at + 2] not in {"*", "?", "{"}
        if depth == 0 and needed and "|" not in pattern:
            if letter == "^" and _plain(before):
                return f"`^` stands after {shown(before)}"
            if before == "$" and _plain(letter):
                return f"{shown(letter)} stands after `$`"
        before, at = letter, at + 1
    return ""


def _plain(letter: str) -> bool:
    return letter.isalnum() or letter in _PLAIN


def _class_end(pattern: str, at: int) -> int:
    """The place behind a class of letters that begins at `at`."""
    found = _CLASS.match(pattern, at)
    return found.end() if found else len(pattern)
