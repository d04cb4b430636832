"""Scores from labels: pods' where there is a cluster, else what unit, slice, user and container say.

The base is the highest `score` among the rules that match. Where only modifiers match, the class's score
stands in for it, and zero where there is no class. Every matching `score_modifier` is added, then the sum is
clamped to 0..1; the order of the rules never matters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from nrdot.score.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nrdot.batch import Floats, Identity, Rows, Table
    from nrdot.score.rules import LabelRule

    LabelsOf = Callable[[Identity], Mapping[str, str]]

CACHE_LIMIT: Final = 8192  # distinct sets of labels whose answer is remembered


@dataclass(frozen=True, slots=True)
class _Answer:
    rules: tuple[int, ...]
    score: float  # NaN where no rule with a score matches
    modifier: float


class LabelPart:
    """`labels_of` adds what the identity's owner does not carry; see `all_labels`."""

    name = "label"

    def __init__(self, rules: Sequence[LabelRule], labels_of: LabelsOf, class_scores: Floats) -> None:
        self._rules = tuple(rules)
        self._labels_of = labels_of
        self._class_scores = class_scores
        self._cache: dict[frozenset[tuple[str, str]], _Answer] = {}

    def score(self, table: Table, rows: Rows) -> Floats:
        if not self._rules:
            return np.full(rows.size, np.nan)
        answers = [self._answer(table.identity[row]) for row in rows.tolist()]
        matched = np.array([bool(answer.rules) for answer in answers], np.bool_)
        start = np.array([answer.score for answer in answers])
        modifier = np.array([answer.modifier for answer in answers])
        known = self._class_scores[table.class_id[rows]]
        base = np.where(np.isnan(start), np.nan_to_num(known, nan=0.0), start)
        return np.where(matched, np.clip(base + modifier, 0.0, 1.0), np.nan)

    def evidence(self, table: Table, row: int) -> tuple[Evidence, ...]:
        """Every rule that matches: the scores, the one that decides first, then the modifiers."""
        matching = [self._rules[index] for index in self._answer(table.identity[row]).rules]
        scored = sorted((rule for rule in matching if rule.score is not None), key=_score, reverse=True)
        found = [
            Evidence(
                rule=f"label_based_scoring {rule.selector.text}",
                value=rule.score,
                note="" if index == 0 else "a rule with a higher score comes first",
                decides=index == 0,
            )
            for index, rule in enumerate(scored)
        ]
        found.extend(
            Evidence(f"label_based_scoring {rule.selector.text}", rule.score_modifier, "is added")
            for rule in matching
            if rule.score_modifier is not None
        )
        return tuple(found)

    def _answer(self, identity: Identity) -> _Answer:
        labels = all_labels(identity, self._labels_of)
        key = frozenset(labels.items())
        found = self._cache.get(key)
        if found is None:
            if len(self._cache) >= CACHE_LIMIT:
                self._cache.clear()
            found = self._cache[key] = self._match(labels)
        return found

    def _match(self, labels: Mapping[str, str]) -> _Answer:
        matching = [index for index, rule in enumerate(self._rules) if rule.selector.matches(labels)]
        rules = [self._rules[index] for index in matching]
        scores = [rule.score for rule in rules if rule.score is not None]
        # fsum rounds once, so that the order of the rules cannot show in the last digit.
        modifier = math.fsum(rule.score_modifier for rule in rules if rule.score_modifier is not None)
        return _Answer(tuple(matching), max(scores, default=math.nan), modifier)


def all_labels(identity: Identity, labels_of: LabelsOf) -> dict[str, str]:
    """All labels of a process, as selectors see them. What its owner itself carries wins."""
    return {**labels_of(identity), **dict(identity.owner.labels)}


def _score(rule: LabelRule) -> float:
    return rule.score if rule.score is not None else math.nan
