from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nrdot.score.features import FEATURES
from nrdot.score.model_file import load_model, save_model

leaf = st.floats(-5, 5)
trees = st.recursive(
    leaf,
    lambda child: st.tuples(st.integers(0, len(FEATURES) - 1), st.floats(-3, 3), child, child),
    max_leaves=6,
)


def laid_out(forest: list) -> dict:
    """Trees as the file has them: breadth first, so that children stand after their parent, side by side."""
    feature, threshold, left, value, roots = [], [], [], [], []
    for tree in forest:
        roots.append(len(left))
        waiting = [tree]
        end = len(left) + 1
        while waiting:
            node = waiting.pop(0)
            if isinstance(node, float):
                feature.append(0), threshold.append(0.0), left.append(len(left)), value.append(node)
                continue
            asked, bound, below, above = node
            feature.append(asked), threshold.append(bound), left.append(end), value.append(0.0)
            end += 2
            waiting += [below, above]
    return {
        "roots": roots,
        "feature": feature,
        "threshold": threshold,
        "left": left,
        "value": value,
        "bias": 0.5,
    }


def walked(tree, line) -> float:
    while not isinstance(tree, float):
        feature, threshold, below, above = tree
        tree = below if line[feature] <= threshold else above
    return tree


@settings(max_examples=60, deadline=None)
@given(st.lists(trees, min_size=1, max_size=3), st.integers(0, 600), st.integers(0, 99))
def test_a_forest_in_arrays_answers_as_its_trees_walked_one_by_one(
    tmp_path_factory, forest, rows, seed
) -> None:
    path = tmp_path_factory.mktemp("model") / "m.json"
    save_model(path, name="x", typical=[0.0] * len(FEATURES), card={}, trees=laid_out(forest))
    lines = np.random.default_rng(seed).uniform(-4, 4, (rows, len(FEATURES)))
    answers = load_model(path).predict(lines)
    assert answers.shape == (rows,)
    for line, answer in zip(lines[:20], answers[:20], strict=True):
        raw = 0.5 + sum(walked(tree, line) for tree in forest)
        assert answer == pytest.approx(1 / (1 + math.exp(-raw)), rel=1e-9)
