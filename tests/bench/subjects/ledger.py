"""The pipeline with its ledger, one tick for each line on standard input.

    ledger.py CONFIG SECONDS

The clock runs so fast that the lines come one sample interval apart: `SECONDS` is what a real second counts.
Answers with JSON: `cpu`, the CPU nanoseconds of the tick without the ledger, and `ledger`, its own;
a frame is written where a minute of that clock is over.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tick import NullBuffer, Timed

from nrdot.agent.beside.books import Bookkeeping
from nrdot.agent.source import build_sampler
from nrdot.agent.wire import build_stages
from nrdot.config.reading.load import load

if TYPE_CHECKING:
    from threading import Event


class FastClock:
    def __init__(self, times: float) -> None:
        self._times = times
        self._wall, self._began = time.time_ns(), time.monotonic_ns()

    def wall_ns(self) -> int:
        return self._wall + round(self._times * (time.monotonic_ns() - self._began))

    def monotonic(self) -> float:
        return self._times * time.monotonic()

    def wait(self, event: Event, seconds: float) -> bool:
        return event.wait(seconds / self._times)


def main(config: Path, times: float) -> None:
    clock = FastClock(times)
    configuration = load(config, os.environ)
    stages = build_stages(configuration, clock, build_sampler(configuration, clock), [NullBuffer()])
    books = Bookkeeping(Path(configuration.settings.agent.state_dir) / "ledger")
    books.use(configuration, stages, [], "bench", clock)
    timed = Timed(stages.pipeline.ledger, "enter")
    stages.pipeline.ledger = timed
    for _ in sys.stdin:
        began = time.process_time_ns()
        tick = stages.pipeline.tick()
        spent = time.process_time_ns() - began
        answer = {
            "cpu": spent - timed.cpu_ns,
            "ledger": timed.cpu_ns,
            "processes": len(tick.batch.living),
            "rows": books.store.written,
            "exported": int(tick.frame is not None and tick.frame.whole),
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
