from __future__ import annotations

import numpy as np
import pytest

from nrdot.batch import Gauge
from nrdot.score.features import FEATURES
from nrdot.score.model import ModelPart
from nrdot.score.model_file import load_model, save_model
from nrdot.testing.recordings.models import CARD, save_stump, stump
from nrdot.testing.stages.scoring import batch_of, process, table_of

SCORES = np.array([np.nan])


def test_a_saved_model_comes_back_with_its_card_and_its_answers(tmp_path) -> None:
    digest = save_stump(tmp_path / "m.json", "cpu_lately", 0.5)
    model = load_model(tmp_path / "m.json", sha256=digest.upper())
    assert (model.name, model.card, model.sha256) == ("stump", CARD, digest)
    lines = np.zeros((3, len(FEATURES)))
    lines[:, FEATURES.index("cpu_lately")] = [0.4, 0.5, 0.6]
    assert model.predict(lines) == pytest.approx([0.1192, 0.1192, 0.8808], abs=1e-4)
    assert model.predict(lines[:0]).shape == (0,)


def test_a_forest_is_the_sum_of_its_trees_and_of_its_bias(tmp_path) -> None:
    """Two questions one after the other, and a tree of none."""
    cpu, io = FEATURES.index("cpu_lately"), FEATURES.index("io_lately")
    trees = {
        "roots": [0, 5], "feature": [cpu, 0, io, 0, 0, 0], "threshold": [0.5, -1.0, 2.0, -1.0, -1.0, -1.0],
        "left": [1, 1, 3, 3, 4, 5], "value": [0.0, -1.0, 0.0, 0.25, 2.0, 0.5], "bias": 0.125,
    }  # fmt: skip
    save_model(tmp_path / "m.json", name="x", typical=[0.0] * len(FEATURES), card=CARD, trees=trees)
    model = load_model(tmp_path / "m.json")
    lines = np.zeros((4, len(FEATURES)))
    lines[:, cpu], lines[:, io] = [0.5, 0.6, 0.6, 0.6], [9.0, 1.0, 2.0, 2.1]
    assert model.estimator.raw(lines).tolist() == [-0.375, 0.875, 0.875, 2.625]


def test_a_model_that_is_surer_than_numbers_can_tell_says_yes_or_no(tmp_path) -> None:
    save_model(
        tmp_path / "m.json", name="sure", typical=[0.0] * len(FEATURES), card=CARD,
        trees=stump("cpu_lately", 0.5, -1e300, 1e300),
    )  # fmt: skip
    lines = np.zeros((2, len(FEATURES)))
    lines[:, FEATURES.index("cpu_lately")] = [0.0, 1.0]
    no, yes = load_model(tmp_path / "m.json").predict(lines)
    assert no < 1e-20
    assert yes == 1


def test_a_logistic_model_is_a_weighted_sum_of_scaled_features(tmp_path) -> None:
    count = len(FEATURES)
    weight = [0.0] * count
    weight[0] = 2.0
    save_model(
        tmp_path / "m.json", name="line", typical=[0.0] * count, card=CARD,
        logistic={"mean": [1.0] * count, "scale": [0.5] * count, "weight": weight, "bias": 0.25},
    )  # fmt: skip
    lines = np.zeros((1, count))
    lines[0, 0] = 1.5
    assert load_model(tmp_path / "m.json").predict(lines)[0] == pytest.approx(1 / (1 + np.exp(-2.25)))


def test_without_a_model_the_part_is_absent_and_says_why() -> None:
    table = table_of(process("a"))
    part = ModelPart(None, SCORES, "model m.json: has a wrong checksum")
    assert part.observe(batch_of(table)).tolist() == []
    assert np.isnan(part.score(table, table.living())).all()
    (told,) = part.evidence(table, 0)
    assert (told.rule, told.value, told.decides) == ("model", None, False)
    assert told.note == "model m.json: has a wrong checksum"
    assert not part.present


def test_the_evidence_names_the_feature_that_made_the_difference(tmp_path) -> None:
    save_stump(tmp_path / "m.json", "io_lately", 1.0)
    part = ModelPart(load_model(tmp_path / "m.json"), SCORES)
    table = table_of(process("a"))
    table.io[0] = 1e6
    part.observe(batch_of(table))
    assert part.score(table, table.living())[0] == pytest.approx(0.8808, abs=1e-4)
    (told,) = part.evidence(table, 0)
    assert told.rule == "model stump"
    assert told.value == pytest.approx(0.8808, abs=1e-4)
    assert told.note.startswith("io_lately 13.8 (+0.76)")


def test_the_evidence_weighs_each_feature_against_what_is_typical(tmp_path) -> None:
    count = len(FEATURES)
    weight, typical = [0.0] * count, [0.0] * count
    weight[FEATURES.index("cpu_lately")], weight[FEATURES.index("threads")] = 1.0, -0.5
    typical[FEATURES.index("cpu_lately")], typical[FEATURES.index("threads")] = 1.0, float(np.log1p(2))
    save_model(
        tmp_path / "m.json", name="line", typical=typical, card=CARD,
        logistic={"mean": [0.0] * count, "scale": [1.0] * count, "weight": weight, "bias": 0.0},
    )  # fmt: skip
    part = ModelPart(load_model(tmp_path / "m.json"), SCORES)
    table = table_of(process("a"))
    table.cpu[0], table.gauges[Gauge.THREADS, 0] = 3.0, 8
    part.observe(batch_of(table))
    (told,) = part.evidence(table, 0)

    def chance(cpu: float, threads: float) -> float:
        return float(1 / (1 + np.exp(-(cpu - 0.5 * np.log1p(threads)))))

    more, fewer = chance(3, 8) - chance(1, 8), chance(3, 8) - chance(3, 2)
    assert told.note.startswith(f"cpu_lately 3 ({more:+.2f}), threads 2.2 ({fewer:+.2f})")
