"""Profiles by name, with what they inherit."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from nrdot.config.document.sources import read_tree
from nrdot.config.document.tree import Scalar, Table
from nrdot.config.paths import shipped_profiles
from nrdot.config.problem import Mark, Problems, did_you_mean, shown
from nrdot.config.reading.check import BAD, Checker
from nrdot.config.schema.profiles import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from nrdot.config.document.tree import Node
    from nrdot.config.problem import Path as Steps

GENERATIONS = 32
_FILE_NAMES = (".yaml", ".yml")


class Library:
    """Finds profiles: in the configuration itself, in files beside it or named by a path, shipped ones."""

    def __init__(
        self,
        inline: Mapping[str, Node],
        directory: Path,
        overlay: Table,
        environ: Mapping[str, str],
        problems: Problems,
        *,
        stranger: str | None = None,
    ) -> None:
        """`stranger` is a document whose author may name profiles of this host, but none of its files."""
        self._stranger = stranger
        self._inline = inline
        self._directory = directory
        self._overlay = overlay
        self._environ = environ
        self._problems = problems
        self._trees: dict[str, Table | None] = {}
        self._shipped = shipped_profiles()
        self._broken: set[str] = set()  # inheritance that was found to be wrong, and reported
        self.profiles: dict[str, Profile] = {}
        self.origins: dict[str, Mapping[Steps, Mark]] = {}

    def resolve(self, name: str, mark: Mark, path: Steps) -> None:
        """Make `profiles[name]`, or report why not; `mark` and `path` are where it is named."""
        if name in self.profiles:
            return
        tree = self._inherited(name, mark, path, ())
        if tree is None:
            return
        checker = Checker(self._problems)
        profile = checker.struct(merged(tree, _normal(self._overlay)), Profile, ("profiles", name))
        if profile is not BAD:
            self.profiles[name] = profile
            self.origins[name] = {
                steps[2:]: origin for steps, origin in checker.origins.items() if len(steps) > 1
            }

    def lint(self, name: str) -> None:
        """Report everything about one of the profiles that this library was made with."""
        tree = self._inline[name]
        if isinstance(tree, Table) and self._fine(tree):
            self.resolve(name, tree.mark, ())

    @property
    def trees(self) -> dict[str, Table]:
        """What was read from files, parents included, as it was written."""
        return {
            name: tree for name, tree in self._trees.items() if tree is not None and name not in self._inline
        }

    @cached_property
    def names(self) -> list[str]:
        """Every profile that can be named."""
        beside = self._directory / "profiles"
        return sorted({*self._inline, *self._shipped, *(path.stem for path in beside.glob("*.yaml"))})

    def _inherited(self, name: str, mark: Mark, path: Steps, children: tuple[str, ...]) -> Table | None:
        if name in self._broken:
            return None
        if name in children:
            self._broken.update(children)
            chain = " -> ".join(shown(step) for step in (*children[children.index(name) :], name))
            self._problems.error(
                mark, path, f"profiles extend each other in a circle: {chain}", "let one of them extend none"
            )
            return None
        if len(children) > GENERATIONS:
            self._broken.update(children)
            self._problems.error(
                mark, path, f"more than {GENERATIONS} profiles extend one another", "shorten the chain"
            )
            return None
        tree = self._tree(name, mark, path)
        if tree is None:
            return None
        parent = tree.entries.get("extends")
        if not isinstance(parent, Scalar) or not parent.text:
            return tree
        base = self._inherited(parent.text, parent.mark, ("profiles", name, "extends"), (*children, name))
        return None if base is None else merged(base, tree)

    def _tree(self, name: str, mark: Mark, path: Steps) -> Table | None:
        if name in self._trees:
            return self._trees[name]
        inline = self._inline.get(name)
        file = self.file(name) if inline is None else None
        if inline is None and file is None:
            message = f"there is no profile '{shown(name)}'"
            self._problems.error(mark, path, message, self._alternatives(name))
            return None
        if file is not None and name.endswith(_FILE_NAMES) and mark.file == self._stranger:
            self._problems.error(mark, path, "what is pushed names no file of the host", "name a profile")
            return None
        if isinstance(inline, Table):
            tree: Table | None = _normal(inline)
        elif inline is not None:
            tree = Table(inline.mark, {}, {})
        else:
            tree = self._read(file) if file else None
        self._trees[name] = tree
        return tree

    def _alternatives(self, name: str) -> str:
        if self._problems.crowded:
            return ""  # likeness is costly, and one mistake was made many times
        return did_you_mean(name, self.names) or f"there are {', '.join(self.names)}"

    def _read(self, file: Path) -> Table | None:
        tree = read_tree(file, self._environ, self._problems)
        return _normal(tree) if tree is not None and self._fine(tree) else None

    def _fine(self, tree: Table) -> bool:
        """Whether a profile's own file is right in itself."""
        before = self._problems.count
        Checker(self._problems).struct(tree, Profile, ())
        return self._problems.count == before

    def file(self, name: str) -> Path | None:
        """The file that a profile stands in, which may not exist where the name is that of a file."""
        if name.endswith(_FILE_NAMES):
            return self._directory / name
        if "/" in name or "\\" in name:
            return None
        beside = self._directory / "profiles" / f"{name}.yaml"
        # Path's own question raises where a name is too long, and a name may come from elsewhere.
        found = os.path.isfile(beside)  # noqa: PTH113 - see above
        return beside if found else self._shipped.get(name)


def _normal(tree: Table) -> Table:
    """One spelling for each key, so that a child's value meets its parent's."""
    spelled = Profile.synonyms
    return Table(
        tree.mark,
        {spelled.get(key, key): entry for key, entry in tree.entries.items()},
        {spelled.get(key, key): mark for key, mark in tree.keys.items()},
    )


def merged(base: Table, over: Table) -> Table:
    """`over` laid upon `base`: tables are merged, anything else is replaced."""
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        both = isinstance(below, Table) and isinstance(entry, Table)
        entries[key] = merged(below, entry) if both else entry  # type: ignore[arg-type]
    return Table(over.mark, entries, {**base.keys, **over.keys})


def overlay_of(document: Table, keys: frozenset[str]) -> tuple[Table, Table]:
    """The document without the keys of a profile, and those keys."""
    return _only(document, set(document.entries) - keys), _only(document, keys)


def _only(table: Table, keys: AbstractSet[str]) -> Table:
    return Table(
        table.mark,
        {key: entry for key, entry in table.entries.items() if key in keys},
        {key: mark for key, mark in table.keys.items() if key in keys},
    )
