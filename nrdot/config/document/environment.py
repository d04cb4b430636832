"""`${env:NAME}` in values, as the OpenTelemetry Collector fills it in.

`${env:NAME:-default}` gives a default, `$${` stands for `${` itself. A lone `$` is left alone, so patterns
need no escaping. Values are filled in after the YAML is read, so nothing in the environment can add to a
document's structure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nrdot.config.document.tree import SIZE, Items, Node, Scalar, Table
from nrdot.config.problem import MalformedError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.config.problem import Path, Problems

REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def fill_in(table: Table, environ: Mapping[str, str], problems: Problems) -> Table:
    """The same table with the environment's values; what cannot be had is reported and marked broken."""
    return _Filling(environ, problems).table(table, ())


class _Filling:
    """One walk over one document."""

    def __init__(self, environ: Mapping[str, str], problems: Problems) -> None:
        self._environ = environ
        self._problems = problems
        self._length = 0

    def table(self, table: Table, path: Path) -> Table:
        entries = {key: self._node(entry, (*path, key)) for key, entry in table.entries.items()}
        return Table(table.mark, entries, table.keys)

    def _node(self, node: Node, path: Path) -> Node:
        if isinstance(node, Table):
            return self.table(node, path)
        if isinstance(node, Items):
            items = tuple(self._node(item, (*path, index)) for index, item in enumerate(node.items))
            return Items(node.mark, items)
        return self._scalar(node, path) if "${" in node.text else node

    def _scalar(self, node: Scalar, path: Path) -> Scalar:
        try:
            text = expand(node.written, self._environ)
            self._measure(text)
        except MalformedError as error:
            self._problems.error(node.mark, path, error.message, error.hint)
            return Scalar(node.mark, node.text, node.written, node.plain, broken=True)
        self._problems.written[text] = node.written
        return Scalar(node.mark, text, node.written, node.plain)

    def _measure(self, text: str) -> None:
        self._length += len(text)
        if self._length > SIZE:
            raise MalformedError("the environment fills in more than 1 MiB")


def expand(text: str, environ: Mapping[str, str]) -> str:
    if "${" not in text:
        return text
    return REFERENCE.sub(lambda found: _value(found, environ), text)


def _value(found: re.Match[str], environ: Mapping[str, str]) -> str:
    if found[0] == "$${":
        return "${"
    inside, closed = found[1], found[2]
    if not closed:
        raise MalformedError(
            "`${` without `}`", "write ${env:NAME}, or $${ for the two characters themselves"
        )
    source, colon, reference = inside.partition(":")
    if source != "env" or not colon:
        name = inside if NAME.match(inside) else "NAME"
        raise MalformedError(
            f"${{{shown(inside)}}} is not read here",
            f"write ${{env:{name}}}, or $${{ for the two characters themselves",
        )
    name, separator, default = reference.partition(":-")
    if not NAME.match(name):
        raise MalformedError(f"`{shown(name)}` is no name of an environment variable", "write ${env:NAME}")
    value = environ.get(name)
    if value is None and not separator:
        raise MalformedError(
            f"the variable {name} is not set",
            f"set it, or write ${{env:{name}:-default}}",
        )
    if value is None or (separator and not value):
        return default
    if not value.isascii() and value.encode("utf-8", "replace").decode() != value:
        raise MalformedError(f"the variable {name} is not UTF-8", "set it again")
    return value
