"""The model's part of the score: how likely a process is to matter within minutes.

It is evaluated for the rows that moved, and once a minute for each that sleeps, so a value is never older
than a minute (or than a sample, where those are farther apart). Where there is no model, or it was refused,
the part is absent and its weight goes to the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from nrdot.score.evidence import Evidence
from nrdot.score.features import Features

if TYPE_CHECKING:
    from nrdot.batch import Batch, Floats, Rows, Table
    from nrdot.score.model_file import Model

NO_MODEL: Final = "no model is configured"
TOLD: Final = 3  # features that `explain` names


class ModelPart:
    """A score part that looks at batches, because a rate needs the interval."""

    name = "model"

    def __init__(self, model: Model | None, class_scores: Floats, absent: str = NO_MODEL) -> None:
        """`absent` says why there is no model, for `explain`."""
        self._model = model
        self._absent = absent
        self._features = Features(class_scores)

    @property
    def present(self) -> bool:
        return self._model is not None

    def observe(self, batch: Batch) -> Rows:
        """Before `score`, once for each batch, after the classes are known; the rows to score anew."""
        return batch.moved[:0] if self._model is None else self._features.observe(batch)

    def score(self, table: Table, rows: Rows) -> Floats:
        if self._model is None:
            return np.full(rows.size, np.nan)
        return self._model.predict(self._features.matrix(table, rows))

    def evidence(self, table: Table, row: int) -> tuple[Evidence, ...]:
        """The prediction, and the features without whose values it would differ most."""
        if self._model is None:
            return (Evidence("model", None, self._absent, decides=False),)
        line = self._features.matrix(table, np.array([row], np.intp))
        value = float(self._model.predict(line)[0])
        names = self._model.features
        variants = np.repeat(line, len(names), axis=0)
        np.fill_diagonal(variants, self._model.typical)
        effects = value - self._model.predict(variants)
        told = np.argsort(-np.abs(effects), kind="stable")[:TOLD]
        words = ", ".join(f"{names[at]} {line[0, at]:.3g} ({effects[at]:+.2f})" for at in told.tolist())
        return (Evidence(f"model {self._model.name}", value, words),)
