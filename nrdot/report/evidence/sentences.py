"""What goes into statements, and what comes back as an error."""

from __future__ import annotations

import re

_LONGEST = 200  # characters of the engine's own words
_KIND = re.compile(r"\A[A-Z][A-Za-z ]* Error: ")


def quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def said(error: Exception) -> str:
    """The engine's reason: its first line, without its own name for the kind and without its advice."""
    first = str(error).partition("\n")[0].partition(". Try ")[0]
    return _KIND.sub("", first).strip()[:_LONGEST]
