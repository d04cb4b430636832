"""Files as trees: reading them, and unwrapping a Kubernetes ConfigMap around them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from nrdot.config.document.environment import fill_in
from nrdot.config.document.tree import SIZE, Items, Node, Scalar, Table, parse, parse_text
from nrdot.config.problem import Mark, Problems, spell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path as FilePath

from nrdot.config.problem import Path

_YAML_NAMES = (".yaml", ".yml")


def read_tree(
    path: FilePath, environ: Mapping[str, str], problems: Problems, begin: str = "profile: balanced"
) -> Table | None:
    """The table in a file, empty for an empty file; None where there is a problem, which is reported.

    `begin` is how a document of this kind begins, for whoever named a file of another kind.
    """
    file = str(path)
    data = _read(path, file, problems)
    problems.read[file] = "" if data is None else hashlib.sha256(data).hexdigest()
    if data is None:
        return None
    failed_before = problems.count
    node = parse(data, file, problems)
    if node is None:
        return None if problems.count > failed_before else Table(Mark(file, 1, 1), {}, {})
    if not isinstance(node, Table):
        kind = "a list" if isinstance(node, Items) else "text"
        problems.error(node.mark, (), f"a table of settings is wanted, not {kind}", f"begin with `{begin}`")
        return None
    held = unwrap(node, data.decode("utf-8-sig"), problems)
    return None if held is None else fill_in(held, environ, problems)


def _read(path: FilePath, file: str, problems: Problems) -> bytes | None:
    try:
        with path.open("rb") as handle:
            return handle.read(SIZE + 1)
    except FileNotFoundError:
        problems.error(Mark(file), (), "there is no such file")
    except IsADirectoryError:
        problems.error(Mark(file), (), "this is a directory", "name a file in it")
    except OSError as error:
        problems.error(Mark(file), (), f"cannot be read: {error.strerror or type(error).__name__}")
    return None


def unwrap(node: Table, text: str, problems: Problems) -> Table | None:
    """What a ConfigMap holds, as if it stood in a file of its own; other documents as they are."""
    kind = node.entries.get("kind")
    if not (isinstance(kind, Scalar) and kind.text == "ConfigMap"):
        return node
    data = node.entries.get("data")
    if not isinstance(data, Table):
        problems.error(
            node.mark, ("data",), "this ConfigMap holds no data", "put the configuration under `rules.yaml`"
        )
        return None
    lines = text.split("\n")
    entries: dict[str, Node] = {}
    keys: dict[str, Mark] = {}
    length = 0
    for name, block in data.entries.items():
        if not name.endswith(_YAML_NAMES) or not isinstance(block, Scalar):
            continue
        length += len(block.text)
        if length > SIZE:
            problems.error(
                block.mark, ("data", name), "this ConfigMap holds more than 1 MiB, aliases followed"
            )
            return None
        inner = parse_text(block.text, _block_origin(block, lines), problems)
        if inner is None:
            continue
        if not isinstance(inner, Table):
            problems.error(inner.mark, ("data", name), "a table of settings is wanted")
            continue
        for key, entry in inner.entries.items():
            if key in entries:
                message = f"written twice in this ConfigMap, first in line {keys[key].line}"
                problems.error(inner.keys[key], (key,), message, "keep one")
                continue
            entries[key], keys[key] = entry, inner.keys[key]
    return Table(node.mark, entries, keys)


def _block_origin(block: Scalar, lines: list[str]) -> Mark:
    """Where the first line of a block of text stands. The mark of a block is its `|`, a line above."""
    mark = block.mark
    line = lines[mark.line - 1] if mark.line <= len(lines) else ""
    if line[mark.column - 1 : mark.column] not in {"|", ">"}:
        return Mark(mark.file, mark.line, mark.column)
    first = next((text for text in lines[mark.line :] if text.strip()), "")
    return Mark(mark.file, mark.line + 1, len(first) - len(first.lstrip(" ")) + 1)


def misplaced(node: Node, known: frozenset[str], key: str) -> str:
    """A hint where what stands under an unknown key looks like configurations in their own right."""
    tables: list[str] = []
    texts: list[str] = []
    for steps, found in _homes(node, known, (key,)):
        (texts if isinstance(found, Scalar) else tables).append(f"`{spell(steps)}`")
    parts = []
    if tables:
        parts.append(f"move what is under {_and(tables)} to the top of {_a_file(tables)}")
    if texts:
        parts.append(f"write the text of {_and(texts)} into {_a_file(texts)}")
    return ", and ".join(parts)


def _homes(node: Node, known: frozenset[str], steps: Path) -> Iterator[tuple[Path, Node]]:
    """Tables whose keys, and texts whose lines, are those of a configuration."""
    if isinstance(node, Scalar):
        lines = node.text[:GLANCE].splitlines()
        if len(lines) > 1 and any(line.strip().partition(":")[0] in known for line in lines):
            yield steps, node
    elif isinstance(node, Table) and any(key in known for key in node.entries):
        yield steps, node
    elif isinstance(node, Table) and len(steps) <= DEEPEST:
        for key, entry in node.entries.items():
            yield from _homes(entry, known, (*steps, key))


def _and(names: list[str]) -> str:
    return ", ".join(names[:MANY]) + (" and others" if len(names) > MANY else "")


def _a_file(names: list[str]) -> str:
    return "a file of its own" if len(names) == 1 else "a file each"


DEEPEST = 4  # levels that are searched
MANY = 4
GLANCE = 4096  # characters of a text that are looked at
