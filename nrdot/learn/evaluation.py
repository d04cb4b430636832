"""How well a model ranks processes it has not seen, beside three simpler ways to rank them.

- `cpu rank`: the CPU used over the last minute, which is what a top-N shows
- `pattern`: the score of the process's class
- `logistic`: logistic regression on the same features, trained with the model and carried in its card
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nrdot.learn.precision import average_precision
from nrdot.score.model_file import Logistic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.learn.examples import Examples
    from nrdot.score.model_file import Model


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Average precision of the model and of what stands beside it."""

    examples: int
    share: float  # of the examples, those that mattered: what an arbitrary order reaches
    model: float
    baselines: dict[str, float]  # without `logistic` where the card has none

    @property
    def better(self) -> bool:
        """Than every baseline."""
        return all(self.model > value for value in self.baselines.values())


def evaluate(model: Model, given: Examples) -> Evaluation:
    matters = given.matters
    baselines = {
        "cpu rank": average_precision(matters, given.cpu),
        "pattern": average_precision(matters, given.pattern),
    }
    beside = model.card.get("logistic")
    if beside:
        # No squeezing into probabilities: far from zero they are all the same number.
        baselines["logistic"] = average_precision(matters, _logistic(beside).raw(given.lines))
    precision = average_precision(matters, model.estimator.raw(given.lines))
    return Evaluation(len(matters), given.share, precision, baselines)


def _logistic(card: Mapping[str, Any]) -> Logistic:
    mean, scale, weight = (np.array(card[name], np.float64) for name in ("mean", "scale", "weight"))
    return Logistic(mean, scale, weight, float(card["bias"]))
