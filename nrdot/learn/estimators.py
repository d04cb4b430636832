"""The two estimators as scikit-learn fits them, written down as the plain numbers of a model file."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from nrdot.learn.examples import Examples

TREES: Final = 80
DEPTH: Final = 4
LEAVES: Final = 12
LEARNING_RATE: Final = 0.08
LEAST_IN_LEAF: Final = 60  # examples, so that no leaf knows one process by heart
DIGITS: Final = 6  # of what a leaf adds


def fit_trees(examples: Examples) -> dict[str, Any]:
    """Gradient-boosted trees, laid out as `docs/formats/model.md` says. The same examples give the same."""
    learner = HistGradientBoostingClassifier(
        max_iter=TREES,
        max_depth=DEPTH,
        max_leaf_nodes=LEAVES,
        learning_rate=LEARNING_RATE,
        min_samples_leaf=min(LEAST_IN_LEAF, max(len(examples.matters) // 20, 1)),
        l2_regularization=1.0,
        early_stopping=False,
        random_state=0,
    ).fit(examples.lines, examples.matters)
    # scikit-learn offers no public way to the nodes of these trees.
    forest = [trees[0].nodes for trees in learner._predictors]  # noqa: SLF001
    bias = float(learner._baseline_prediction[0, 0])  # noqa: SLF001
    return _laid_out(forest, bias)


def fit_logistic(examples: Examples) -> dict[str, Any]:
    scaler = StandardScaler().fit(examples.lines)
    learner = LogisticRegression(max_iter=2000).fit(scaler.transform(examples.lines), examples.matters)
    return {
        "mean": scaler.mean_.tolist(),
        "scale": scaler.scale_.tolist(),
        "weight": learner.coef_[0].tolist(),
        "bias": float(learner.intercept_[0]),
    }


def _laid_out(forest: list[Any], bias: float) -> dict[str, Any]:
    """Breadth first, each pair of children side by side behind their parent."""
    columns: dict[str, list[Any]] = {name: [] for name in ("feature", "threshold", "left", "value")}
    roots = []
    for nodes in forest:
        first = len(columns["left"])
        roots.append(first)
        waiting, placed = deque([0]), first + 1
        while waiting:
            node = nodes[waiting.popleft()]
            leaf = bool(node["is_leaf"])
            columns["feature"].append(0 if leaf else int(node["feature_idx"]))
            columns["threshold"].append(0.0 if leaf else float(node["num_threshold"]))
            columns["left"].append(len(columns["left"]) if leaf else placed)
            columns["value"].append(float(np.round(node["value"], DIGITS)) if leaf else 0.0)
            if not leaf:
                waiting.extend((int(node["left"]), int(node["right"])))
                placed += 2
    return {"roots": roots, **columns, "bias": bias}
