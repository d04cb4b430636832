"""What people decided: overrides for processes by name, and what services are worth to the business.

Among several overrides that match, the highest `importance` counts, and one `force_collect` is enough. An
override that has expired is as if it were not there. Among business rules the highest score counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nrdot.score.evidence import Evidence
from nrdot.score.labels import all_labels
from nrdot.score.names import glob_pattern, is_glob, names_of, names_text
from nrdot.score.pattern_set import PatternSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nrdot.batch import Flags, Floats, Identity, Rows, Table
    from nrdot.clock import Clock
    from nrdot.score.labels import LabelsOf
    from nrdot.score.rules import BusinessRule, OverrideRule


@dataclass(frozen=True, slots=True)
class UnmatchedOverride:
    """An override that no process has answered to yet."""

    override: OverrideRule
    nearest: tuple[str, ...]  # names of processes that it may have meant

    def __str__(self) -> str:
        near = f"; nearest: {', '.join(self.nearest)}" if self.nearest else ""
        return f"overrides {self.override.process!r}: no process has this name{near}; it has no effect so far"


class Overrides:
    """`force_collect` and `importance` for the rows that the scorer asks about."""

    def __init__(self, rules: Sequence[OverrideRule], clock: Clock) -> None:
        self.rules = tuple(rules)
        self._clock = clock
        self._set = PatternSet([glob_pattern(rule.process) for rule in self.rules])
        self._met: set[int] = set()

    def look(self, table: Table, rows: Rows) -> tuple[Flags, Floats]:
        """For each of `rows`: is it forced, and its importance or NaN."""
        forced = np.zeros(rows.size, np.bool_)
        importance = np.full(rows.size, np.nan)
        if not self.rules:
            return forced, importance
        now = self._clock.wall_ns()
        for index, row in enumerate(rows.tolist()):
            for rule in self._valid(table.identity[row], now):
                forced[index] |= rule.force_collect
                if rule.importance is not None:
                    importance[index] = np.fmax(importance[index], rule.importance)
        return forced, importance

    def next_expiry_ns(self) -> int | None:
        """When the next override ends, so that its processes are looked at again."""
        now = self._clock.wall_ns()
        return min(
            (rule.expires_ns for rule in self.rules if rule.expires_ns and rule.expires_ns > now),
            default=None,
        )

    def evidence(self, table: Table, row: int) -> tuple[Evidence, ...]:
        now = self._clock.wall_ns()
        found = []
        for index in sorted(self._set.match(names_text(table.identity[row]))):
            rule = self.rules[index]
            valid = not _expired(rule, now)
            words = ["force_collect"] if rule.force_collect else []
            words += [rule.reason] if rule.reason else []
            words += [] if valid else ["expired"]
            found.append(
                Evidence(f"overrides {rule.process}", rule.importance, ", ".join(words), decides=valid)
            )
        return tuple(found)

    def forcing(self, identity: Identity) -> tuple[str, ...]:
        """The overrides that make the process never-filtered."""
        valid = self._valid(identity, self._clock.wall_ns())
        return tuple(f"overrides {rule.process} says force_collect" for rule in valid if rule.force_collect)

    def requirements(self, identity: Identity) -> tuple[str, ...]:
        valid = self._valid(identity, self._clock.wall_ns())
        return tuple(dict.fromkeys(tag for rule in valid for tag in rule.requirement))

    def unmatched(self, names: Iterable[str]) -> tuple[UnmatchedOverride, ...]:
        """The overrides that matched nothing since the start, with the nearest among `names`."""
        known = sorted(set(names))
        return tuple(
            UnmatchedOverride(rule, tuple(_nearest(rule.process, known)))
            for index, rule in enumerate(self.rules)
            if index not in self._met and not _expired(rule, self._clock.wall_ns())
        )

    def _valid(self, identity: Identity, now: int) -> list[OverrideRule]:
        matched = self._set.match(names_text(identity))
        self._met |= matched
        return [self.rules[index] for index in sorted(matched) if not _expired(self.rules[index], now)]


class BusinessPart:
    """Each kind of condition is one pass over its own word; a rule matches where all passes agree."""

    name = "business"

    def __init__(self, rules: Sequence[BusinessRule], labels_of: LabelsOf) -> None:
        self.rules = tuple(rules)
        self._labels_of = labels_of
        self._process = _Condition([rule.process for rule in rules])
        self._unit = _Condition([rule.unit for rule in rules])
        self._namespace = _Condition([rule.namespace for rule in rules])
        self._user = _Condition([rule.user for rule in rules])
        self._selected = any(rule.selector for rule in rules)

    def score(self, table: Table, rows: Rows) -> Floats:
        values = np.full(rows.size, np.nan)
        if self.rules:
            for index, row in enumerate(rows.tolist()):
                matching = self._matching(table.identity[row])
                if matching:
                    values[index] = max(self.rules[at].score for at in matching)
        return values

    def evidence(self, table: Table, row: int) -> tuple[Evidence, ...]:
        """Every rule that matches, the one that decides first."""
        rules = [self.rules[at] for at in sorted(self._matching(table.identity[row]))]
        rules.sort(key=lambda rule: -rule.score)
        return tuple(
            Evidence(f"business_rules {rule.title}", rule.score, rule.reason, decides=index == 0)
            for index, rule in enumerate(rules)
        )

    def requirements(self, identity: Identity) -> tuple[str, ...]:
        rules = (self.rules[at] for at in sorted(self._matching(identity)))
        return tuple(dict.fromkeys(tag for rule in rules for tag in rule.requirement))

    def _matching(self, identity: Identity) -> frozenset[int]:
        owner = identity.owner
        matching = (
            self._process.holds(names_text(identity))
            & self._unit.holds(owner.unit.encode())
            & self._namespace.holds(owner.namespace.encode())
            & self._user.holds(identity.user.encode())
        )
        if not matching or not self._selected:
            return matching
        labels = all_labels(identity, self._labels_of)
        return frozenset(
            at for at in matching if (one := self.rules[at].selector) is None or one.matches(labels)
        )


class _Condition:
    """The shell patterns of one kind of word, and the rules that do not ask for it."""

    def __init__(self, globs: Sequence[str]) -> None:
        self._asked = [index for index, glob in enumerate(globs) if glob]
        self._free = frozenset(range(len(globs))).difference(self._asked)
        self._set = PatternSet([glob_pattern(glob) for glob in globs if glob])

    def holds(self, text: bytes) -> frozenset[int]:
        return self._free.union(self._asked[at] for at in self._set.match(text))


def _expired(rule: OverrideRule, now: int) -> bool:
    return rule.expires_ns is not None and rule.expires_ns <= now


def _nearest(glob: str, names: Sequence[str]) -> list[str]:
    """Names that are spelled alike come first, then those that begin alike."""
    import difflib  # only mistakes need it

    literal = "".join(letter for letter in glob if not is_glob(letter)).strip("-_.")
    stem = literal[:4].lower()
    alike = [name for name in names if len(stem) > 2 and name.lower().startswith(stem)]
    spelled = difflib.get_close_matches(literal, names, n=3, cutoff=0.6)
    return list(dict.fromkeys((*spelled, *alike)))[:3]


def process_names(identities: Iterable[Identity]) -> set[str]:
    """The names that overrides can match, for `unmatched`."""
    return {name for identity in identities for name in names_of(identity).distinct()}
