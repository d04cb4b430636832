"""Scores against plain arithmetic, whatever the rules and whatever happens to the rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nrdot.batch import Owner
from nrdot.score.business import BusinessPart, Overrides
from nrdot.score.combine import CompositeScorer, Weights
from nrdot.score.incident_file import Incident
from nrdot.score.incidents import IncidentPart
from nrdot.score.labels import LabelPart
from nrdot.score.model import ModelPart
from nrdot.score.patterns import PatternPart
from nrdot.score.rules import BusinessRule, ClassRule, LabelRule, OverrideRule
from nrdot.score.selector import parse_selector
from nrdot.testing.clock import NOON_NS, ManualClock
from nrdot.testing.stages.scoring import batch_of, process, table_of

NAMES = ("alpha", "beta", "gamma", "delta")
shares = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))
names = st.sampled_from(NAMES)
identities = st.builds(
    lambda name, labels: process(name, owner=Owner(labels=tuple(labels.items()))),
    names,
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy")),
)
classes = st.lists(st.builds(lambda name, score: (name, score), names, shares), max_size=4)
modifiers = st.floats(-1, 1)
label_rules = st.lists(
    st.builds(
        lambda key, value, score, modifier: (f"{key}={value}", score, modifier if score is None else None),
        st.sampled_from("abc"), st.sampled_from("xy"), st.none() | shares, modifiers,
    ),
    max_size=5,
)  # fmt: skip
override_rules = st.lists(
    st.builds(OverrideRule, names, force_collect=st.booleans(), importance=st.none() | shares), max_size=3
)
business_rules = st.lists(
    st.builds(lambda name, score: BusinessRule(score, process=name), names, shares), max_size=3
)
past = st.lists(
    st.builds(lambda name, severity: Incident(NOON_NS, severity, (name,)), names, shares), max_size=3
)
weight = st.just(0.0) | st.floats(0.001, 1)
weights = st.builds(Weights, weight, weight, weight, st.floats(0.01, 1))
everything = st.fixed_dictionaries({
    "own": classes, "labels": label_rules, "business": business_rules, "incidents": past,
    "overrides": override_rules, "weight": weights,
})  # fmt: skip


def build(*, own=(), labels=(), business=(), incidents=(), overrides=(), weight=None) -> CompositeScorer:
    clock = ManualClock()
    patterns = PatternPart(
        [ClassRule(f"c{number}", score, (f"^{name}$",)) for number, (name, score) in enumerate(own)]
    )
    rules = [LabelRule(parse_selector(text), score, modifier) for text, score, modifier in labels]
    return CompositeScorer(
        patterns=patterns,
        labels=LabelPart(rules, lambda _: {}, patterns.class_scores),
        model=ModelPart(None, patterns.class_scores),
        business=BusinessPart(business, lambda _: {}),
        incidents=IncidentPart(incidents, 1e6, clock),
        overrides=Overrides(overrides, clock),
        clock=clock,
        weights=weight or Weights(),
    )


def plainly(identity, *, own, labels, business, incidents, overrides, weight) -> tuple[float, bool]:
    """The same as one would compute it on paper."""
    name, has = identity.name, dict(identity.owner.labels)
    claims = [score for one, score in own if one == name]
    pattern = max(claims, default=math.nan)
    matching = [(score, modifier) for text, score, modifier in labels if has.get(text[0]) == text[2]]
    base = pattern
    if matching:
        start = max(
            (score for score, _ in matching if score is not None), default=0.0 if not claims else pattern
        )
        added = sum(modifier for _, modifier in matching if modifier is not None)
        base = min(max(start + added, 0.0), 1.0)
    value = max((rule.score for rule in business if rule.process == name), default=math.nan)
    survived = [1 - one.severity for one in incidents if name in one.services]
    history = 1 - math.prod(survived) if survived else math.nan
    history = history if history >= 0.01 else math.nan
    parts = [(base, weight.pattern), (value, weight.business), (history, weight.incident)]
    present = [(part, share) for part, share in parts if not math.isnan(part)]
    total = sum(share for _, share in present)
    score = sum(part * share for part, share in present) / total if total else 0.0
    mine = [rule for rule in overrides if rule.process == name]
    given_importance = [rule.importance for rule in mine if rule.importance is not None]
    never = any(score == 1.0 for score in claims) or any(rule.force_collect for rule in mine)
    return max(given_importance, default=score), never


@settings(max_examples=150, deadline=None)
@given(st.lists(identities, min_size=1, max_size=6), everything)
def test_scores_are_what_plain_arithmetic_gives_and_the_never_filtered_are_exactly_those_promised(
    given_identities, rules
) -> None:
    table = table_of(*given_identities)
    build(**rules).score(batch_of(table))
    for row, identity in enumerate(given_identities):
        score, never = plainly(identity, **rules)
        assert table.score[row] == pytest.approx(score, abs=1e-9)
        assert table.never_filtered[row] == never
        assert 0.0 <= table.score[row] <= 1.0


@settings(max_examples=80, deadline=None)
@given(st.data(), everything)
def test_looking_only_at_what_changed_gives_what_looking_at_everybody_gives(data, rules) -> None:
    table, stage = table_of(), build(**rules)
    for _ in range(data.draw(st.integers(1, 6))):
        living = table.living().tolist()
        for row in data.draw(st.sets(st.sampled_from(living)) if living else st.just(set())):
            table.close_row(row)
        if data.draw(st.booleans()):
            table.release()
        renamed = [row for row in table.living().tolist() if data.draw(st.booleans())]
        for row in renamed:
            table.identity[row] = data.draw(identities)
        born = []
        for identity in data.draw(st.lists(identities, max_size=3)):
            born.append(table.open_row(1, 1))
            table.identity[born[-1]] = identity
        stage.score(batch_of(table, born=born, named=born + renamed, moved=born))
        living = table.living()
        scores, never, numbers = table.score[living], table.never_filtered[living], table.class_id[living]
        build(**rules).score(batch_of(table))
        assert np.array_equal(scores, table.score[living])
        assert np.array_equal(never, table.never_filtered[living])
        assert np.array_equal(numbers, table.class_id[living])


@settings(max_examples=100, deadline=None)
@given(st.data(), st.lists(identities, min_size=1, max_size=4), label_rules)
def test_the_order_of_label_rules_never_matters(data, given_identities, labels) -> None:
    table = table_of(*given_identities)
    scores = []
    for order in (labels, data.draw(st.permutations(labels))):
        rules = [LabelRule(parse_selector(text), score, modifier) for text, score, modifier in order]
        scores.append(LabelPart(rules, lambda _: {}, np.array([np.nan])).score(table, table.living()))
    assert np.array_equal(*scores, equal_nan=True)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=300), st.text(max_size=60))
def test_no_words_of_a_process_ever_raise(name: str, command: str, line: str, executable: str) -> None:
    table = table_of(process(line, name=name, command=command, executable=executable))
    incidents = [Incident(NOON_NS, 1.0, ("x",))]
    stage = build(own=[("x", 1.0)], incidents=incidents, overrides=[OverrideRule("x*", True)])
    stage.score(batch_of(table))
    stage.explain(table, 0)
    assert 0.0 <= table.score[0] <= 1.0
