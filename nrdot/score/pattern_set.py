"""Many regular expressions in one pass, in time that grows with the text and never explodes.

RE2 has no backtracking, so what hangs other engines is linear here; in exchange it has no lookaround and no
backreferences. What it does not take, and what would make its automaton large, is refused at load.

Each pattern works line by line: `^` and `$` are a line's ends, and nothing matches across lines.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import re2

from nrdot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

LENGTH_LIMIT: Final = 1000  # characters of one pattern
PROGRAM_LIMIT: Final = 1000  # instructions of one compiled pattern; a counted repetition multiplies them
CACHE_LIMIT: Final = 8192  # distinct texts whose answer is remembered
_MEMORY: Final = (8 << 20, 32 << 20)  # bytes that RE2 may use for a set: tried in this order

_NOTHING: Final[frozenset[int]] = frozenset()
_REASONS: Final = (
    ("invalid perl operator: (?=", "looks ahead", "RE2 has no lookaround: match what is there"),
    (
        "invalid perl operator: (?!",
        "looks ahead",
        "RE2 has no lookaround: give what it excludes a class of its own",
    ),
    ("invalid perl operator: (?<", "looks behind", "RE2 has no lookaround: match what is there"),
    ("invalid named capture", "looks behind", "RE2 has no lookaround: match what is there"),
    (
        "invalid escape sequence: ",
        "uses a backreference or an unknown escape",
        "write the text out",
    ),
    (
        "invalid perl operator: (?>",
        "uses an atomic group",
        "RE2 never backtracks: write a plain one",
    ),
    ("bad repetition operator", "repeats a repetition", "write one of the operators"),
    ("invalid repetition", "repeats too often", "use * or +, or a count of at most 100"),
    ("pattern too large", "is too large", "use * or + instead of counted repetitions"),
)


def check_pattern(pattern: str, where: str) -> None:
    """Raise ConfigError where `pattern` cannot be used; `where` names its place in the configuration."""
    shown = repr(pattern if len(pattern) <= 60 else f"{pattern[:57]}...")
    reason, hint = refusal(pattern)
    if reason:
        raise ConfigError(f"{where}: pattern {shown} {reason}; {hint}")


def refusal(pattern: str) -> tuple[str, str]:
    """Why a pattern cannot be used and what to do about it; two empty texts where it can."""
    if not pattern.strip():
        return "is empty", "it would match every process; remove it, or write .* if that is meant"
    if len(pattern) > LENGTH_LIMIT:
        return f"has {len(pattern)} characters", f"split it: {LENGTH_LIMIT} are the limit"
    if "\n" in pattern or "\0" in pattern:
        return (
            "holds a line break or a NUL",
            "no name and no command line holds one: remove it",
        )
    try:
        re2.compile(pattern.encode("utf-8", "replace"), _options(_MEMORY[0]))
        compiled = re2.compile(_multiline(pattern), _options(_MEMORY[0]))
    except re2.error as error:
        return _explained(error)
    if compiled.programsize > PROGRAM_LIMIT:
        return "is too large once compiled", "use * or + instead of counted repetitions, or split it"
    return "", ""


def _explained(error: Exception) -> tuple[str, str]:
    said = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
    for start, reason, hint in _REASONS:
        if said.startswith(start):
            return reason, hint
    return f"does not parse ({said})", "see github.com/google/re2/wiki/Syntax"


class PatternSet:
    """Patterns that were checked, as one automaton. The answer for a text is remembered."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = tuple(patterns)
        self._cache: dict[bytes, frozenset[int]] = {}  # by digest: command lines may be long and many
        self._set = self._compiled()

    def __len__(self) -> int:
        return len(self._patterns)

    def match(self, text: bytes) -> frozenset[int]:
        """Indices of the patterns that match somewhere in `text`."""
        if not self._patterns:
            return _NOTHING
        key = blake2b(text, digest_size=16).digest()
        found = self._cache.get(key)
        if found is None:
            found = self._match(text)
            if len(self._cache) >= CACHE_LIMIT:
                for old in list(self._cache)[: CACHE_LIMIT // 2]:
                    del self._cache[old]
            self._cache[key] = found
        return found

    def _match(self, text: bytes) -> frozenset[int]:
        hits = self._set.Match(text) or ()
        if len(self._patterns) in hits:  # the sentinel
            return frozenset(hits) - {len(self._patterns)}
        single = (re2.compile(_multiline(pattern), _options(_MEMORY[0])) for pattern in self._patterns)
        return frozenset(index for index, one in enumerate(single) if one.search(text))

    def _compiled(self) -> re2.Set:
        for memory in _MEMORY:
            patterns = re2.Set.SearchSet(_options(memory))
            for pattern in self._patterns:
                patterns.Add(_multiline(pattern))
            # RE2 answers "nothing" when its automaton outgrows the memory. The empty pattern matches always,
            # so an answer without it is no answer.
            patterns.Add(b"")
            try:
                patterns.Compile()
            except re2.error:
                continue
            return patterns
        raise ConfigError(f"{len(self._patterns)} patterns are too large together; remove or shorten some")


def _multiline(pattern: str) -> bytes:
    return f"(?m:{pattern})".encode("utf-8", "replace")


def _options(memory: int) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.never_nl = True
    options.never_capture = True
    options.max_mem = memory
    return options
