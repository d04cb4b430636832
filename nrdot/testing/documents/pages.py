"""Pages of documentation as tests see them: fenced blocks with marks, links, commands in a sentence.

The first word behind a fence says what the block is; what follows is for tests, as NAME=VALUE:

    sh             commands; each ends with 0, or as `status=1` says, or `# status 1` in its line
    output         what the commands right above print; `...` stands for anything
    yaml, json     read by whoever reads such a document; `file=NAME` keeps it for the commands that follow
    sql, promql    queries
    text           drawings, forms, and what is not typed anywhere

`needs=root by=tests/unit/x/test_y.py::test_z` takes a block out and names the test that covers it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

KINDS = frozenset({"sh", "output", "yaml", "json", "sql", "promql", "text"})
MARKS = frozenset({"status", "file", "warns", "needs", "by"})
_FENCE = re.compile(r"^(?P<dent> *)(?P<fence>`{3,})(?P<info>[^`\n]*)$")
_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")
_PICTURE = re.compile(r"!\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`(?P<code>[^`\n]+)`")
_HEADING = re.compile(r"^#+ +(?P<words>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    page: Path
    line: int  # of its first line of content
    kind: str
    text: str
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def covered_by(self) -> str:
        """The test that covers what cannot run here; empty for what can."""
        return self.marks.get("by", "")


def blocks(page: Path) -> Iterator[Block]:
    """Every block of a page. Raises AssertionError for a fence that is not understood."""
    kind, opened, dent, begin = "", "", "", 0
    marks: dict[str, str] = {}
    content: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        found = _FENCE.match(line)
        if opened and found and found["fence"] == opened and not found["info"].strip():
            yield Block(page, begin, kind, "".join(f"{one}\n" for one in content), marks)
            opened, content = "", []
        elif opened:
            content.append(line.removeprefix(dent))
        elif found:
            opened, dent, begin = found["fence"], found["dent"], number + 1
            kind, marks = _info(found["info"], f"{page.name}:{number}")
        else:
            assert "```" not in line, f"{page.name}:{number}: a fence stands on a line of its own"
    assert not opened, f"{page.name}:{begin}: this block never ends"


def _info(info: str, place: str) -> tuple[str, dict[str, str]]:
    words = info.split()
    kind = words[0] if words else "text"
    marks = dict(word.split("=", 1) for word in words[1:])
    assert kind in KINDS, f"{place}: ```{kind} is none of {', '.join(sorted(KINDS))}"
    assert marks.keys() <= MARKS, f"{place}: {marks} has a mark that is none of {', '.join(sorted(MARKS))}"
    assert ("needs" in marks) == ("by" in marks), f"{place}: needs= and by= go together"
    return kind, marks


def prose(page: Path) -> str:
    """A page without its fenced blocks; as many lines, so that numbers stay."""
    kept, opened = [], ""
    for line in page.read_text(encoding="utf-8").splitlines():
        found = _FENCE.match(line)
        if found and not opened:
            opened = found["fence"]
        elif found and found["fence"] == opened:
            opened = ""
        elif not opened:
            kept.append(line)
            continue
        kept.append("")
    return "\n".join(kept)


def links(page: Path) -> Iterator[str]:
    """Where a page leads, within the repository."""
    for pattern in (_LINK, _PICTURE):
        for found in pattern.finditer(prose(page)):
            if "://" not in found["target"]:
                yield found["target"]


def spoken_commands(page: Path) -> Iterator[str]:
    """Commands of ours that stand in a sentence or a table."""
    for found in _CODE.finditer(prose(page)):
        if found["code"].startswith("nrdot "):
            yield found["code"].replace("\\|", "|")


def anchors(page: Path) -> set[str]:
    """What a link behind `#` may say, as code hosts make it of headings."""
    return {
        re.sub(r"[^\w\- ]", "", found["words"].lower()).replace(" ", "-")
        for found in _HEADING.finditer(prose(page))
    }
