"""A configuration as one document that needs no other file of configuration: every profile stands in it.

Values are written as the file has them, so a secret that came from the environment stays the reference that
it was. Read again, the document gives the same configuration.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from nrdot.config.document.scalars import key_trap
from nrdot.config.document.tree import Items, Scalar, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nrdot.config.document.tree import Node

PROFILES = "profiles"
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def resolved(tree: Table, profiles: Mapping[str, Table]) -> str:
    """The text of a document with `profiles`, complete with their parents, beside its own."""
    own = tree.entries.get(PROFILES)
    inline = own.entries if isinstance(own, Table) else {}
    all_profiles: dict[str, Node] = {**profiles, **inline}
    entries = dict(tree.entries)
    if all_profiles:
        entries[PROFILES] = Table(tree.mark, all_profiles, {})
    return write(Table(tree.mark, entries, {}))


def write(table: Table) -> str:
    """A tree as YAML."""
    events = [
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        *_events(table),
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    ]
    text: str = yaml.emit(events, Dumper=_DUMPER, width=1 << 20, allow_unicode=True)
    return text


def _events(node: Node) -> Iterator[Any]:
    if isinstance(node, Table):
        yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=False)
        for key, entry in node.entries.items():
            yield _scalar(key, plain=bool(_PLAIN_KEY.match(key)) and key_trap(key) is None)
            yield from _events(entry)
        yield yaml.MappingEndEvent()
    elif isinstance(node, Items):
        yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=False)
        for item in node.items:
            yield from _events(item)
        yield yaml.SequenceEndEvent()
    else:
        yield _written(node)


def _written(node: Scalar) -> Any:
    return _scalar(node.written, plain=node.plain)


def _scalar(text: str, *, plain: bool) -> Any:
    if plain:
        return yaml.ScalarEvent(None, None, (True, False), text, style=None)
    return yaml.ScalarEvent(None, None, (False, True), text, style='"')
