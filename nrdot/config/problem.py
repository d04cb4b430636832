"""What is wrong with a configuration, in one line each.

    FILE:LINE:COLUMN: field.path: what is wrong; hint

A message never shows a value that came from the environment or that stands in a field for secrets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from nrdot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Path = tuple[str | int, ...]

MANY = 100  # problems after which hints are no longer looked for
MOST = 1000  # problems that are told; a file with more has one mistake many times
SHOWN = 60  # characters of a value or a key that a message repeats


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file, counted from 1 as editors do; line 0 where there is no such place."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    severity: Severity
    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""
    rule: str = ""  # what kind of problem it is: its words without the values, for tools that group by it

    def __str__(self) -> str:
        where = str(Mark(self.file, self.line, self.column))
        words = f"{self.message}; {self.hint}" if self.hint else self.message
        return ": ".join(part for part in (where, self.path, words) if part)


class MalformedError(ValueError):
    """A value that cannot be used; the one who knows its place makes a Problem of it.

    `field` names the culprit where the value is a table.
    """

    def __init__(self, message: str, hint: str = "", *, field: str = "") -> None:
        super().__init__(render(message, {}))
        self.field = field
        self.message = message
        self.hint = hint


class InvalidConfigurationError(ConfigError):
    """A configuration with at least one error; `problems` holds all of them, warnings too."""

    def __init__(self, problems: Sequence[Problem], read: Mapping[str, str] | None = None) -> None:
        self.problems = tuple(problems)
        self.read = dict(read or {})  # files that were looked at, as `Problems.read` has them
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        more = len(errors) - 1
        shows = f": nrdot profile lint {errors[0].file}" if errors[0].line else ""
        others = f" (and {more} more{shows})" if more else ""
        super().__init__(f"{errors[0]}{others}")


class Problems:
    """Collects what is found, in the order of the file."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}
        self.written: dict[str, str] = {}  # what the environment filled in: as the file has it
        self.read: dict[str, str] = {}  # files that were looked at: their SHA-256, empty where there is none

    def error(self, mark: Mark, path: Path, message: str, hint: str = "") -> None:
        self._add(Severity.ERROR, mark, path, message, hint)

    def warn(self, mark: Mark, path: Path, message: str, hint: str = "") -> None:
        self._add(Severity.WARNING, mark, path, message, hint)

    def _add(self, severity: Severity, mark: Mark, path: Path, message: str, hint: str) -> None:
        words, advice = render(message, self.written), render(hint, self.written)
        rule = _slug(_MARKED.sub("", message))
        problem = Problem(
            severity, one_line(mark.file), mark.line, mark.column, spell(path), words, advice, rule
        )
        if not self.full:
            self._found[problem] = None

    @property
    def crowded(self) -> bool:
        """So many problems that a hint costs more than it helps."""
        return len(self._found) >= MANY

    @property
    def full(self) -> bool:
        return len(self._found) >= MOST

    @property
    def failed(self) -> bool:
        return self.count > 0

    @property
    def count(self) -> int:
        """Errors so far; a caller compares before and after."""
        return sum(problem.severity is Severity.ERROR for problem in self._found)

    def sorted(self) -> list[Problem]:
        return sorted(self._found, key=lambda problem: (problem.file, problem.line, problem.column))


class Findings:
    """Problems of values whose places are known."""

    def __init__(self, origins: Mapping[Path, Mark], problems: Problems) -> None:
        self._origins = origins
        self._problems = problems

    def mark(self, path: Path) -> Mark:
        """The place of a value, or of the nearest thing around it."""
        while path and path not in self._origins:
            path = path[:-1]
        return self._origins.get(path, Mark(""))

    def error(self, path: Path, message: str, hint: str = "") -> None:
        self._problems.error(self.mark(path), path, message, hint)

    def warn(self, path: Path, message: str, hint: str = "") -> None:
        self._problems.warn(self.mark(path), path, message, hint)


def spell(path: Path) -> str:
    """A path as a user would write it: `export[0].otlp.headers["api-key"]`."""
    spelled = ""
    for step in path:
        if isinstance(step, int):
            spelled += f"[{step}]"
        elif step.replace("_", "a").isalnum():
            spelled += f".{step}" if spelled else step
        else:
            spelled += f'["{clip(step)}"]'
    return one_line(spelled)


def shown(text: str) -> str:
    """A value, for a message.

    It is only marked here. What it looks like is decided where the message becomes a Problem: there it is
    known which values the environment filled in, and those are shown as the file has them.
    """
    return f"{_OPEN}{text}{_CLOSE}"


# Lone surrogates: neither a file nor an environment variable that was let in can hold them.
_OPEN, _CLOSE = "\ud800", "\udbff"
_MARKED = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")


def render(message: str, written: Mapping[str, str]) -> str:
    """A message with its values; `written` gives what to show instead of what the environment gave."""
    return one_line(_MARKED.sub(lambda found: clip(written.get(found[1], found[1])), message))


def _slug(words: str) -> str:
    """The first words of a message, without what changes from case to case: `not-a-duration`."""
    return "-".join(_WORDS.findall(words.partition(":")[0].lower())[:RULE_WORDS]) or "problem"


_WORDS = re.compile(r"[a-z_][a-z_0-9]*")
RULE_WORDS = 8


def clip(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or none."""
    import difflib  # only mistakes need it

    nearest = difflib.get_close_matches(clip(word), list(known), n=1, cutoff=0.72)
    return f"did you mean `{nearest[0]}`?" if nearest else ""
