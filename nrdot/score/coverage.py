"""Whether one name pattern takes everything that another takes: what can be proven, and nothing else.

Shell patterns of letters and `*`, and regular expressions that say no more than such a pattern, are compared
as shell patterns: `^plc-` is `plc-*`. For anything richer there is no answer, which is never an alarm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPECIAL = frozenset("\\.+*?()|[]{}^$")
_PLAIN_ESCAPES = frozenset("\\.+*?()|[]{}^$-_/:@ ")

Owner = TypeVar("Owner")
MANY = (
    300  # patterns that are compared one by one; beyond them nothing is claimed, so that a file never hangs
)


def plain_glob(glob: str) -> str | None:
    """The shell pattern itself where it holds no letter classes and no `?`."""
    return None if any(letter in glob for letter in "?[") else _squeezed(glob)


def as_glob(pattern: str) -> str | None:
    """A regular expression as the shell pattern that takes the same lines; None where there is none."""
    glob = "" if pattern.startswith("^") else "*"
    at, end = int(pattern.startswith("^")), len(pattern)
    closed = False
    while at < end:
        letter, step = pattern[at], 1
        if letter == "$" and at == end - 1:
            closed = True
        elif letter == "." and pattern[at + 1 : at + 2] == "*":
            glob, step = glob + "*", 2
        elif letter == "\\" and pattern[at + 1 : at + 2] in _PLAIN_ESCAPES:
            letter, step = pattern[at + 1], 2
            if letter == "*":
                return None
            glob += letter
        elif letter in _SPECIAL:
            return None
        else:
            glob += letter
        at += step
    return _squeezed(glob if closed else f"{glob}*")


def takes(wide: str, narrow: str) -> bool:
    """Whether each name that the shell pattern `narrow` takes is taken by `wide` as well."""
    first, *inner = wide.split("*")
    if not inner:
        return wide == narrow
    *inner, last = inner
    if not narrow.startswith(first) or not narrow.endswith(last) or len(narrow) < len(first) + len(last):
        return False
    rest = narrow[len(first) : len(narrow) - len(last)]
    for part in inner:
        at = rest.find(part)
        if at < 0:
            return False
        rest = rest[at + len(part) :]
    return True


class Cover(Generic[Owner]):
    """Shell patterns and what they stand for. Finds those that take all that another one takes."""

    def __init__(self) -> None:
        self._exact: dict[str, list[Owner]] = {}
        self._prefix: dict[str, list[Owner]] = {}
        self._others: list[tuple[str, Owner]] = []

    def add(self, glob: str | None, owner: Owner) -> None:
        if glob is None:
            return
        if "*" not in glob:
            self._exact.setdefault(glob, []).append(owner)
        elif glob.index("*") == len(glob) - 1:
            self._prefix.setdefault(glob[:-1], []).append(owner)
        else:
            self._others.append((glob, owner))

    def of(self, glob: str | None) -> Iterator[Owner]:
        """Owners of the patterns that take all of `glob`, itself among them."""
        if glob is None:
            return
        yield from self._exact.get(glob, ())
        for length in range(len(glob) + 1):
            yield from self._prefix.get(glob[:length], ())
        for other, owner in self._others[:MANY]:
            if takes(other, glob):
                yield owner


def _squeezed(glob: str) -> str:
    while "**" in glob:
        glob = glob.replace("**", "*")
    return glob
