"""Settings as lines of path and value: what `show` prints, `diff` compares and `effective` audits.

Values of fields that hold secrets are never given out; whether two of them differ can still be told.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from nrdot.config.schema.shapes import fields_of
from nrdot.config.values.units import proxy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nrdot.config.problem import Mark, Path
    from nrdot.config.schema.shapes import Shape
    from nrdot.config.settled.configuration import Configuration


class Leaf(NamedTuple):
    """A value as the structures hold it, secrets too, and its type."""

    path: Path
    value: Any
    shape: Shape


class Line(NamedTuple):
    """The same as people may see it."""

    path: Path
    value: Any
    unit: str = ""

    @property
    def hidden(self) -> bool:
        """Whether `value` only tells two secrets apart, within this run of the program."""
        return self.unit == HIDDEN

    @property
    def written(self) -> str:
        """The value as people write it."""
        return HIDDEN if self.hidden else spelled(self.value, self.unit)


HIDDEN = "(hidden)"
_SALT = os.urandom(16)  # so that nobody guesses a secret by its fingerprint


APART = frozenset({"profiles", "change"})  # told profile by profile, and words about the file
WORDS = frozenset({"description", "extends"})  # of a profile: nothing that decides

# What a list's entries are known by, so that moving one is no difference.
_KNOWN_BY = {
    "overrides": "process",
    "label_based_scoring": "selector",
    "export": "title",
}


def flat_settings(configuration: Configuration, *, named: bool = False) -> Iterator[Line]:
    """Everything but the profiles."""
    for leaf in leaves(configuration.settings, named=named, without=APART):
        yield _as_written(_line(leaf), configuration.written)


def _as_written(line: Line, written: Mapping[str, str]) -> Line:
    """What the environment filled in stays the reference that the file has."""
    if isinstance(line.value, str) and line.value in written:
        return Line(line.path, written[line.value])
    return line


def flat(struct: msgspec.Struct, path: Path = (), *, named: bool = False) -> Iterator[Line]:
    """Every value below a structure, by its path, in the order of the schema."""
    return map(_line, leaves(struct, path, named=named))


def _line(leaf: Leaf) -> Line:
    path, value, shape = leaf
    if value and (shape.secret or shape.reader is proxy):
        return Line(path, f"{HIDDEN} {fingerprint(str(value), _SALT)}", HIDDEN)
    return Line(path, msgspec.to_builtins(value), shape.unit)


def fingerprint(value: str, salt: bytes) -> str:
    """What tells two secrets apart; who does not know the salt cannot try what gives it."""
    return hmac.new(salt, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:8]


def leaves(
    struct: msgspec.Struct, path: Path = (), *, named: bool = False, without: frozenset[str] = frozenset()
) -> Iterator[Leaf]:
    """Every value below a structure as it is, defaults too; `without` some of the structure's own keys.

    With `named` the entries of a list are known by what they are about, else by their places.
    """
    for key, (name, shape, _) in fields_of(type(struct)).items():
        if key not in without:
            rest = getattr(struct, "rest", None) == name
            yield from _leaves(getattr(struct, name), shape, path if rest else (*path, key), named=named)


def _leaves(value: Any, shape: Shape, path: Path, *, named: bool) -> Iterator[Leaf]:
    if isinstance(value, msgspec.Struct):
        yield from leaves(value, path, named=named)
    elif isinstance(value, dict) and value:
        for key, entry in value.items():
            yield from _leaves(entry, shape.inner[1], (*path, key), named=named)
    elif isinstance(value, tuple) and value and isinstance(value[0], (msgspec.Struct, dict)):
        steps = _names(value, path) if named else iter(range(len(value)))
        for step, entry in zip(steps, value, strict=True):
            yield from _leaves(entry, shape.inner[0], (*path, step), named=named)
    else:
        yield Leaf(path, value, shape)


def _names(entries: tuple[Any, ...], path: Path) -> Iterator[str | int]:
    """An entry's own name where it is the only one that has it, else its place."""
    field = _KNOWN_BY.get(str(path[-1]) if path else "")
    names = [str(getattr(entry, field)) for entry in entries] if field else []
    for place in range(len(entries)):
        yield names[place] if names and names.count(names[place]) == 1 else place


def place(path: Path, origins: Mapping[Path, Mark]) -> Mark | None:
    """Where a value was written, or the table or phrase around it; None for a default."""
    steps = path
    while len(steps) > 1 and steps not in origins:
        steps = steps[:-1]
    mark = origins.get(steps)
    if mark is None or not mark.file:
        return None
    return mark if steps == path or _a_word(steps, origins) else None


def spelled(value: Any, unit: str = "") -> str:
    """A value as the file would have it, its unit beside it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(spelled(one) for one in value) or "[]"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {spelled(one)}" for key, one in value.items()) or "{}"
    if isinstance(value, (int, float)) and unit in _SPELLED:
        return _SPELLED[unit](value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    for scale, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= scale and seconds % scale == 0:
            return f"{seconds / scale:.0f}{unit}"
    return f"{seconds:g}s" if seconds else "0"


def _size(count: float) -> str:
    for scale, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (10**9, "GB"), (10**6, "MB")):
        if count >= scale and count % scale == 0:
            return f"{count // scale:.0f}{unit}"
    return f"{count:.0f}"


def _percentage(share: float) -> str:
    return f"{share * 100:g}%"


_SPELLED = {"duration": _duration, "size": _size, "percentage": _percentage}


def _a_word(steps: Path, origins: Mapping[Path, Mark]) -> bool:
    """A table that was written as one word says every value in it."""
    return not any(other[: len(steps)] == steps and len(other) > len(steps) for other in origins)
