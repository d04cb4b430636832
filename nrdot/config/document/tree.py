"""YAML as a tree that keeps places and spelling, read without trusting a byte of it.

The tree is built from libyaml's stream of events, and the limits hold while the events stream: nothing
recurses deeper than `DEPTH` and an alias costs what it stands for. `yaml.load` is never called: its composer
recurses in C, and 60 KB of nested brackets crash the interpreter there.

Scalars stay as they were written. What they mean is decided where the wanted type is known (`scalars.py`),
so that YAML 1.1 never gets to turn `22:30` into 1350 unseen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from nrdot.config.document.scalars import key_trap
from nrdot.config.problem import Mark, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.config.problem import Path, Problems

SIZE = 1024 * 1024  # bytes of a document
DEPTH = 64  # levels of nesting, aliases followed
ALIASES = 100
NODES = 100_000  # values, aliases followed

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Event = Any  # the stubs know no event that has both an anchor and a place

UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Scalar:
    mark: Mark
    text: str  # with the environment filled in
    written: str  # as the file has it: what messages may show
    plain: bool  # neither quoted nor a block
    broken: bool = False  # the environment did not give it; already reported


@dataclass(frozen=True, slots=True)
class Items:
    mark: Mark
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Table:
    mark: Mark
    entries: dict[str, Node]
    keys: dict[str, Mark]


Node = Scalar | Items | Table


class _StopError(Exception):
    """The document cannot be read further; the reason is already reported."""


def parse(data: bytes, file: str, problems: Problems) -> Node | None:
    """The tree of a document; None where it is empty or cannot be read, which `problems` tells apart."""
    text = _decode(data, file, problems)
    if text is None:
        return None
    return parse_text(text, Mark(file, 1, 1), problems)


def parse_text(text: str, origin: Mark, problems: Problems) -> Node | None:
    """The same for a document that begins at `origin`, a block of text within another for example."""
    composer = _Composer(origin, problems)
    try:
        return composer.document(yaml.parse(text, Loader=LOADER))
    except yaml.MarkedYAMLError as error:
        found = error.problem_mark or error.context_mark
        mark = composer.place(found) if found else origin
        words = error.problem or error.context or "malformed"
        if found and "cannot start any token" in words and _at(text, found) == "\t":
            words = "a tab"
        problems.error(mark, (), f"not YAML: {words}", _syntax_hint(words))
    except yaml.YAMLError:  # the reader's own kind has no place; characters are checked before
        problems.error(origin, (), "not YAML: a character that YAML does not allow")
    except _StopError:
        pass
    return None


def _decode(data: bytes, file: str, problems: Problems) -> str | None:
    if len(data) > SIZE:
        problems.error(
            Mark(file), (), "larger than 1 MiB", "split it: patterns may live in files of their own"
        )
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        problems.error(_place_after(before, file), (), "not UTF-8", "save the file as UTF-8")
        return None
    bad = UNPRINTABLE.search(text)
    if bad:
        name = "NUL byte" if bad[0] == "\0" else f"character U+{ord(bad[0]):04X}"
        problems.error(
            _place_after(text[: bad.start()], file), (), f"a {name}, which YAML does not allow", "remove it"
        )
        return None
    return text


def _place_after(before: str, file: str) -> Mark:
    return Mark(file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def _at(text: str, found: yaml.Mark) -> str:
    """The character at a place that the parser names."""
    line = text.splitlines()[found.line]
    return line[found.column : found.column + 1]


def _syntax_hint(words: str) -> str:
    if "tab" in words.split():
        return "indent with spaces"
    if "cannot start any token" in words:
        return "quote text that begins with a special character"
    if "mapping values are not allowed" in words:
        return "quote text that holds `: `"
    if "did not find expected" in words:
        return (
            "look for a bracket, a quote or an indentation that is off; text with { } [ ] or , needs quotes"
        )
    return ""


class _Composer:
    """One document's events into one tree."""

    def __init__(self, origin: Mark, problems: Problems) -> None:
        self._origin = origin
        self._problems = problems
        self._anchors: dict[str, tuple[Node, int, int]] = {}  # node, values in it, levels in it
        self._aliases = 0
        self._nodes = 0

    def place(self, mark: Any) -> Mark:
        """A mark of the library, which has two types for it, as a place in the file."""
        return Mark(self._origin.file, self._origin.line + mark.line, self._origin.column + mark.column)

    def document(self, events: Iterator[_Event]) -> Node | None:
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self._stop(event, (), "a second document", "one document a file")
            elif isinstance(event, (yaml.AliasEvent, yaml.ScalarEvent, yaml.CollectionStartEvent)):
                root, _ = self._node(event, events, (), 1)
        if isinstance(root, Scalar) and root.plain and not root.text:
            return None
        return root

    def _node(self, event: _Event, events: Iterator[_Event], path: Path, depth: int) -> tuple[Node, int]:
        """The node that begins at `event`, and how many levels it has."""
        self._count(1, event, path)
        if depth > DEPTH:
            raise self._stop(event, path[:1], f"nested deeper than {DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path, depth)
        before = self._nodes
        self._check_tag(event, path)
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self._scalar(event)
            levels = 1
        elif isinstance(event, yaml.SequenceStartEvent):
            node, levels = self._items(event, events, path, depth)
        else:
            node, levels = self._table(event, events, path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._nodes - before + 1, levels)
        return node, levels

    def _alias(self, event: _Event, path: Path, depth: int) -> tuple[Node, int]:
        self._aliases += 1
        if self._aliases > ALIASES:
            raise self._stop(event, path, f"more than {ALIASES} aliases")
        if event.anchor not in self._anchors:
            raise self._stop(event, path, f"alias *{shown(event.anchor)} has no anchor before it")
        node, values, levels = self._anchors[event.anchor]
        self._count(values - 1, event, path)
        if depth + levels - 1 > DEPTH:
            raise self._stop(event, path, f"nested deeper than {DEPTH} levels")
        return node, levels

    def _scalar(self, event: _Event) -> Scalar:
        return Scalar(self.place(event.start_mark), event.value, event.value, event.implicit[0])

    def _items(self, start: _Event, events: Iterator[_Event], path: Path, depth: int) -> tuple[Items, int]:
        items: list[Node] = []
        deepest = 0
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            node, levels = self._node(event, events, (*path, len(items)), depth + 1)
            items.append(node)
            deepest = max(deepest, levels)
        return Items(self.place(start.start_mark), tuple(items)), deepest + 1

    def _table(self, start: _Event, events: Iterator[_Event], path: Path, depth: int) -> tuple[Table, int]:
        entries: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        deepest = 0
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key, usable = self._key(event, path)
            node, levels = self._node(next(events), events, (*path, key), depth + 1)
            deepest = max(deepest, levels)
            mark = self.place(event.start_mark)
            if key in entries:
                message = f"written twice, first in line {keys[key].line}"
                self._problems.error(mark, (*path, key), message, "keep one")
            elif usable:
                entries[key] = node
                keys[key] = mark
        return Table(self.place(start.start_mark), entries, keys), deepest + 1

    def _key(self, event: _Event, path: Path) -> tuple[str, bool]:
        """A key, and whether every reader of YAML reads the same one."""
        if not isinstance(event, yaml.ScalarEvent):
            raise self._stop(event, path, "a key that is not text")
        self._count(1, event, path)
        self._check_tag(event, path)
        key: str = event.value
        if event.implicit[0]:
            if key == "<<":
                message = "merge keys (`<<`) are not read"
                raise self._stop(event, path, message, "write the keys out, or let a profile extend another")
            trap = key_trap(key)
            if trap:
                self._problems.error(self.place(event.start_mark), (*path, key), trap.message, trap.hint)
                return key, False
        return key, True

    def _check_tag(self, event: _Event, path: Path) -> None:
        if event.tag in {None, "!", "tag:yaml.org,2002:str"}:
            return
        message = f"the tag {shown(event.tag)}, which is not read here"
        self._problems.error(self.place(event.start_mark), path, message, "remove it")

    def _count(self, values: int, event: _Event, path: Path) -> None:
        self._nodes += values
        if self._nodes > NODES:
            raise self._stop(event, path[:1], f"more than {NODES} values, aliases followed")

    def _stop(self, event: _Event, path: Path, message: str, hint: str = "") -> _StopError:
        self._problems.error(self.place(event.start_mark), path, message, hint)
        return _StopError()
