from __future__ import annotations

from pathlib import Path

from nrdot.score.model_file import load_model

CLASSIFIERS = Path(__file__).parents[3] / "classifiers"


def test_the_shipped_model_loads_is_small_and_is_the_one_that_its_card_speaks_of():
    file = CLASSIFIERS / "model.json"
    assert file.stat().st_size < 300_000
    assert load_model(file).sha256[:8] in (CLASSIFIERS / "model.md").read_text()
