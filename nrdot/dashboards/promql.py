"""What a PromQL query asks for: metrics, labels, and what is done with the series.

Grafana's variables stand where PromQL allows none. Durations are filled in; a variable elsewhere is taken for
any name, and a matcher whose value holds one says nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nrdot.errors import UsageError
from nrdot.extras import mend

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 20_000  # characters of a query
DEEPEST = 100  # open brackets at a time
VARIABLE = "nrdot_variable"
MISSING = "--dashboards reads PromQL with promql-parser, which is not installed; "

_IN_BRACKETS = re.compile(r"\[([^\[\]]*\$[^\[\]]*)\]")
_OFFSET = re.compile(r"\boffset\s+-?(\$\{?\w+(?::\w+)?\}?|\[\[\w+\]\])")
# What the library cannot make a duration of ends it with words of its own on standard error.
_NO_DURATION = re.compile(
    r"(?i)(?:\boffset|\[|:|@)\s*[-+]?\s*(?:nan|inf|[0-9.]+e[-+]?[0-9]|[0-9]{13}|0x[0-9a-f]{11})"
)
_VARIABLE = re.compile(r"\$\{\w+(?::[\w-]+)?\}|\$\w+|\[\[\w+(?::[\w-]+)?\]\]")
_LABELS = re.compile(r"(\b(?:by|without|on|ignoring|group_left|group_right)\s*\()([^()]*)", re.IGNORECASE)
_TEXT = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`")


class UnreadableError(Exception):
    """A query that is no PromQL, even with its variables filled in."""


@dataclass(frozen=True, slots=True)
class Matcher:
    label: str
    operator: str  # = != =~ !~
    value: str

    @property
    def open(self) -> bool:
        """A dashboard's variable decides what it takes."""
        return _VARIABLE.search(self.value) is not None

    @property
    def takes_absent(self) -> bool:
        """Whether series without the label match too."""
        if self.operator in ("=", "!="):
            return (self.value == "") == (self.operator == "=")
        return self.takes("")

    def takes(self, value: str) -> bool:
        if self.operator in ("=", "!="):
            return (value == self.value) == (self.operator == "=")
        import re2

        try:
            found = re2.fullmatch(self.value, value) is not None
        except re2.error:
            return True
        return found == (self.operator == "=~")


@dataclass(frozen=True, slots=True)
class Asked:
    """One selector, and what stands around it."""

    metric: str  # empty where only a matcher names it
    matchers: tuple[Matcher, ...]
    grouped: frozenset[str]  # labels that an aggregation, a join or a function around it reads
    aggregations: tuple[str, ...]  # innermost first
    functions: tuple[str, ...]

    def on(self, *labels: str) -> tuple[Matcher, ...]:
        return tuple(matcher for matcher in self.matchers if matcher.label in labels)


def parser() -> Any:
    """The library. Raises UsageError where it is not installed."""
    try:
        import promql_parser
    except ImportError as error:
        raise UsageError(MISSING + mend("dashboards")) from error
    return promql_parser


def asked(query: str) -> list[Asked]:
    """Every selector of a query. Raises UnreadableError, and UsageError without the library."""
    library = parser()
    if len(query) > LONGEST or _depth(query) > DEEPEST:
        raise UnreadableError("it is longer or deeper than any query that a person writes")
    if _NO_DURATION.search(_TEXT.sub('""', query)):
        raise UnreadableError("a duration in it is no number of seconds")
    reason = ""
    for text in dict.fromkeys((query, _filled(query, VARIABLE), _filled(query, "1"))):
        try:
            return list(_walk(_parsed(library, text), frozenset(), (), (), library))
        except ValueError as error:
            reason = " ".join(str(error).split())
    raise UnreadableError(reason)


def _parsed(library: Any, text: str) -> Any:
    """The query's tree. Raises ValueError, and UnreadableError where the library itself gives up."""
    try:
        return library.parse(text)
    except BaseException as error:
        # A panic of the library's Rust is no Exception, lest somebody swallow it by chance. It is its answer
        # to one query; the others can still be read.
        if type(error).__name__ != "PanicException":
            raise
        raise UnreadableError("the parser gave up on it") from None


def _depth(query: str) -> int:
    depth = deepest = 0
    for letter in query:
        depth += (letter in "([{") - (letter in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _filled(query: str, name: str) -> str:
    """The query with its variables filled in, those within texts aside."""
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[0])
        return f"\0{len(kept) - 1}\0"

    bare = _TEXT.sub(keep, query)
    bare = _IN_BRACKETS.sub(lambda found: "[5m:1m]" if ":" in _VARIABLE.sub("", found[1]) else "[5m]", bare)
    bare = _OFFSET.sub("offset 5m", bare)
    bare = _LABELS.sub(lambda found: found[1] + _VARIABLE.sub(VARIABLE, found[2]), bare)
    bare = _VARIABLE.sub(name, bare)
    return re.sub("\0([0-9]+)\0", lambda found: kept[int(found[1])], bare)


def _walk(
    node: Any, grouped: frozenset[str], around: tuple[str, ...], calls: tuple[str, ...], library: Any
) -> Iterator[Asked]:
    kind = type(node).__name__
    if kind == "AggregateExpr":
        labels = frozenset(node.modifier.labels) if _includes(node.modifier) else frozenset()
        yield from _walk(node.expr, grouped | labels, (str(node.op), *around), calls, library)
        if node.param is not None:
            yield from _walk(node.param, grouped, around, calls, library)
    elif kind == "BinaryExpr":
        joined = _joined(node.modifier)
        for side in (node.lhs, node.rhs):
            yield from _walk(side, grouped | joined, around, calls, library)
    elif kind == "Call":
        texts = [one.val for one in node.args if type(one).__name__ == "StringLiteral"]
        read = {"label_replace": texts[2:3], "label_join": texts[2:]}.get(node.func.name, [])
        for argument in node.args:
            yield from _walk(argument, grouped | frozenset(read), around, (node.func.name, *calls), library)
    elif kind in {"ParenExpr", "UnaryExpr", "SubqueryExpr"}:
        yield from _walk(node.expr, grouped, around, calls, library)
    elif kind == "MatrixSelector":
        yield from _walk(node.vector_selector, grouped, around, calls, library)
    elif kind == "VectorSelector":
        yield from _selectors(node, grouped, around, calls)


def _includes(modifier: Any) -> bool:
    return modifier is not None and str(modifier.type).endswith("By")


def _joined(modifier: Any) -> frozenset[str]:
    """Labels that two sides are matched on, or that one side lends the other."""
    if modifier is None:
        return frozenset()
    matching = modifier.matching
    on = matching.labels if matching is not None and str(matching.type).endswith("Include") else ()
    return frozenset((*on, *(modifier.group_labels or ())))


def _selectors(
    node: Any, grouped: frozenset[str], around: tuple[str, ...], calls: tuple[str, ...]
) -> Iterator[Asked]:
    """Alternatives within one selector count as selectors of their own."""
    for matchers in [node.matchers.matchers, *node.matchers.or_matchers]:
        if not matchers and node.matchers.or_matchers:
            continue
        found = tuple(
            Matcher(one.name, _OPERATORS[str(one.op).rpartition(".")[2]], one.value) for one in matchers
        )
        named = next((one.value for one in found if one.label == "__name__" and one.operator == "="), "")
        yield Asked(node.name or named, found, grouped, around, calls)


_OPERATORS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
