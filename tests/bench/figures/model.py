"""What the trained model is worth on hosts and under workloads that it was not trained on.

Held-out hosts: the shipped model (or, where none is shipped, one trained here) on all captures of the hosts
that training leaves out. Held-out workloads: for each workload a model trained on the hosts without it, asked
about the hosts with it. Average precision stands beside the three baselines of `nrdot.learn.evaluation`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from programs import ROOT, NotMeasurable
from table import Row, at_most, number, stated

from nrdot.checks.loading import load
from nrdot.learn.evaluation import evaluate
from nrdot.learn.examples import HORIZON, examples
from nrdot.learn.history import read_history
from nrdot.learn.training import train
from nrdot.score.model_file import load_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.learn.evaluation import Evaluation
    from nrdot.learn.history import History

CAPTURES = ROOT / "samples" / "captures"
SHIPPED = ROOT / "classifiers" / "model.json"
LARGEST = 300_000  # bytes of the shipped model
TRAINED_ON = "123"  # last characters of the names of hosts; the others are held out
# Which hosts run what; see tests/bench/workloads/mixes.py.
WORKLOADS = {"PostgreSQL": "14", "Redis": "24", "Java": "256", "nginx": "1456", "builds": "35"}


def run() -> list[Row]:
    captures = sorted(CAPTURES.rglob("*.jsonl.zst"))
    if not captures:
        raise NotMeasurable("no captures in samples/captures; tests/bench/workloads/record.py records them")
    found = load(None)
    histories = [read_history(capture, found) for capture in captures]
    own = [one for one in histories if one.host[-1] in TRAINED_ON]
    others = [one for one in histories if one.host[-1] not in TRAINED_ON]
    told = evaluate(load_model(SHIPPED), examples(others)) if SHIPPED.exists() else trained(own, others)
    rows = beside("average precision, held-out hosts", [told])
    by_workload = {
        name: trained(
            [one for one in histories if one.host[-1] not in hosts],
            [one for one in histories if one.host[-1] in hosts],
        )
        for name, hosts in WORKLOADS.items()
    }
    rows += beside("average precision, held-out workloads, mean", list(by_workload.values()))
    for name, one in by_workload.items():
        best = max(one.baselines.values())
        rows.append(stated(f"  without {name} in training", one.model, "", f"best baseline {best:.3f}"))
    if SHIPPED.exists():
        rows.append(at_most("size of the shipped model", SHIPPED.stat().st_size, LARGEST, "bytes"))
    return rows


def trained(own: Sequence[History], others: Sequence[History]) -> Evaluation:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        train(own, path, name="bench", horizon=HORIZON)
        return evaluate(load_model(path), examples(others))


def beside(figure: str, told: Sequence[Evaluation]) -> list[Row]:
    """The model, which is to be better than the best of the baselines, and these."""
    model = float(np.mean([one.model for one in told]))
    baselines = {name: float(np.mean([one.baselines[name] for one in told])) for name in told[0].baselines}
    best = max(baselines.values())
    row = Row(figure=figure, reach=f"more than {number(best)}", value=model, unit="", ok=model > best)
    return [row, *(stated(f"  of {name}", value, "") for name, value in baselines.items())]
