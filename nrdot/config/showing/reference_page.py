"""The reference page: every setting, its type, unit, default and meaning, from the types that load a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from nrdot.config.showing.flat import spelled
from nrdot.config.showing.reference import DOCUMENTS, Field, fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD = """\
# Configuration, field by field

Generated from the types that load a file, by `make reference`. Do not edit it.

A configuration is one YAML document. A profile's keys may stand beside the configuration's own at the top of
the file; there they hold for every profile. In paths, `[]` is an entry of a list and `*` a name of your own.
`nrdot profile schema` prints the same as JSON Schema, `nrdot profile lint` checks a file against it.

How values are written:

| type | write | means |
|---|---|---|
| duration | `15s`, `5m`, `1h30m`, `30d`, `"7 years"` | a number is never without its unit |
| size | `64MiB`, `"1GB"`, `4096` | bytes; KiB, MiB, GiB are powers of 1024, KB, MB, GB of 1000 |
| percentage | `1%` | with its sign |
| URL | `http://127.0.0.1:4318` | |
| number, whole number | `0.3`, `42` | without quotes |
| text | `balanced`, `"22:30"` | quoted where YAML would read a number, a time or a truth value |
| bound | `0.8`, `">= 0.8"`, `"0.4..0.6"` | in profile tests |

`${env:NAME}` in a value is filled in from the environment, `${env:NAME:-default}` with a default.
"""
_TITLES = {
    "configuration": "A configuration",
    "profile": "A profile",
    "tests": "Profile tests",
}
_WORDS = {
    "configuration": "What stands at the top of the file, beside the keys of a profile.",
    "profile": (
        "At the top of a configuration, under `profiles.NAME`, or in a file of its own. "
        "`upload_frequency` is another spelling of `export_interval`."
    ),
    "tests": "A file with the key `expect`; `nrdot profile test FILE` runs it.",
}


def reference_page() -> str:
    """Markdown, one table for each section."""
    parts = [HEAD]
    for name, struct in DOCUMENTS.items():
        parts.append(f"## {_TITLES[name]}\n\n{_WORDS[name]}\n")
        for section, found in _sections(fields(struct)).items():
            parts.append("\n".join(_table(section, found)))
    return "\n".join(parts)


def _sections(found: Iterable[Field]) -> dict[str, list[Field]]:
    """Fields by the section that they are in; plain ones come first, under no name."""
    every = list(found)
    tables = {one.path.partition(".")[0].removesuffix("[]") for one in every if _below(one.path)}
    sections: dict[str, list[Field]] = {"": []}
    for one in every:
        head = one.path.partition(".")[0].removesuffix("[]")
        sections.setdefault(head if head in tables else "", []).append(one)
    return {name: fields_of for name, fields_of in sections.items() if fields_of}


def _below(path: str) -> bool:
    """Whether a path leads into a table or list of tables, and not only to a name of the user's own."""
    return bool(path.replace("[]", "").replace(".*", "").partition(".")[2])


def _table(section: str, found: list[Field]) -> Iterator[str]:
    if section:
        yield f"### {section}\n"
    yield "| setting | type | default | |"
    yield "|---|---|---|---|"
    for one in found:
        cells = (f"`{one.path}`", one.kind.replace(" | ", ", "), _default(one), one.description)
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
    yield ""


def _default(one: Field) -> str:
    if one.required:
        return "required"
    value: Any = one.default
    if value in (None, (), {}, "") or isinstance(value, msgspec.Struct):
        return ""
    return f"`{spelled(msgspec.to_builtins(value), one.kind)}`"
