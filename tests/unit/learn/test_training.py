"""From captures to a model file that the agent reads."""

from __future__ import annotations

import numpy as np
import pytest

from nrdot.checks.loading import load
from nrdot.errors import CaptureError
from nrdot.learn.estimators import fit_trees
from nrdot.learn.evaluation import evaluate
from nrdot.learn.examples import Examples, examples
from nrdot.learn.history import read_history
from nrdot.learn.precision import average_precision
from nrdot.learn.training import train
from nrdot.score.features import FEATURES
from nrdot.score.model_file import load_model, save_model


@pytest.mark.parametrize(
    ("matters", "score", "expected"),
    [
        ([1, 1, 0, 0], [4, 3, 2, 1], 1.0),
        ([0, 0, 1, 1], [4, 3, 2, 1], (1 / 3 + 2 / 4) / 2),
        ([1, 0, 1, 0], [4, 3, 2, 1], (1 / 1 + 2 / 3) / 2),
        ([1, 0, 0, 0], [7, 7, 7, 7], 0.25),  # a constant score is worth the share that mattered
        ([0, 0, 0, 0], [4, 3, 2, 1], 0.0),
    ],
)
def test_average_precision_by_hand(matters, score, expected):
    precision = average_precision(np.array(matters, np.bool_), np.array(score, np.float64))
    assert precision == pytest.approx(expected)


def test_the_order_of_equal_scores_tells_nothing():
    random = np.random.default_rng(1)
    matters, score = random.random(200) < 0.2, np.round(random.random(200), 1)
    order = random.permutation(200)
    assert average_precision(matters[order], score[order]) == pytest.approx(average_precision(matters, score))


def test_the_written_trees_answer_as_the_learner_does(tmp_path):
    random = np.random.default_rng(2)
    lines = random.normal(size=(3000, len(FEATURES)))
    matters = (lines[:, 0] * lines[:, 1] > 0.2) | (lines[:, 2] > 1.5)
    given = Examples(lines, matters, np.zeros(3000), np.zeros(3000))
    save_model(tmp_path / "m.json", name="m", typical=[0.0] * len(FEATURES), card={}, trees=fit_trees(given))
    model = load_model(tmp_path / "m.json")
    assert average_precision(matters, model.predict(lines)) > 0.95
    assert model.predict(lines[matters]).mean() > 0.7
    assert model.predict(lines[~matters]).mean() < 0.2


def test_the_same_captures_give_the_same_bytes(shop, tmp_path):
    histories = [read_history(shop(), load(None))]
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    assert train(histories, first, name="m", horizon=600.0) == train(
        histories, second, name="m", horizon=600.0
    )
    assert first.read_bytes() == second.read_bytes()


def test_a_trained_model_ranks_a_host_that_it_never_saw(shop, tmp_path):
    train([read_history(shop(), load(None))], tmp_path / "m.json", name="m", horizon=600.0)
    model = load_model(tmp_path / "m.json")
    told = evaluate(model, examples([read_history(shop("other"), load(None))]))
    assert told.model == pytest.approx(1.0)
    assert set(told.baselines) == {"cpu rank", "pattern", "logistic"}
    assert not told.better  # the baselines are as good here, and equal is not better
    assert model.card["trained_on"] == [{"host": "h1", "minutes": 29.8, "processes": 40}]


def test_captures_that_are_too_short_are_refused_with_what_they_lack(record, tmp_path):
    found = read_history(record(lambda host, tick: host.begin(1, "one") if tick == 0 else None), load(None))
    with pytest.raises(CaptureError, match="needs 3720 s at least, so nothing can be learnt"):
        train([found], tmp_path / "m.json", name="m", horizon=3600.0)
    assert not (tmp_path / "m.json").exists()


def test_captures_in_which_nobody_mattered_are_refused(record, tmp_path):
    found = read_history(record(lambda host, tick: host.begin(1, "one") if tick == 0 else None), load(None))
    with pytest.raises(CaptureError, match="no process mattered"):
        train([found], tmp_path / "m.json", name="m", horizon=600.0)
