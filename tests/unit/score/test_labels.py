from __future__ import annotations

import numpy as np
import pytest

from nrdot.batch import Owner
from nrdot.errors import ConfigError
from nrdot.score.labels import LabelPart
from nrdot.score.rules import LabelRule
from nrdot.score.selector import parse_selector
from nrdot.testing.stages.scoring import process, table_of

SCENARIO = (
    ("tier=frontend", 0.8, None),
    ("tier=backend", 0.7, None),
    ("tier=database", 0.9, None),
    ("env=production", None, +0.1),
    ("env=staging", None, -0.2),
)


def part(*rules, class_scores=(np.nan,)) -> LabelPart:
    built = [LabelRule(parse_selector(text), score, modifier) for text, score, modifier in rules]
    return LabelPart(built, lambda _: {}, np.array(class_scores))


def pod(**labels: str):
    return process("app", owner=Owner(pod_uid="u", labels=tuple(labels.items())))


def test_the_scenarios_rules_give_the_scenarios_scores() -> None:
    table = table_of(
        pod(tier="frontend"),
        pod(tier="database", env="production"),
        pod(tier="backend", env="staging"),
        pod(tier="frontend", env="production"),
        pod(app="x"),
    )
    assert part(*SCENARIO).score(table, table.living()) == pytest.approx(
        [0.8, 1.0, 0.5, 0.9, np.nan], nan_ok=True
    )


def test_the_highest_score_is_the_base_and_every_modifier_is_added_then_clamped() -> None:
    labels = part(("a", 0.2, None), ("b", 0.6, None), ("c", None, 0.3), ("d", None, 0.4), ("e", None, -1.0))
    table = table_of(
        pod(a="", b=""), pod(a="", b="", c="", d=""), pod(a="", e=""), pod(b="", c="", d="", e="")
    )
    assert labels.score(table, table.living()) == pytest.approx([0.6, 1.0, 0.0, 0.3])


def test_where_only_modifiers_match_they_start_from_the_class_or_from_nothing() -> None:
    labels = part(("env=production", None, 0.1), class_scores=(np.nan, 0.5))
    table = table_of(pod(env="production"), pod(env="production"))
    table.class_id[0] = 1
    assert labels.score(table, table.living()) == pytest.approx([0.6, 0.1])


def test_a_rule_may_both_score_and_modify() -> None:
    labels = part(("tier=db", 0.5, 0.2), ("env", None, 0.1))
    table = table_of(pod(tier="db", env="x"))
    assert labels.score(table, table.living()) == pytest.approx([0.8])


def test_the_owners_own_labels_win_over_those_that_are_looked_up() -> None:
    labels = LabelPart(
        [LabelRule(parse_selector("tier=own"), 0.9)], lambda _: {"tier": "looked-up"}, np.array([np.nan])
    )
    table = table_of(pod(tier="own"), pod(x="y"))
    assert labels.score(table, table.living()) == pytest.approx([0.9, np.nan], nan_ok=True)


def test_labels_that_are_looked_up_count_where_the_owner_has_none() -> None:
    labels = LabelPart(
        [LabelRule(parse_selector("user=anna"), 0.3)], lambda one: {"user": one.user}, np.array([np.nan])
    )
    table = table_of(process("x", user="anna"), process("x", user="bert"))
    assert labels.score(table, table.living()) == pytest.approx([0.3, np.nan], nan_ok=True)


def test_without_rules_labels_have_nothing_to_say() -> None:
    table = table_of(pod(tier="x"))
    assert np.isnan(part().score(table, table.living())).all()


def test_the_evidence_tells_the_base_what_came_second_and_what_was_added() -> None:
    labels = part(("a", 0.2, None), ("b", 0.6, None), ("c", None, 0.3))
    found = labels.evidence(table_of(pod(a="", b="", c="")), 0)
    assert [(one.rule, one.value, one.decides, one.note) for one in found] == [
        ("label_based_scoring b", 0.6, True, ""),
        ("label_based_scoring a", 0.2, False, "a rule with a higher score comes first"),
        ("label_based_scoring c", 0.3, True, "is added"),
    ]


@pytest.mark.parametrize(
    ("score", "modifier", "says"),
    [
        (None, None, "the rule changes nothing"),
        (1.5, None, "score 1.5 is not between 0 and 1"),
        (float("nan"), None, "score nan is not a number"),
        (None, 1.5, "score_modifier 1.5 is not between -1 and 1"),
        (None, -1.5, "score_modifier -1.5 is not between -1 and 1"),
        (None, float("nan"), "score_modifier nan is not between -1 and 1"),
    ],
)
def test_a_rule_without_a_usable_number_is_refused(score: float, modifier: float, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        LabelRule(parse_selector("a=b"), score, modifier)
    assert says in str(refused.value)
