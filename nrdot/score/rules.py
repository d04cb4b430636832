"""What the configuration and the packs say about processes, as plain values. `agent/wire.py` builds them.

Each rule checks itself, so a score that is no number or a pattern that RE2 refuses ends the start with one
line, whoever built the rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from nrdot.errors import ConfigError
from nrdot.score.names import glob_pattern
from nrdot.score.pattern_set import check_pattern

if TYPE_CHECKING:
    from nrdot.score.selector import Selector

SPECIAL_HANDLING: Final = frozenset(("no_sampling", "full_audit_trail", "encrypted_storage"))


class Kind(Enum):
    """How much a match says.

    A runtime's class counts only where nothing better is known; a hint, which goes by the form of a name,
    only where nothing else is known at all.
    """

    PROGRAM = "program"
    RUNTIME = "runtime"
    HINT = "hint"


class OwnerKind(Enum):
    """Whose a process is, for classes that take what no name decides."""

    KERNEL = "kernel"
    POD = "pod"
    CONTAINER = "container"
    SERVICE = "service"  # a systemd service of the system
    SESSION = "session"  # a user's session, his own services included
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ClassRule:
    """A class of processes and how one is recognised.

    `programs` are names or shell patterns, letter case aside; `patterns` are regular expressions over each
    name and the command line; `owners` takes what nothing else claims. The user's classes have patterns only.
    """

    name: str
    score: float
    patterns: tuple[str, ...] = ()
    special_handling: frozenset[str] = frozenset()
    requirement: tuple[str, ...] = ()  # for example PCI-DSS
    programs: tuple[str, ...] = ()
    owners: frozenset[OwnerKind] = frozenset()
    kind: Kind = Kind.PROGRAM
    origin: str = "process_classification"

    def __post_init__(self) -> None:
        where = f"{self.origin}.{self.name}"
        if not self.name.strip():
            raise ConfigError(f"{self.origin}: a class without a name; give it one")
        check_share(self.score, f"{where}: score")
        if not (self.patterns or self.programs or self.owners):
            raise ConfigError(f"{where}: no patterns, so it can never match; add one or remove the class")
        unknown = sorted(self.special_handling - SPECIAL_HANDLING)
        if unknown:
            known = ", ".join(sorted(SPECIAL_HANDLING))
            raise ConfigError(f"{where}: unknown special_handling {unknown[0]!r}; known are {known}")
        for pattern in self.patterns:
            check_pattern(pattern, where)

    @property
    def never_filtered(self) -> bool:
        return self.score >= 1.0


@dataclass(frozen=True, slots=True)
class LabelRule:
    """A selector with a score to start from, a modifier to add, or both."""

    selector: Selector
    score: float | None = None
    score_modifier: float | None = None

    def __post_init__(self) -> None:
        where = f"label_based_scoring {self.selector.text!r}"
        if self.score is None and self.score_modifier is None:
            raise ConfigError(f"{where}: the rule changes nothing; give it a score or a score_modifier")
        if self.score is not None:
            check_share(self.score, f"{where}: score")
        if self.score_modifier is not None and not -1.0 <= self.score_modifier <= 1.0:
            raise ConfigError(f"{where}: score_modifier {self.score_modifier} is not between -1 and 1")


@dataclass(frozen=True, slots=True)
class OverrideRule:
    """What the user decided for processes by name, whatever else is known of them."""

    process: str  # a name or a shell pattern
    force_collect: bool = False
    importance: float | None = None
    reason: str = ""
    expires_ns: int | None = None  # Unix time; None never
    requirement: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"overrides {self.process!r}"
        if self.importance is not None:
            check_share(self.importance, f"{where}: importance")
        if not self.process.strip():
            raise ConfigError("overrides: an entry without a process; name one, shell patterns allowed")
        check_pattern(glob_pattern(self.process), where)


@dataclass(frozen=True, slots=True)
class BusinessRule:
    """What a service is worth to the business. All conditions given must hold; shell patterns allowed."""

    score: float
    process: str = ""  # any name of the process
    unit: str = ""
    namespace: str = ""
    user: str = ""
    selector: Selector | None = None
    reason: str = ""
    requirement: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"business_rules {self.title!r}"
        check_share(self.score, f"{where}: score")
        if not (self.process or self.unit or self.namespace or self.user or self.selector):
            raise ConfigError(
                "business_rules: a rule names nothing; give it a process, unit, namespace, user or selector"
            )
        for glob in (self.process, self.unit, self.namespace, self.user):
            if glob:
                check_pattern(glob_pattern(glob), where)

    @property
    def title(self) -> str:
        """The conditions, as a person would write them."""
        given = (
            ("process", self.process),
            ("unit", self.unit),
            ("namespace", self.namespace),
            ("user", self.user),
            ("selector", self.selector.text if self.selector else ""),
        )
        return " ".join(f"{key}={value}" for key, value in given if value)


def check_share(value: float, where: str) -> None:
    """Scores, importances and values go from 0 to 1."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ConfigError(f"{where} {value!r} is not a number; write one between 0 and 1")
    if not 0.0 <= value <= 1.0:
        raise ConfigError(f"{where} {value} is not between 0 and 1; 1.0 is never filtered, 0 matters least")
