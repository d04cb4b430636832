"""Secrets stay out of the logs: those that we were told of, and what looks like one.

Hidden are the values handed to `hide` (headers of a destination, keys), credentials in a URL, what follows
a name such as `api-key=` or `Authorization:`, and every field under such a name.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "***"
# A shorter value (a tenant's number, a region) would be cut out of innocent words, and is no secret.
SHORTEST = 6
LONGEST = 8192

_NAME = (
    r"[\w-]{0,40}(?:authorization|cookie|token|secret|password|passwd|credentials?"
    r"|(?:api|license|access|account|private|insert)[-_]?key)[\w-]{0,20}"
)
_CREDENTIALS = re.compile(r"(?<=://)[^/\s]+@")
_ASSIGNED = re.compile(
    rf"""\b({_NAME}["']?\s*[=:]\s*["']?)(?:(?:bearer|basic|digest|token)\s+)?[^\s,;&"']+""",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)


class Redaction:
    def __init__(self) -> None:
        self._known: re.Pattern[str] | None = None

    def hide(self, secrets: Iterable[str]) -> None:
        """From now on these values, instead of those of the call before."""
        longest_first = sorted({value for value in secrets if len(value) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        clean = text[:LONGEST]
        if self._known is not None:
            clean = self._known.sub(HIDDEN, clean)
        clean = _CREDENTIALS.sub(f"{HIDDEN}@", clean)
        return _ASSIGNED.sub(rf"\1{HIDDEN}", clean)

    def value(self, name: str, value: object) -> Any:
        """A field as it may be written: numbers as they are, everything else as clean text."""
        if _SECRET_NAME.fullmatch(name):
            return HIDDEN
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)  # JSON has no NaN
        if isinstance(value, dict):
            return {str(key): self.value(str(key), inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(name, inner) for inner in value]
        return self.text(str(value))
