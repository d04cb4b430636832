"""Small trained models, for tests that need one to be there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nrdot.score.features import FEATURES
from nrdot.score.model_file import save_model

if TYPE_CHECKING:
    from pathlib import Path

CARD = {"trained": "2026-11-01", "machines": ["a test"]}


def stump(feature: str, threshold: float, low: float, high: float) -> dict[str, Any]:
    """One tree of one question: `low` up to the threshold, `high` above it, both in log odds."""
    return {
        "roots": [0],
        "feature": [FEATURES.index(feature), 0, 0],
        "threshold": [threshold, 0.0, 0.0],
        "left": [1, 1, 2],
        "value": [0.0, low, high],
        "bias": 0.0,
    }


def save_stump(path: Path, feature: str = "cpu_lately", threshold: float = 0.5) -> str:
    """A model that says 0.12 for at most the threshold and 0.88 above; returns its checksum."""
    return save_model(
        path,
        name="stump",
        typical=[0.0] * len(FEATURES),
        card=CARD,
        trees=stump(feature, threshold, -2.0, 2.0),
    )
