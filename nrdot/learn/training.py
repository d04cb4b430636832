"""From captures to a model file. The answers come from the captures themselves; nobody labels anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nrdot.errors import CaptureError
from nrdot.learn.estimators import fit_logistic, fit_trees
from nrdot.learn.examples import examples, kinds
from nrdot.score.model_file import save_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nrdot.learn.history import History


def train(histories: Sequence[History], output: Path, *, name: str, horizon: float) -> str:
    """Write a model and return its checksum. The same captures give the same bytes.

    Raises CaptureError where the captures are too short, or nothing in them told the processes apart.
    """
    given = examples(histories, horizon)
    if given.matters.all() or not given.matters.any():
        what = "every process" if given.matters.any() else "no process"
        raise CaptureError(
            f"{what} mattered in these captures, so there is nothing to tell apart; record a load"
        )
    card = {
        "trained_on": [_described(history) for history in histories],
        "horizon_seconds": horizon,
        "examples": len(given.matters),
        "share_that_mattered": round(given.share, 4),
        "processes_that_mattered_as": kinds(histories),
        "logistic": fit_logistic(given),
    }
    typical = np.median(given.lines, axis=0).tolist()
    return save_model(output, name=name, typical=typical, card=card, trees=fit_trees(given))


def _described(history: History) -> dict[str, Any]:
    return {"host": history.host, "minutes": round(history.seconds / 60, 1), "processes": history.processes}
