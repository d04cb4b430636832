r"""Label selectors in the syntax that kubectl takes.

    env=production, tier in (frontend, backend), team notin (batch), !canary, region, shards>3

Requirements are joined by commas and must all hold. `!=` and `notin` hold as well where the key is absent, as
they do in Kubernetes. Values may hold what systemd and users put into names (`@`, `:`, `/`, `\`) besides
what Kubernetes allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from nrdot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

LENGTH_LIMIT: Final = 2000  # characters of a selector

_KEY = re.compile(
    r"(?:[a-z0-9]([-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_TOKEN = re.compile(r"\s*(?:(?P<sign>==|!=|=|!|<|>|\(|\)|,)|(?P<word>[^\s,()=!<>]+))")
_WHOLE = re.compile(r"-?\d+")


class Operator(Enum):
    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    ABSENT = "!"
    GREATER = ">"
    LESS = "<"


@dataclass(frozen=True, slots=True)
class Requirement:
    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case Operator.EXISTS:
                return value is not None
            case Operator.ABSENT:
                return value is None
            case Operator.IN:
                return value is not None and value in self.values
            case Operator.NOT_IN:
                return value is None or value not in self.values
            case Operator.GREATER | Operator.LESS:
                if value is None or not _WHOLE.fullmatch(value):
                    return False
                (bound,) = self.values
                more = int(value) - int(bound)
                return more > 0 if self.operator is Operator.GREATER else more < 0


@dataclass(frozen=True, slots=True)
class Selector:
    text: str
    requirements: tuple[Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.holds(labels) for requirement in self.requirements)


def parse_selector(text: str) -> Selector:
    """Raises ConfigError that says where the text stops making sense and what was expected there."""
    return Selector(text.strip(), tuple(_Parser(text).requirements()))


class _Parser:
    def __init__(self, text: str) -> None:
        if not text.strip():
            raise ConfigError("selector is empty; it would match every process: name a label")
        if len(text) > LENGTH_LIMIT:
            raise ConfigError(f"selector has {len(text)} characters; split it, {LENGTH_LIMIT} are the limit")
        self._text = text
        self._tokens: list[tuple[int, str]] = []  # column from 1, token
        for found in _TOKEN.finditer(text):
            token = found.group("sign") or found.group("word")
            self._tokens.append((found.end() - len(token) + 1, token))
        self._at = 0

    def requirements(self) -> list[Requirement]:
        found = [self._requirement()]
        while self._peek():
            self._expect(",")
            found.append(self._requirement())
        return found

    def _requirement(self) -> Requirement:
        if self._peek() == "!":
            self._next()
            return Requirement(self._key(), Operator.ABSENT)
        key = self._key()
        sign = self._peek()
        if sign in ("", ","):
            return Requirement(key, Operator.EXISTS)
        self._next()
        if sign in ("=", "=="):
            return Requirement(key, Operator.IN, frozenset((self._value(),)))
        if sign == "!=":
            return Requirement(key, Operator.NOT_IN, frozenset((self._value(),)))
        if sign in (">", "<"):
            return Requirement(key, Operator(sign), frozenset((self._number(),)))
        if sign in ("in", "notin"):
            return Requirement(key, Operator(sign), self._values())
        self._at -= 1
        raise self._error(self._column(), "=, ==, !=, in, notin, <, > or a comma")

    def _key(self) -> str:
        column, key = self._column(), self._next()
        if not _KEY.fullmatch(key):
            raise self._error(column, "a label's key")
        return key

    def _value(self) -> str:
        """A value may be empty: `key=` asks for the empty one."""
        if self._peek() in ("", ",", ")"):
            return ""
        if self._peek() in ("(", "=", "==", "!=", "!", "<", ">"):
            raise self._error(self._column(), "a value")
        return self._next()

    def _number(self) -> str:
        column, value = self._column(), self._next()
        if not _WHOLE.fullmatch(value):
            raise self._error(column, "a whole number")
        return value

    def _values(self) -> frozenset[str]:
        self._expect("(")
        values = {self._value()}
        while self._peek() == ",":
            self._next()
            values.add(self._value())
        self._expect(")")
        return frozenset(values)

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            raise self._error(self._column(), repr(sign))
        self._next()

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _column(self) -> int:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else len(self._text.rstrip()) + 1

    def _error(self, column: int, expected: str) -> ConfigError:
        rest = self._text[column - 1 :].split(None, 1)
        found = repr(rest[0][:30]) if rest else "the end"
        return ConfigError(
            f"selector {self._text.strip()[:60]!r}: expected {expected} at column {column}, found {found};"
            " the syntax is kubectl's: a=b, a!=b, a in (b, c), a notin (b), a, !a"
        )
