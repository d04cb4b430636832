"""Queries of Grafana's dashboards and of Prometheus' rule files, with the places that they stand at.

A dashboard may be any JSON that Grafana exports: panels in rows, the older rows, the newer elements. A query
is an `expr` wherever it stands, and a template variable that asks Prometheus.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from nrdot.config.document.tree import Items, Scalar, Table, parse_text
from nrdot.config.problem import Mark, Problem, Problems, Severity, one_line
from nrdot.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nrdot.config.document.tree import Node

SIZE = 16 << 20  # bytes of a dashboard
DEEPEST = 200
_LABEL_VALUES = re.compile(
    r"\s*label_values\(\s*(?:(.+)\s*,)?\s*([A-Za-z_][A-Za-z0-9_]*)\s*\)\s*\Z", re.DOTALL
)
_QUERY_RESULT = re.compile(r"\s*query_result\((.+)\)\s*\Z", re.DOTALL)
_OTHERS = frozenset(
    {"loki", "tempo", "elasticsearch", "influxdb", "graphite", "mysql", "postgres", "cloudwatch"}
)


@dataclass(frozen=True, slots=True)
class Query:
    """One query and who asks it."""

    mark: Mark
    who: str  # `CPU by process, A`
    text: str
    label: str = ""  # of which a template variable lists the values


def queries(directory: Path) -> dict[Path, list[Query | Problem]]:
    """The queries of each file below a directory, or of one file; what cannot be read stands among them."""
    if not directory.exists():
        raise UsageError(f"--dashboards: {directory}: there is no such file or directory")
    if directory.is_file():
        files = [directory]
    else:
        files = sorted(path for path in directory.rglob("*") if path.suffix in {".json", ".yaml", ".yml"})
    found = {path: list(_read(path)) for path in files if path.is_file()}
    if not any(found.values()):
        raise UsageError(f"--dashboards: {directory}: no dashboard (JSON) or rule file (YAML) with a query")
    return found


def _read(path: Path) -> Iterator[Query | Problem]:
    try:
        with path.open("rb") as handle:
            data = handle.read(SIZE + 1)
    except OSError as error:
        yield unreadable(Mark(str(path)), f"cannot be read: {error.strerror or error}")
        return
    if len(data) > SIZE:
        yield unreadable(Mark(str(path)), "larger than 16 MiB, which no dashboard is")
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield unreadable(Mark(str(path)), "not UTF-8")
        return
    yield from _dashboard(str(path), text) if path.suffix == ".json" else _rules(str(path), text)


def unreadable(mark: Mark, reason: str, who: str = "") -> Problem:
    words = one_line(reason)
    return Problem(
        Severity.WARNING, mark.file, mark.line, mark.column, who, words, "it was not checked", "unread"
    )


# Dashboards


def _dashboard(file: str, text: str) -> Iterator[Query | Problem]:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        yield unreadable(Mark(file), f"not JSON: {error}")
        return
    finder = _Finder(file, text)
    yield from finder.below(document, "", 0)


class _Finder:
    """Walks a dashboard in the order of its text, so that each query's place is found by looking onwards."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        self._at: dict[str, int] = {}

    def below(self, node: Any, title: str, depth: int) -> Iterator[Query]:
        if depth > DEEPEST:
            return
        if isinstance(node, list):
            for entry in node:
                yield from self.below(entry, title, depth + 1)
        elif isinstance(node, dict):
            yield from self._table(node, title, depth)

    def _table(self, node: dict[str, Any], title: str, depth: int) -> Iterator[Query]:
        own = node.get("title") or node.get("name")
        title = own if isinstance(own, str) and own else title
        if _of_others(node.get("datasource")):
            return
        expression = node.get("expr")
        if isinstance(expression, str) and expression.strip():
            reference = node.get("refId")
            who = f"{title}, {reference}" if isinstance(reference, str) and reference else title
            yield Query(self._mark(expression), who, expression)
        if node.get("type") == "query" and "query" in node:
            yield from self._variable(node)
        for key, entry in node.items():
            if key != "expr":
                yield from self.below(entry, title, depth + 1)

    def _variable(self, node: dict[str, Any]) -> Iterator[Query]:
        query = node["query"]
        text = query.get("query") if isinstance(query, dict) else query
        if not isinstance(text, str):
            return
        who = f"variable {node.get('name', '')}"
        values, result = _LABEL_VALUES.match(text), _QUERY_RESULT.match(text)
        if values and values[1]:
            yield Query(self._mark(text), who, values[1], label=values[2])
        elif result:
            yield Query(self._mark(text), who, result[1])

    def _mark(self, text: str) -> Mark:
        written = json.dumps(text)
        place = -1
        for spelling in (written, json.dumps(text, ensure_ascii=False)):
            place = self._text.find(spelling, self._at.get(text, 0))
            if place >= 0:
                break
        if place < 0:
            return Mark(self._file)
        self._at[text] = place + 1
        line = self._text.count("\n", 0, place) + 1
        return Mark(self._file, line, place - self._text.rfind("\n", 0, place))


def _of_others(source: Any) -> bool:
    kind = source.get("type") if isinstance(source, dict) else source
    return isinstance(kind, str) and kind.lower() in _OTHERS


# Rules


def _rules(file: str, text: str) -> Iterator[Query | Problem]:
    """Rule groups, in a file of their own or in a PrometheusRule of Kubernetes."""
    problems = Problems()
    tree = parse_text(text, Mark(file, 1, 1), problems)
    for problem in problems.sorted():
        yield unreadable(Mark(file, problem.line, problem.column), problem.message)
    if not isinstance(tree, Table):
        return
    spec = tree.entries.get("spec")
    groups = (spec if isinstance(spec, Table) else tree).entries.get("groups")
    for group in _tables(groups):
        for rule in _tables(group.entries.get("rules")):
            expression = rule.entries.get("expr")
            if isinstance(expression, Scalar) and expression.text.strip():
                name = rule.entries.get("alert") or rule.entries.get("record")
                kind = "alert" if "alert" in rule.entries else "record"
                who = f"{kind} {name.text}" if isinstance(name, Scalar) else kind
                yield Query(expression.mark, who, expression.text)


def _tables(node: Node | None) -> list[Table]:
    items = node.items if isinstance(node, Items) else ()
    return [item for item in items if isinstance(item, Table)]
