from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nrdot.batch import Gauge, Owner, Table
from nrdot.errors import ConfigError
from nrdot.score.business import BusinessPart, Overrides
from nrdot.score.combine import CompositeScorer, Weights
from nrdot.score.incident_file import Incident
from nrdot.score.incidents import IncidentPart
from nrdot.score.labels import LabelPart
from nrdot.score.model import ModelPart
from nrdot.score.model_file import load_model
from nrdot.score.patterns import PatternPart
from nrdot.score.rules import BusinessRule, ClassRule, LabelRule, OverrideRule
from nrdot.score.selector import parse_selector
from nrdot.testing.clock import NOON_NS, ManualClock
from nrdot.testing.recordings.models import save_stump
from nrdot.testing.stages.scoring import batch_of, process, table_of

HOUR_NS = 3600 * 10**9


def scorer(
    *,
    classes=(),
    labels=(),
    business=(),
    incidents=(),
    overrides=(),
    model=None,
    clock: ManualClock | None = None,
    weights: Weights | None = None,
) -> CompositeScorer:
    clock = clock or ManualClock()
    patterns = PatternPart(classes)
    return CompositeScorer(
        patterns=patterns,
        labels=LabelPart(labels, lambda _: {}, patterns.class_scores),
        model=ModelPart(model, patterns.class_scores),
        business=BusinessPart(business, lambda _: {}),
        incidents=IncidentPart(incidents, 30 * 86400.0, clock),
        overrides=Overrides(overrides, clock),
        clock=clock,
        weights=weights or Weights(),
    )


def label(text: str, score: float | None = None, modifier: float | None = None) -> LabelRule:
    return LabelRule(parse_selector(text), score, modifier)


def scored(stage: CompositeScorer, *identities) -> Table:
    table = table_of(*identities)
    stage.score(batch_of(table))
    return table


CLASSES = (ClassRule("db", 0.9, ("^db",)), ClassRule("phi", 1.0, ("^phi",)))
BUSINESS = (BusinessRule(0.5, process="db*"),)
INCIDENTS = (Incident(NOON_NS, 0.2, ("db",)),)


def test_all_five_parts_make_the_composite_of_the_scenarios(tmp_path) -> None:
    save_stump(tmp_path / "m.json")
    table = table_of(process("db"))
    table.cpu[0] = 1.0
    stage = scorer(
        classes=CLASSES, business=BUSINESS, incidents=INCIDENTS, model=load_model(tmp_path / "m.json")
    )
    stage.score(batch_of(table))
    model = 1 / (1 + np.exp(-2))
    assert table.score[0] == pytest.approx(0.4 * 0.9 + 0.3 * model + 0.2 * 0.5 + 0.1 * 0.2)


def test_an_absent_part_gives_its_weight_to_the_others_in_proportion() -> None:
    alone = scored(scorer(classes=CLASSES), process("db"))
    assert alone.score[0] == pytest.approx(0.9)
    two = scored(scorer(classes=CLASSES, business=BUSINESS), process("db"))
    assert two.score[0] == pytest.approx((0.4 * 0.9 + 0.2 * 0.5) / 0.6)
    without_class = scored(scorer(business=BUSINESS, incidents=INCIDENTS), process("db"))
    assert without_class.score[0] == pytest.approx((0.2 * 0.5 + 0.1 * 0.2) / 0.3)


def test_a_process_of_which_nothing_is_known_scores_nothing() -> None:
    assert scored(scorer(classes=CLASSES), process("x")).score[0] == 0.0


def test_weights_are_settings_and_a_part_of_weight_zero_does_not_count() -> None:
    stage = scorer(classes=CLASSES, business=BUSINESS, weights=Weights(pattern=0.0, business=2.0))
    table = scored(stage, process("db"))
    assert table.score[0] == pytest.approx(0.5)


def test_where_only_a_part_of_weight_zero_speaks_the_score_is_zero() -> None:
    assert scored(scorer(classes=CLASSES, weights=Weights(pattern=0.0)), process("db")).score[0] == 0.0


def test_labels_take_the_place_of_the_class_and_modify_it_where_they_only_modify() -> None:
    def pod(**labels):
        return process("db", owner=Owner(labels=tuple(labels.items())))

    stage = scorer(classes=CLASSES, labels=(label("tier=cache", 0.3), label("env=staging", None, -0.2)))
    table = scored(
        stage, process("db"), pod(tier="cache"), pod(env="staging"), pod(tier="cache", env="staging")
    )
    assert table.score[:4] == pytest.approx([0.9, 0.3, 0.7, 0.1])


def test_importance_takes_the_place_of_the_composite() -> None:
    stage = scorer(
        classes=CLASSES, overrides=(OverrideRule("db", importance=0.05), OverrideRule("x", importance=1.0))
    )
    table = scored(stage, process("db"), process("x"), process("db2"))
    assert table.score[:3] == pytest.approx([0.05, 1.0, 0.9])
    assert not table.never_filtered[:3].any()


def test_a_class_of_one_and_force_collect_are_never_filtered_whatever_the_score() -> None:
    stage = scorer(
        classes=CLASSES,
        business=(BusinessRule(0.0, process="phi"),),
        overrides=(OverrideRule("low", force_collect=True), OverrideRule("phi", importance=0.0)),
    )
    table = scored(stage, process("phi"), process("low"), process("db"))
    assert table.never_filtered[:3].tolist() == [True, True, False]
    assert table.score[:2] == pytest.approx([0.0, 0.0])


def test_a_new_name_is_scored_anew_and_the_others_are_left_alone() -> None:
    stage = scorer(classes=CLASSES)
    table = scored(stage, process("x"), process("db"))
    table.identity[0] = process("phi")
    table.score[1] = 0.123
    stage.score(batch_of(table, born=[], named=[0], moved=[0]))
    assert table.score[0] == 1.0
    assert table.never_filtered[0]
    assert table.score[1] == 0.123
    table.identity[0] = process("x")
    stage.score(batch_of(table, born=[], named=[0], moved=[0]))
    assert table.score[0] == 0.0
    assert not table.never_filtered[0]


def test_the_model_follows_what_moved_and_leaves_the_rest_its_score(tmp_path) -> None:
    save_stump(tmp_path / "m.json", threshold=0.2)
    stage = scorer(model=load_model(tmp_path / "m.json"))
    table = table_of(process("a"), process("b"))
    stage.score(batch_of(table))
    table.cpu[:2] = 1.0
    stage.score(batch_of(table, born=[], moved=[0]))
    assert table.score[:2] == pytest.approx([0.8808, 0.1192], abs=1e-4)


@pytest.mark.parametrize("seconds", [5.0, 15.0, 60.0, 300.0])
def test_who_fell_asleep_has_its_true_score_within_a_minute(tmp_path, seconds) -> None:
    save_stump(tmp_path / "m.json", threshold=0.5)
    stage = scorer(model=load_model(tmp_path / "m.json"))
    table = table_of(process("a"))
    table.cpu[0] = 1.0
    stage.score(batch_of(table, seconds=seconds))
    assert table.score[0] == pytest.approx(0.8808, abs=1e-4)
    table.cpu[0] = 0.0
    slept = 0.0
    while slept <= 60.0:
        stage.score(batch_of(table, seconds=seconds, born=[], moved=[]))
        slept += seconds
    told = next(part for part in stage.explain(table, 0).parts if part.name == "model")
    assert table.score[0] == told.value == pytest.approx(0.1192, abs=1e-4)


def test_what_explain_shows_of_everybody_is_what_the_first_two_samples_gave(tmp_path) -> None:
    save_stump(tmp_path / "m.json", "rss_rank", 0.4)
    stage = scorer(classes=CLASSES, model=load_model(tmp_path / "m.json"))
    table = table_of(process("db"), process("x"))
    table.gauges[Gauge.RSS, :2] = 10, 20
    stage.score(batch_of(table, seconds=0.0))
    table.gauges[Gauge.RSS, :2] = 30, 20
    stage.score(batch_of(table, seconds=1.0, born=[], moved=[0]))  # the other sleeps, and its rank is another
    for row, model in ((0, 0.8808), (1, 0.1192)):
        found = stage.explain(table, row)
        part = next(part for part in found.parts if part.name == "model")
        assert part.value == part.evidence[0].value == pytest.approx(model, abs=1e-4)
        assert found.score == found.composite == table.score[row]
        assert found.score == pytest.approx(sum((one.value or 0.0) * one.share for one in found.parts))


def test_a_row_that_is_used_again_inherits_nothing() -> None:
    stage = scorer(classes=CLASSES, overrides=(OverrideRule("db", importance=0.7, force_collect=True),))
    table = scored(stage, process("db"))
    table.close_row(0)
    table.release()
    row = table.open_row(5, 5)
    table.identity[row] = process("x")
    stage.score(batch_of(table, born=[row], moved=[row]))
    assert (row, table.score[row], table.never_filtered[row]) == (0, 0.0, False)


def test_an_override_that_ends_is_noticed_at_the_next_batch() -> None:
    clock = ManualClock()
    rule = OverrideRule("db", importance=0.1, force_collect=True, expires_ns=NOON_NS + 60 * 10**9)
    stage = scorer(classes=CLASSES, overrides=(rule,), clock=clock)
    table = scored(stage, process("db"))
    assert table.never_filtered[0]
    clock.advance(60)
    stage.score(batch_of(table, born=[], moved=[]))
    assert not table.never_filtered[0]
    assert table.score[0] == pytest.approx(0.9)


def test_incidents_fade_for_processes_that_stay() -> None:
    clock = ManualClock()
    stage = scorer(incidents=(Incident(NOON_NS, 1.0, ("db",)),), clock=clock)
    table = scored(stage, process("db"))
    clock.advance(30 * 86400)
    stage.score(batch_of(table, born=[], moved=[]))
    assert table.score[0] == pytest.approx(0.5)


def test_labels_that_are_learned_late_are_seen_though_nothing_else_changed() -> None:
    stage = scorer(labels=(label("tier=b", 0.8),))
    table = scored(stage, process("x"), process("y"))
    table.identity[0] = process("x", owner=Owner(labels=(("tier", "b"),)))
    stage.score(batch_of(table, born=[], moved=[], named=[0]))
    assert table.score[:2] == pytest.approx([0.8, 0.0])


def test_columns_follow_a_table_that_grows() -> None:
    stage = scorer(classes=CLASSES)
    table = scored(stage, process("db"))
    born = []
    for number in range(1200):
        born.append(table.open_row(number, 1))
        table.identity[born[-1]] = process("phi")
    stage.score(batch_of(table, born=born, moved=born))
    assert table.score[born] == pytest.approx(1.0)
    assert table.score[0] == pytest.approx(0.9)


def test_parts_are_columns_by_name_with_nan_for_absent() -> None:
    stage = scorer(classes=CLASSES, business=BUSINESS)
    scored(stage, process("db"), process("x"))
    parts = stage.parts(np.array([0, 1]))
    assert list(parts) == ["pattern", "label", "model", "business", "incident"]
    assert parts["pattern"] == pytest.approx([0.9, np.nan], nan_ok=True)
    assert parts["business"] == pytest.approx([0.5, np.nan], nan_ok=True)
    assert np.isnan(parts["label"]).all()


def test_an_explanation_adds_up_to_the_score() -> None:
    stage = scorer(
        classes=(ClassRule("db", 0.9, ("^db",), requirement=("PCI-DSS",)),),
        labels=(label("tier=x", 0.6),),
        business=BUSINESS,
        incidents=INCIDENTS,
    )
    table = scored(stage, process("db", owner=Owner(labels=(("tier", "x"),))))
    told = stage.explain(table, 0)
    assert (told.class_name, told.requirements, told.never_filtered) == ("db", ("PCI-DSS",), False)
    assert [one.name for one in told.parts] == ["pattern", "label", "model", "business", "incident"]
    assert [one.share for one in told.parts] == pytest.approx([0.0, 4 / 7, 0.0, 2 / 7, 1 / 7])
    assert sum((one.value or 0.0) * one.share for one in told.parts) == pytest.approx(told.score)
    assert told.parts[2].value is None
    assert told.parts[0].evidence[0].rule == "process_classification.db pattern ^db"
    assert told.score == told.composite == pytest.approx(table.score[0])


def test_an_explanation_says_what_an_override_changed_and_why_nothing_filters_it() -> None:
    stage = scorer(
        classes=CLASSES, overrides=(OverrideRule("phi*", importance=0.2, force_collect=True, reason="audit"),)
    )
    told = stage.explain(scored(stage, process("phi")), 0)
    assert (told.score, told.composite, told.never_filtered) == (0.2, 1.0, True)
    assert told.because == ("class phi has the score 1.0", "overrides phi* says force_collect")
    assert told.overrides[0].note == "force_collect, audit"


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -0.1])
def test_a_weight_that_is_none_is_refused(wrong: float) -> None:
    with pytest.raises(ConfigError, match=r"weights\.model: .* is not 0 or more"):
        Weights(model=wrong)


def test_weights_that_are_all_zero_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^weights: all are 0; give at least one part a weight$"):
        Weights(0.0, 0.0, 0.0, 0.0)


def test_weights_are_values() -> None:
    assert Weights() == dataclasses.replace(Weights(business=0.7), business=0.2)


def test_after_a_reload_every_row_is_looked_at_even_of_the_dead_and_of_those_that_sleep(tmp_path) -> None:
    save_stump(tmp_path / "m.json", "age", 1.0)
    table = scored(scorer(classes=(*CLASSES, ClassRule("c", 0.1, ("^c",)))), process("db"), process("c"))
    table.close_row(1)
    stage = scorer(classes=(ClassRule("now", 0.8, ("^(db|c)",)),), model=load_model(tmp_path / "m.json"))
    stage.score(batch_of(table, born=[], moved=[]))
    assert [stage.patterns.class_names[number] for number in table.class_id[:2]] == ["now", "now"]
    assert stage.parts(np.array([0]))["model"][0] == pytest.approx(0.8808, abs=1e-4)


def test_the_share_of_a_part_that_is_silent_belongs_to_the_others() -> None:
    stage = scorer(classes=CLASSES, business=BUSINESS)
    told = stage.explain(scored(stage, process("db")), 0)
    assert [one.share for one in told.parts] == pytest.approx([2 / 3, 0.0, 0.0, 1 / 3, 0.0])


def test_overrides_that_nobody_answers_to_are_told_with_the_names_that_they_may_mean() -> None:
    assert scorer().unmatched(table_of(process("payment-api"))) == ()
    stage = scorer(
        overrides=(OverrideRule("payment", force_collect=True), OverrideRule("db", importance=0.5))
    )
    (unmatched,) = stage.unmatched(scored(stage, process("db"), process("payment-api")))
    assert (unmatched.override.process, unmatched.nearest) == ("payment", ("payment-api",))


def test_a_newcomer_between_two_hours_has_its_incidents() -> None:
    stage = scorer(incidents=(Incident(NOON_NS, 0.8, ("db",)),))
    table = scored(stage, process("x"))
    row = table.open_row(77, 1)
    table.identity[row] = process("db")
    stage.score(batch_of(table, born=[row], moved=[row]))
    assert table.score[row] == pytest.approx(0.8)


def test_incidents_are_weighed_anew_when_an_hour_has_passed_and_not_before() -> None:
    clock = ManualClock()
    stage = scorer(incidents=(Incident(NOON_NS, 1.0, ("db",)),), clock=clock)
    table = scored(stage, process("db"))
    table.score[0] = 0.123
    for _ in range(3599):
        clock.advance(1.0)
        stage.score(batch_of(table, born=[], moved=[]))
    assert table.score[0] == 0.123
    clock.advance(1.0)
    stage.score(batch_of(table, born=[], moved=[]))
    assert table.score[0] == pytest.approx(0.5 ** (1 / 720))


def test_what_is_known_of_a_row_stays_with_it_while_the_table_grows(tmp_path) -> None:
    save_stump(tmp_path / "m.json")
    overrides = (OverrideRule("db", importance=0.05),)
    stage = scorer(classes=CLASSES, overrides=overrides, model=load_model(tmp_path / "m.json"))
    table = scored(stage, process("db"), process("phi"))
    born = [table.open_row(number, 1) for number in range(1200)]
    stage.score(batch_of(table, born=born, moved=[0, 1, *born]))
    assert stage.parts(np.array([0, 1]))["pattern"].tolist() == [0.9, 1.0]
    assert table.score[0] == 0.05
    assert table.score[1] > 0.05


def test_a_host_that_stays_as_it_is_takes_no_more_room() -> None:
    stage = scorer(classes=CLASSES)
    table = scored(stage, process("db"))
    for _ in range(60):
        stage.score(batch_of(table, born=[], moved=[]))
    assert table.score[0] == pytest.approx(0.9)
