"""A tree of YAML against a type, collecting every problem on the way.

msgspec itself stops at the first mistake and cannot say where in the file it stands; so the tree is walked
here by the same types, and the structures are built bottom up. A structure may say more about itself:

    synonyms    other spellings of its keys
    rest        the field that takes the keys it does not know
    listed      it may be written as a list of one-key tables
    from_text   it may be written as a word or a phrase; gives the fields
    __post_init__ raises MalformedError where fields contradict each other
"""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

import msgspec

from nrdot.config.document import scalars
from nrdot.config.document.tree import Items, Node, Scalar, Table
from nrdot.config.problem import MalformedError, Mark, did_you_mean, shown
from nrdot.config.schema.shapes import Shape, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nrdot.config.problem import Path, Problems

    Unknown = Callable[[str, Node], str]


class _Bad:
    """What stands where a value could not be made; the reason is already reported."""


BAD = _Bad()


class Checker:
    """Walks one document. `origins` remembers where each value came from."""

    def __init__(self, problems: Problems, unknown: Unknown | None = None) -> None:
        self.problems = problems
        self.origins: dict[Path, Mark] = {}
        self.built: list[
            tuple[Path, msgspec.Struct]
        ] = []  # every structure that could be made, innermost first
        self._unknown = unknown

    def value(self, node: Node, shape: Shape, path: Path) -> Any:
        """The value, or BAD."""
        self.origins[path] = node.mark
        if isinstance(node, Scalar) and node.plain and scalars.kind(node.text) is scalars.Kind.NOTHING:
            return self._nothing(node, shape, path)
        if isinstance(shape.base, type) and issubclass(shape.base, msgspec.Struct):
            return self.struct(node, shape.base, path)
        if shape.base is dict:
            return self._table(node, shape.inner[1], path)
        if shape.base is tuple:
            return self._list(node, shape.inner[0], path)
        if isinstance(node, Scalar):
            return self._scalar(node, shape, path)
        return self._bad(node, path, f"{_wanted(shape)} is wanted, not {_kind(node)}")

    def struct(self, node: Node, struct: type[msgspec.Struct], path: Path) -> Any:
        if isinstance(node, Items) and getattr(struct, "listed", False):
            node = self._joined(node, path)
        if isinstance(node, Scalar) and hasattr(struct, "from_text"):
            return self._phrase(node, struct, path)
        if not isinstance(node, Table):
            return self._bad(node, path, f"a table of settings is wanted, not {_kind(node)}")
        values, fine = self._fields(node, struct, path)
        for key, (_, _, required) in fields_of(struct).items():
            if required and key not in node.entries:
                self.problems.error(node.mark, path, f"`{key}` is missing")
                fine = False
        return self._build(node, struct, values, path) if fine else self._remains(struct, values, path)

    def _fields(self, node: Table, struct: type[msgspec.Struct], path: Path) -> tuple[dict[str, Any], bool]:
        fields = fields_of(struct)
        synonyms = getattr(struct, "synonyms", {})
        rest = getattr(struct, "rest", None)
        values: dict[str, Any] = {}
        others: dict[str, Any] = {}
        fine = True
        for key, entry in node.entries.items():
            here = (*path, key)
            known = synonyms.get(key, key)
            if known in fields and known != rest:
                attribute, shape, _ = fields[known]
                value = self._keyed(node, key, shape, here)
                if attribute in values:
                    value = self._bad(
                        entry, here, f"the same as `{known}`, which is written too", mark=node.keys[key]
                    )
                values[attribute] = value
            elif rest is not None:
                others[key] = value = self._keyed(node, key, fields[rest][1].inner[1], here)
            else:
                hint = self._hint(key, entry, (*fields, *synonyms)) or _deeper(key, fields)
                value = self._bad(entry, here, "unknown key", hint, mark=node.keys[key])
            fine = fine and value is not BAD
        if rest is not None:
            values[rest] = {key: value for key, value in others.items() if value is not BAD}
        return {name: value for name, value in values.items() if value is not BAD}, fine

    def _hint(self, key: str, node: Node, known: tuple[str, ...]) -> str:
        if self.problems.crowded:
            return ""  # likeness is costly, and one mistake was made many times
        return (self._unknown(key, node) if self._unknown else "") or did_you_mean(key, known)

    def _build(self, node: Node, struct: type[msgspec.Struct], values: dict[str, Any], path: Path) -> Any:
        try:
            made = struct(**values)
        except MalformedError as error:
            inner: Node = node
            if error.field:
                path = (*path, error.field)
                inner = node.entries.get(error.field, node) if isinstance(node, Table) else node
            return self._bad(inner, path, error.message, error.hint)
        self.built.append((path, made))
        return made

    def _remains(self, struct: type[msgspec.Struct], values: dict[str, Any], path: Path) -> _Bad:
        """A structure of the fields that were fine, so that rules across structures see them."""
        with contextlib.suppress(MalformedError, TypeError):  # TypeError: a required field is among the bad
            self.built.append((path, struct(**values)))
        return BAD

    def _joined(self, node: Items, path: Path) -> Table:
        """A list of one-key tables, or of words that stand for `word: true`, as one table."""
        entries: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        for index, item in enumerate(node.items):
            here = (*path, index)
            if isinstance(item, Scalar):
                word = item.written  # a key, and the environment gives none
                entries[word], keys[word] = Scalar(item.mark, "true", "true", plain=True), item.mark
            elif isinstance(item, Table):
                for key, entry in item.entries.items():
                    if key in entries:
                        self.problems.error(item.keys[key], (*here, key), "written twice", "keep one")
                    entries[key], keys[key] = entry, item.keys[key]
            else:
                self.problems.error(item.mark, here, "a setting is wanted, not a list")
        return Table(node.mark, entries, keys)

    def _phrase(self, node: Scalar, struct: Any, path: Path) -> Any:
        try:
            text = scalars.as_text(node.text) if node.plain else node.text
            values = struct.from_text(text)
        except MalformedError as error:
            return self._bad(node, path, error.message, error.hint)
        return self._build(node, struct, values, path)

    def _table(self, node: Node, shape: Shape, path: Path) -> Any:
        if not isinstance(node, Table):
            here = "text" if shape.secret and isinstance(node, Scalar) else _kind(node)
            return self._bad(node, path, f"a table is wanted, not {here}")
        values = {key: self._keyed(node, key, shape, (*path, key)) for key in node.entries}
        return BAD if BAD in values.values() else values

    def _list(self, node: Node, shape: Shape, path: Path) -> Any:
        if not isinstance(node, Items):
            return self._bad(node, path, f"a list is wanted, not {_kind(node)}", "begin the line with `- `")
        values = [self.value(item, shape, (*path, index)) for index, item in enumerate(node.items)]
        return BAD if any(value is BAD for value in values) else tuple(values)

    def _nothing(self, node: Scalar, shape: Shape, path: Path) -> Any:
        if shape.optional:
            return None
        if shape.base in {dict, tuple}:
            return shape.base()
        if isinstance(shape.base, type) and issubclass(shape.base, msgspec.Struct):
            return self.struct(Table(node.mark, {}, {}), shape.base, path)
        hint = 'write "" for empty text' if shape.base is str else "write a value or leave the key out"
        return self._bad(node, path, f"{_wanted(shape)} is wanted, and here is nothing", hint)

    def _scalar(self, node: Scalar, shape: Shape, path: Path) -> Any:
        try:
            value = _read(node, shape)
            _within(value, shape)
        except MalformedError as error:
            if shape.secret:
                return self._bad(
                    node, path, f"{_wanted(shape)} is wanted; the value is not shown", "quote it"
                )
            return self._bad(node, path, error.message, error.hint)
        return value

    def _keyed(self, table: Table, key: str, shape: Shape, path: Path) -> Any:
        """The value under a key; where it is no scalar, it is known by the place of its key."""
        node = table.entries[key]
        value = self.value(node, shape, path)
        if not isinstance(node, Scalar):
            self.origins[path] = table.keys[key]
        return value

    def _bad(self, node: Node, path: Path, message: str, hint: str = "", *, mark: Mark | None = None) -> _Bad:
        if isinstance(node, Scalar) and node.broken:
            return BAD
        self.problems.error(mark or node.mark, path, message, hint)
        return BAD


def _read(node: Scalar, shape: Shape) -> Any:
    text = node.text
    if shape.choices:
        if text in shape.choices:
            return text
        nearest = did_you_mean(text, shape.choices)
        raise MalformedError(f"'{shown(text)}' is not one of {', '.join(shape.choices)}", nearest)
    if shape.reader is not None:
        if node.plain and scalars.kind(text) is scalars.Kind.INTEGER:
            scalars.as_integer(
                text
            )  # refuses 010 and 22:30, which some reader has already turned into a number
        return shape.reader(text)
    if shape.base is str:
        return scalars.as_text(text) if node.plain else text
    if not node.plain:
        raise MalformedError(f"{_wanted(shape)} is wanted, and this is text", "remove the quotes")
    if shape.base is bool:
        return scalars.as_boolean(text)
    return scalars.as_integer(text) if shape.base is int else scalars.as_number(text)


def _deeper(key: str, fields: Mapping[str, tuple[str, Shape, bool]]) -> str:
    """A hint where a table of these fields would know the key: most often it was not indented."""
    for name, (_, shape, _) in fields.items():
        if (
            isinstance(shape.base, type)
            and issubclass(shape.base, msgspec.Struct)
            and key in fields_of(shape.base)
        ):
            return f"it belongs to `{name}`: indent it below"
    return ""


def _within(value: Any, shape: Shape) -> None:
    if shape.longest is not None and len(value) > shape.longest:
        raise MalformedError(f"{len(value)} characters, and {shape.longest} are the limit", "shorten it")
    if not isinstance(value, (int, float)):
        return
    if math.isnan(value) or math.isinf(value):
        raise MalformedError("a finite number is wanted")
    if shape.at_least is not None and value < shape.at_least:
        raise MalformedError(f"must be {shape.at_least:g} or more")
    if shape.above is not None and value <= shape.above:
        raise MalformedError(f"must be more than {shape.above:g}")
    if shape.at_most is not None and value > shape.at_most:
        raise MalformedError(f"must be {shape.at_most:g} or less")


def _wanted(shape: Shape) -> str:
    if shape.choices:
        return f"one of {', '.join(shape.choices)}"
    return {bool: "true or false", int: "a whole number", float: "a number"}.get(shape.base, "text")


def _kind(node: Node) -> str:
    if isinstance(node, Scalar):
        return f"'{node.written}'" if len(node.written) < 20 else "text"
    return "a list" if isinstance(node, Items) else "a table"
