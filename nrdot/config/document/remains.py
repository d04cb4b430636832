"""What is left of a document without what is wrong in it, so that one mistake does not hide the next.

Checks of other rooms need a whole configuration. They get that of the rest, and what they say is told of the
document as it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.config.document.tree import Items, Scalar, Table
from nrdot.config.problem import Findings, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nrdot.config.document.tree import Node
    from nrdot.config.problem import Mark, Path, Problem, Problems

Place = tuple[int, int]  # line and column


def remains(tree: Table, file: str, found: Iterable[Problem]) -> Table | None:
    """Without every value that an error names; None where no error names one."""
    bad = {
        (one.line, one.column)
        for one in found
        if one.severity is Severity.ERROR and one.file == file and one.line
    }
    left = _table(tree, bad)
    return None if left is tree else left


def _table(table: Table, bad: set[Place]) -> Table:
    kept = {
        key: _left(entry, bad)
        for key, entry in table.entries.items()
        if not _named(entry.mark, bad) and not _named(table.keys.get(key), bad)
    }
    same = len(kept) == len(table.entries) and all(kept[key] is table.entries[key] for key in kept)
    return table if same else Table(table.mark, kept, table.keys)


def _left(node: Node, bad: set[Place]) -> Node:
    if isinstance(node, Scalar):
        return node
    if isinstance(node, Table):
        return _table(node, bad)
    kept = tuple(_left(one, bad) for one in node.items if not _named(one.mark, bad))
    same = len(kept) == len(node.items) and all(
        one is other for one, other in zip(kept, node.items, strict=True)
    )
    return node if same else Items(node.mark, kept)


def _named(mark: Mark | None, bad: set[Place]) -> bool:
    return mark is not None and (mark.line, mark.column) in bad


class OfTheRest:
    """`reading.load.Report`: errors in what is left, under their paths in the whole document.

    Warnings are set aside: what is missing from the rest may be what they miss.
    """

    def __init__(self, origins: Mapping[Path, Mark], rest: Table, whole: Table, problems: Problems) -> None:
        self._findings = Findings(origins, problems)
        self._rest = rest
        self._whole = whole
        self._problems = problems

    def error(self, path: Path, message: str, hint: str = "") -> None:
        self._problems.error(self._findings.mark(path), self._in_whole(path), message, hint)

    def warn(self, path: Path, message: str, hint: str = "") -> None:
        pass

    def _in_whole(self, path: Path) -> Path:
        """The same path where entries of lists that are gone count."""
        rest: Node | None = self._rest
        whole: Node | None = self._whole
        steps: list[str | int] = []
        for step in path:
            if isinstance(rest, Items) and isinstance(whole, Items) and step in range(len(rest.items)):
                rest = rest.items[int(step)]
                place = next(place for place, one in enumerate(whole.items) if one.mark == rest.mark)
                whole = whole.items[place]
                steps.append(place)
                continue
            rest = rest.entries.get(str(step)) if isinstance(rest, Table) else None
            whole = whole.entries.get(str(step)) if isinstance(whole, Table) else None
            steps.append(step)
        return tuple(steps)
