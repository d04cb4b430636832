"""NRDOT's pipeline as the agent wires it, one tick for each line on standard input.

    tick.py CONFIG

Answers with JSON: `cpu`, the CPU nanoseconds of the tick from sample to encoded bytes; those of each stage by
the name of its method; and counts. The buffer takes every record and keeps none: what comes behind it is not
part of a tick.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nrdot.agent.source import build_sampler
from nrdot.agent.telling.selfmetrics import SelfRecords, observe_status
from nrdot.agent.telling.status import Status
from nrdot.agent.wire import build_stages
from nrdot.clock import SystemClock
from nrdot.config.reading.load import load
from nrdot.telemetry.meters import Meters

if TYPE_CHECKING:
    from nrdot.batch import Rows
    from nrdot.pipeline import Pipeline
    from nrdot.score.combine import CompositeScorer
    from nrdot.stages import Record

STAGES = {
    "sampler": "sample",
    "identifier": "identify",
    "scorer": "score",
    "decider": "decide",
    "aggregator": "aggregate",
    "encoder": "encode",
    "telemetry": "records",
}


class NullBuffer:
    def put(self, record: Record) -> None:
        """Gone."""


class Timed:
    """A stage that knows how much CPU its one method took."""

    def __init__(self, stage: Any, method: str) -> None:
        self._stage = stage
        self._call = getattr(stage, method)
        self.cpu_ns = 0
        setattr(self, method, self._timed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)

    def _timed(self, *arguments: Any) -> Any:
        began = time.process_time_ns()
        try:
            return self._call(*arguments)
        finally:
            self.cpu_ns = time.process_time_ns() - began


def build(config: Path) -> Pipeline:
    """As `agent.start` wires it, self-metrics included."""
    clock = SystemClock()
    configuration = load(config, os.environ)
    meters = Meters({"host.name": "bench"}, clock)
    observe_status(meters, Status(clock))
    sampler = build_sampler(configuration, clock)
    return build_stages(configuration, clock, sampler, [NullBuffer()], SelfRecords(meters)).pipeline


def spoken(scorer: CompositeScorer, rows: Rows) -> int:
    """How many parts of the score have something to say about some process."""
    return sum(not np.isnan(column).all() for column in scorer.parts(rows).values())


def main(config: Path) -> None:
    pipeline = build(config)
    scorer = pipeline.scorer
    timed = {method: Timed(getattr(pipeline, stage), method) for stage, method in STAGES.items()}
    for stage, method in STAGES.items():
        setattr(pipeline, stage, timed[method])
    for _ in sys.stdin:
        began = time.process_time_ns()
        tick = pipeline.tick()
        cpu = time.process_time_ns() - began
        answer = {
            "cpu": cpu,
            "processes": len(tick.batch.living),
            "moved": len(tick.batch.moved),
            "parts": spoken(scorer, tick.batch.living),
            "series": len(tick.frame.steady) if tick.frame else 0,
            "points": sum(record.points for record in tick.records),
            "bytes": sum(len(record.payload) for record in tick.records),
        }
        print(json.dumps(answer | {method: stage.cpu_ns for method, stage in timed.items()}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
