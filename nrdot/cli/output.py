"""What people see: tables and progress through rich, JSON for scripts. Results go to standard output."""

from __future__ import annotations

import io
import os
import re
import sys
from contextlib import contextmanager, suppress
from functools import cache
from typing import IO, TYPE_CHECKING, cast

import msgspec
from rich import box
from rich.table import Table
from rich.text import Text

from nrdot.cli.harmless import HarmlessConsole
from nrdot.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from rich.console import Console, RenderableType
    from rich.style import StyleType

_COLOURS = {"KEEP": "green", "ROLL_UP": "yellow", "DROP": "red"}
_PADDING = re.compile(r"[ \t]+(?=\n)")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
WIDE = 160  # columns of a table that nobody looks at on a terminal


class _Piped(io.TextIOBase):
    """Standard output where no terminal is: no blanks at the ends of lines, no empty first or last line.

    rich pads cells to their column and puts empty lines around a table; `head -1` and `diff` are for what is
    said.
    """

    def __init__(self) -> None:
        self._begun = False
        self._held = ""  # empty lines, until something follows them

    @property
    def encoding(self) -> str:  # type: ignore[override]  # rich asks it whether lines can be drawn
        return sys.stdout.encoding or "utf-8"

    def write(self, text: str) -> int:
        said = self._held + _PADDING.sub("", text)
        if not self._begun:
            said = said.lstrip("\n")
            self._begun = bool(said)
        words = len(said.rstrip("\n"))
        whole = words + 1 if words else 0  # with the end of its own line, where it has one
        self._held = said[whole:]
        sys.stdout.write(said[:whole])
        return len(text)

    def flush(self) -> None:
        sys.stdout.flush()

    def close(self) -> None:
        """Standard output is not this one's to close: when Python clears away, it may be gone already."""


@cache
def console() -> Console:
    """Standard output. rich honours NO_COLOR, on a terminal COLUMNS too, and leaves colour out of pipes.

    COLUMNS does not fold what goes into a pipe: build servers export 80, and a folded word is not found.
    """
    if sys.stdout.isatty():
        return HarmlessConsole(highlight=False)
    return HarmlessConsole(file=cast("IO[str]", _Piped()), highlight=False, width=WIDE)


@cache
def errors() -> Console:
    return HarmlessConsole(stderr=True, highlight=False)


def print_json(document: object) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")


def writable(output: Path) -> None:
    """Say so before the work that would be in vain. Raises UsageError."""
    if not os.access(output.parent, os.W_OK) or output.is_dir():
        raise UsageError(f"--output {output}: cannot be written there; name a file in a directory of yours")


def keep(text: str, path: Path, *, what: str) -> None:
    """A file that appears whole or not at all; a pipe or a device takes what it can. Raises UsageError."""
    goal = scratch = path.resolve()
    try:
        if goal.is_file() or not goal.exists():
            scratch = goal.with_name(f".{goal.name}.part")
        scratch.write_text(text, encoding="utf-8")
        if scratch != goal:
            scratch.replace(goal)
    except OSError as error:
        if scratch != goal:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
        raise UsageError(
            f"{path}: cannot be written: {error.strerror or error}; {what} is not kept"
        ) from None


@contextmanager
def progress(text: str, *, quiet: bool = False) -> Iterator[None]:
    """A sign of life on standard error for what takes longer than a second."""
    if quiet or not errors().is_terminal:
        yield
        return
    with errors().status(text):
        yield


class _Rows(Table):
    """What a cell says is shown letter by letter: a name or a pattern may look like markup, `[a-z]` for one.

    Colours are a `Text`'s own.
    """

    def add_row(
        self, *cells: RenderableType | None, style: StyleType | None = None, end_section: bool = False
    ) -> None:
        literal = (Text(cell) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*literal, style=style, end_section=end_section)


def table(*columns: str, right: Collection[str] = (), title: str | None = None) -> Table:
    shown = _Rows(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in columns:
        shown.add_column(Text(column), justify="right" if column in right else "left", overflow="fold")
    return shown


def verdict(name: str) -> Text:
    return Text(name.lower().replace("_", " "), style=_COLOURS.get(name, ""))


def amount(size: float) -> str:
    """Bytes for people."""
    for unit in _UNITS:
        if size < 1024 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("the last unit takes everything")
