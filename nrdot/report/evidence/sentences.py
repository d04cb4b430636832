"""What goes into statements, and what comes back as an error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nrdot.ledger.rows import this_file

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 200  # characters of the engine's own words
_KIND = re.compile(r"\A[A-Z][A-Za-z ]* Error: ")


def quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def file(path: Path) -> str:
    """A path in a statement, as a file and never as a pattern."""
    return quoted(this_file(path))


def said(error: Exception) -> str:
    """The engine's reason: its first line, without its own name for the kind and without its advice."""
    first = str(error).partition("\n")[0].partition(". Try ")[0]
    return _KIND.sub("", first).strip()[:_LONGEST]
