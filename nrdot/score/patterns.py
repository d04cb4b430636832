"""The class of a process: the user's own classes first, then what the packs know.

More than one class may claim a process. The first of these that tells them apart decides:

1. The user's classes come before the packs'.
2. In the packs, what says more precisely what runs: a pattern or what a runtime runs, then the program's
   name, then a family of names (a shell pattern), then the systemd unit's name, then the runtime itself, then
   whose the process is, then the form of its name.
3. The higher score.
4. The order in which they are written.

The special handling of every class of the user's that claims a process applies to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import numpy as np

from nrdot.errors import ConfigError
from nrdot.score.evidence import Evidence
from nrdot.score.names import full_text, glob_pattern, is_glob, names_of, unit_stem
from nrdot.score.pattern_set import CACHE_LIMIT, PatternSet
from nrdot.score.rules import ClassRule, Kind, OwnerKind
from nrdot.score.subject import stem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from nrdot.batch import Flags, Floats, Identity, Rows, Table

    _Outcome = tuple[int, frozenset[str]]

CLASSES_LIMIT: Final = 10_000
KERNEL_NAME_LIMIT: Final = 15  # bytes that the kernel keeps of a program's name


class Precision(IntEnum):
    """How exactly a claim knows the process; the lowest wins."""

    OWN = 0
    LINE = 1
    PROGRAM = 2
    FAMILY = 3
    UNIT = 4
    RUNTIME = 5
    OWNER = 6
    HINT = 7


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """A class that says "mine". They sort by what decides between them."""

    precision: Precision
    below_one: float  # 1 - score: the higher score sorts first
    class_id: int
    what: str


class PatternPart:
    """Writes `class_id`. Class 0 is none; the others stand in `classes` in the order of their ids."""

    name = "pattern"

    def __init__(self, own: Sequence[ClassRule], packs: Sequence[ClassRule] = ()) -> None:
        rules = (*own, *packs)
        if len(rules) > CLASSES_LIMIT:
            raise ConfigError(f"{len(rules)} classes; {CLASSES_LIMIT} are the limit")
        _refuse_twins(own)
        self.classes: tuple[ClassRule | None, ...] = (None, *rules)
        self.class_names: tuple[str, ...] = ("", *(rule.name for rule in rules))
        self.class_scores: Floats = np.array([np.nan, *(rule.score for rule in rules)])
        self._never: Flags = np.array([False, *(rule.never_filtered for rule in rules)])
        self._own = len(own)
        # Of thousands of names nearly each belongs to one class: these share that class's tuple.
        self._programs: dict[str, tuple[int, ...]] = {}
        self._cut_programs: dict[str, tuple[int, ...]] = {}  # long names, as the kernel cuts them
        self._owners: dict[OwnerKind, list[int]] = {}
        self._lines: list[tuple[int, Precision, str, str]] = []  # beside each pattern of the set
        self._handling: dict[str, Flags] = {}
        self._outcomes: dict[tuple[bytes, OwnerKind, str], _Outcome] = {}
        self._set = PatternSet(list(self._index(rules)))

    def score(self, table: Table, rows: Rows) -> Floats:
        ids = np.zeros(rows.size, np.int32)
        for handled in self._handling.values():
            handled[rows[rows < handled.size]] = False
        for index, row in enumerate(rows.tolist()):
            ids[index], special = self._outcome(table.identity[row])
            for handling in special:
                self._grown(handling, table.capacity)[row] = True
        table.class_id[rows] = ids
        return self.class_scores[ids]

    def never_filtered(self, class_ids: NDArray[np.int32]) -> Flags:
        """Which of these classes have the score 1.0."""
        return self._never[class_ids]

    def handled(self, special: str, capacity: int) -> Flags:
        """The column of the processes that a class with this special handling claims."""
        return self._grown(special, capacity)

    def classify(self, identity: Identity) -> ClassRule | None:
        """The class of a process that is in no table."""
        claims = self._claims(identity)
        return self.classes[min(claims).class_id] if claims else None

    def evidence(self, table: Table, row: int) -> tuple[Evidence, ...]:
        """Every claim, the one that decides first."""
        claims = sorted(self._claims(table.identity[row]))
        return tuple(
            Evidence(
                rule=f"{rule.origin}.{rule.name} {claim.what}",
                value=rule.score,
                note="" if index == 0 else self._why_not(claims[0], claim),
                decides=index == 0,
            )
            for index, claim in enumerate(claims)
            if (rule := self.classes[claim.class_id]) is not None
        )

    def requirements(self, identity: Identity) -> tuple[str, ...]:
        """The requirement tags of every class that claims the process."""
        claimed = (self.classes[claim.class_id] for claim in sorted(self._claims(identity)))
        return tuple(dict.fromkeys(tag for rule in claimed if rule is not None for tag in rule.requirement))

    def _index(self, rules: Sequence[ClassRule]) -> Iterator[str]:
        """File every rule where `_claims` looks for it; the patterns of the set in their order."""
        for class_id, rule in enumerate(rules, 1):
            only = (class_id,)
            precision = Precision.OWN if class_id <= self._own else _OF_PATTERNS[rule.kind]
            for pattern in rule.patterns:
                self._lines.append((class_id, precision, "pattern", pattern))
                yield pattern
            family = _OF_FAMILIES[rule.kind]
            for program in rule.programs:
                if is_glob(program):
                    self._lines.append((class_id, family, "program", program))
                    yield f"(?i){glob_pattern(program)}"
                    continue
                lower = program.lower()
                key = program if program == lower else lower  # no second copy
                _add(self._programs, key, only)
                if len(key) > KERNEL_NAME_LIMIT:
                    _add(self._cut_programs, key[:KERNEL_NAME_LIMIT], only)
            for owner in rule.owners:
                self._owners.setdefault(owner, []).append(class_id)

    def _outcome(self, identity: Identity) -> _Outcome:
        """Class and special handling, once for each distinct text, unit and kind of owner."""
        text, owner = full_text(identity), owner_kind(identity)
        key = (blake2b(text, digest_size=16).digest(), owner, identity.owner.unit)
        found = self._outcomes.get(key)
        if found is None:
            claims = self._claims(identity)
            own = (self.classes[claim.class_id] for claim in claims if claim.precision is Precision.OWN)
            special = frozenset(word for rule in own if rule is not None for word in rule.special_handling)
            found = (min(claims).class_id if claims else 0, special)
            if len(self._outcomes) >= CACHE_LIMIT:
                for old in list(self._outcomes)[: CACHE_LIMIT // 2]:
                    del self._outcomes[old]
            self._outcomes[key] = found
        return found

    def _claims(self, identity: Identity) -> set[Claim]:
        """One claim for each class at each precision and reason. Kernel threads borrow programs' names."""
        claims = {
            self._claim(class_id, precision, f"{kind} {text}")
            for class_id, precision, kind, text in map(
                self._lines.__getitem__, self._set.match(full_text(identity))
            )
            if precision is Precision.OWN or not identity.kernel
        }
        owner = owner_kind(identity)
        claims.update(
            self._claim(one, Precision.OWNER, f"owner {owner.value}") for one in self._owners.get(owner, ())
        )
        if not identity.kernel:
            claims.update(self._named(identity))
        return claims

    def _named(self, identity: Identity) -> Iterator[Claim]:
        names = names_of(identity)
        if names.subject:
            yield from self._program(names.subject, Precision.LINE)
        for name in dict.fromkeys((names.name, names.command, names.executable)):
            yield from self._program(name, Precision.PROGRAM)
        unit = unit_stem(identity.owner.unit)
        if unit:
            yield from self._program(unit, Precision.UNIT)

    def _program(self, name: str, precision: Precision) -> Iterator[Claim]:
        """Classes that list this program: as it is, without suffix and version, or as the kernel cuts it."""
        key = name.lower()
        spellings = (key, key.removesuffix(".exe"), _without_suffix(key), stem(key))
        found = next((self._programs[word] for word in spellings if word in self._programs), ())
        if not found and len(key) == KERNEL_NAME_LIMIT:
            found = self._cut_programs.get(key, ())
        for class_id in found:
            rule = self.classes[class_id]
            weak = rule is not None and rule.kind is not Kind.PROGRAM
            best = _OF_FAMILIES[rule.kind] if rule is not None and weak else precision
            yield self._claim(class_id, best, f"{_WORD[precision]} {name}")

    def _claim(self, class_id: int, precision: Precision, what: str) -> Claim:
        return Claim(precision, 1.0 - float(self.class_scores[class_id]), class_id, what)

    def _grown(self, special: str, capacity: int) -> Flags:
        column = self._handling.get(special)
        if column is None or column.size < capacity:
            wider: Flags = np.zeros(capacity, np.bool_)
            if column is not None:
                wider[: column.size] = column
            column = self._handling[special] = wider
        return column

    def _why_not(self, winner: Claim, loser: Claim) -> str:
        name = self.class_names[winner.class_id]
        if loser.class_id == winner.class_id:
            return "says the same"
        if winner.precision != loser.precision:
            return (
                f"{name} comes first: {_PRECEDENCE[winner.precision]} before {_PRECEDENCE[loser.precision]}"
            )
        if winner.below_one != loser.below_one:
            return f"{name} comes first: the higher score"
        return f"{name} comes first: the order in which they are written"


_OF_PATTERNS: Final = {
    Kind.PROGRAM: Precision.LINE,
    Kind.RUNTIME: Precision.RUNTIME,
    Kind.HINT: Precision.HINT,
}
_OF_FAMILIES: Final = {
    Kind.PROGRAM: Precision.FAMILY,
    Kind.RUNTIME: Precision.RUNTIME,
    Kind.HINT: Precision.HINT,
}
_WORD: Final = {Precision.LINE: "runs", Precision.PROGRAM: "program", Precision.UNIT: "unit"}
_PRECEDENCE: Mapping[Precision, str] = {
    Precision.OWN: "your own classes",
    Precision.LINE: "what exactly runs",
    Precision.PROGRAM: "the program's name",
    Precision.FAMILY: "the family of names",
    Precision.UNIT: "the systemd unit",
    Precision.RUNTIME: "the runtime",
    Precision.OWNER: "whose it is",
    Precision.HINT: "the form of its name",
}


def owner_kind(identity: Identity) -> OwnerKind:
    """Whose process this is, the innermost first."""
    owner = identity.owner
    if identity.kernel:
        return OwnerKind.KERNEL
    if owner.pod_uid or owner.pod:
        return OwnerKind.POD
    if owner.container:
        return OwnerKind.CONTAINER
    if owner.slice.startswith("user") or owner.unit.startswith(("user@", "session-")):
        return OwnerKind.SESSION
    if owner.unit.endswith(".service"):
        return OwnerKind.SERVICE
    return OwnerKind.OTHER


def _add(index: dict[str, tuple[int, ...]], key: str, more: tuple[int, ...]) -> None:
    index[key] = index[key] + more if key in index else more


def _without_suffix(name: str) -> str:
    """A script's or archive's name without its ending and version: jenkins for jenkins.war."""
    bare, dot, suffix = name.rpartition(".")
    return stem(bare) if dot and suffix in _SUFFIXES else name


_SUFFIXES: Final = frozenset(
    ["py", "pl", "rb", "js", "cjs", "mjs", "ts", "php", "sh", "jar", "war", "dll", "exe", "lua"]
)


def _refuse_twins(own: Sequence[ClassRule]) -> None:
    seen: set[str] = set()
    for rule in own:
        if rule.name in seen:
            raise ConfigError(f"{rule.origin}.{rule.name}: the class is there twice; join the two")
        seen.add(rule.name)
