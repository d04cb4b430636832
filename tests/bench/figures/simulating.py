"""A day of 300 processes, sampled each 15 s, under each shipped profile: seconds of one core."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import zstandard
from scale import FULL, scale
from table import at_most, stated

from nrdot.checks.loading import load
from nrdot.config.reading.load import load_profile
from nrdot.simulate.run import simulate, under
from nrdot.testing.recordings.captures import crowd

if TYPE_CHECKING:
    from table import Row

PROCESSES, INTERVAL, DAY = 300, 15, 86_400
LIMIT = 10.0  # seconds
PROFILES = ("conservative", "balanced", "aggressive")


def run() -> list[Row]:
    ticks = DAY // INTERVAL + 1 if scale() is FULL else 100
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        capture = written(Path(folder) / "day.jsonl.zst", ticks)
        for name in PROFILES:
            configuration = under(load(None), name, load_profile(name, Path(), {}))
            began = time.process_time()
            outcome = simulate(capture, configuration)
            spent = time.process_time() - began
            rows += [
                at_most(f"simulating a day of {PROCESSES} processes, {name}", spent, LIMIT, "s"),
                stated("  points", outcome.points, ""),
            ]
    return rows


def written(path: Path, ticks: int) -> Path:
    with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as packed:
        for tick in crowd(processes=PROCESSES, ticks=ticks, interval=INTERVAL, busy=0.1):
            packed.write(msgspec.json.encode(tick) + b"\n")
    return path
