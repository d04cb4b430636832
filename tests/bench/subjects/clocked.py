"""`nrdot agent`, which writes down how much CPU each stage took.

    clocked.py FILE ARGUMENTS...

Each line of FILE is one tick as JSON: the CPU nanoseconds of the whole process since the tick before as
`cpu`, and of them those of each stage, by the clock of the thread that it runs on.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

STAGES = {
    "sample": ("nrdot.sample.procfs", "ProcfsSource", "sample"),
    "identify": ("nrdot.identify.identifier", "OwnerIdentifier", "identify"),
    "score": ("nrdot.score.combine", "CompositeScorer", "score"),
    "decide": ("nrdot.decide.policy", "Policy", "decide"),
    "aggregate": ("nrdot.aggregate.aggregator", "ExactAggregator", "aggregate"),
    "encode": ("nrdot.encode.encoder", "OtlpEncoder", "encode"),
    "own metrics": ("nrdot.agent.telling.selfmetrics", "SelfRecords", "records"),
    "buffer": ("nrdot.buffer.disk", "DiskBuffer", "put"),
    "ledger": ("nrdot.agent.beside.books", "Page", "enter"),
    "deliver": ("nrdot.pipeline", "Drain", "drain_once"),
}


def main(file: Path, arguments: list[str]) -> None:
    spent: Counter[str] = Counter()
    for name, (module, kind, method) in STAGES.items():
        count(getattr(importlib.import_module(module), kind), method, name, spent)
    from nrdot.pipeline import Pipeline

    tick = Pipeline.tick
    with file.open("w") as out:
        before = time.process_time_ns()

        def told(pipeline: Pipeline) -> Any:
            nonlocal before
            now, found = time.process_time_ns(), dict(spent)
            spent.clear()
            out.write(json.dumps({"cpu": now - before, **found}) + "\n")
            out.flush()
            before = now
            return tick(pipeline)

        Pipeline.tick = told
        sys.argv = ["nrdot", *arguments]
        from nrdot.__main__ import main as run

        run()


def count(kind: type, method: str, name: str, spent: Counter[str]) -> None:
    """Let a method add the CPU of its calls to `spent`."""
    call = getattr(kind, method)

    @functools.wraps(call)
    def counted(*arguments: Any, **options: Any) -> Any:
        began = time.thread_time_ns()
        try:
            return call(*arguments, **options)
        finally:
            spent[name] += time.thread_time_ns() - began

    setattr(kind, method, counted)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
