"""Planted anomalies: how many are kept in time, and how many alarms ordinary days raise.

Recall is measured on a capture of the synthetic host, replayed through the agent's stages under balanced: an
anomaly counts as found when its process is kept, with the metric that left its band noted, at most 30 s
behind the moment at which it left. That moment is

- of a burst the first sample that is a tenth of a core, and a quarter, above all that it used before
- of a stall the first sample that is below a tenth of what it used before
- of a leak the first sample that is 48 MiB, and a fifth, above whatever it had before
- of a loop the third birth

False alarms are counted on days without plants: an alarm is a process that the detector marks and has not
marked within the five minutes before.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from figures.planted import DAY, INTERVAL, KINDS, MIB, SyntheticHost, plant
from scale import scale
from table import at_least, at_most, stated

from nrdot.agent.wire import build_stages
from nrdot.batch import Gauge
from nrdot.checks.loading import load
from nrdot.config.reading.load import load_profile
from nrdot.decide.anomaly import AnomalyDetector
from nrdot.sample.capture_writer import CaptureWriter
from nrdot.sample.replay import ReplaySource
from nrdot.simulate.run import under
from nrdot.stages import Verdict

if TYPE_CHECKING:
    from figures.planted import Plant
    from table import Row

RECALL, FALSE_ALARMS, WITHIN = 0.95, 3.0, 30.0
SEEDS = (1, 2, 3)
EACH = 8  # anomalies of a kind and seed
BEFORE, PLANTING, AFTER = 2 * 3600.0, 4 * 3600.0, 1800.0
DAYS = 7
HOLD = 300.0


@dataclass(slots=True)
class Watched:
    """One plant: where its process is at each sample, when it left the band, when it was found."""

    plant: Plant
    pids: list[int] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    left: float | None = None
    found: float | None = None

    @property
    def in_time(self) -> bool:
        return self.left is not None and self.found is not None and self.found - self.left <= WITHIN


def run() -> list[Row]:
    quick = scale().processes < 1000
    seeds, days = (SEEDS[:1], 1) if quick else (SEEDS, DAYS)
    watched = [one for seed in seeds for one in planted(seed)]
    rows = [
        at_least("planted anomalies kept within 30 s", share(watched), RECALL, "", f"{len(watched)} planted")
    ]
    for kind in KINDS:
        of_kind = [one for one in watched if one.plant.kind == kind]
        late = [one.found - one.left for one in of_kind if one.found is not None and one.left is not None]
        worst = f"slowest {max(late):.0f} s" if late else ""
        rows.append(stated(f"  of them {kind}", share(of_kind), "", worst))
    per_day = [one / days for one in (false_alarms(seed, days) for seed in seeds[:1])]
    rows.append(
        at_most("false alarms a day, 300 processes", max(per_day), FALSE_ALARMS, "", f"{days} days replayed")
    )
    return rows


def share(watched: list[Watched]) -> float:
    return sum(one.in_time for one in watched) / len(watched)


def planted(seed: int) -> list[Watched]:
    host = SyntheticHost(seed)
    host.plants = plant(host, seed, EACH, BEFORE, BEFORE + PLANTING)
    watched = [Watched(one) for one in host.plants]
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "planted.jsonl"
        with CaptureWriter(capture) as writer:
            while host.now < BEFORE + PLANTING + AFTER:
                batch = host.sample()
                writer.write(batch)
                for one in watched:
                    row = host.rows[one.plant.process]
                    one.pids.append(int(host.table.pid[row]))
                    one.cpu.append(float(host.table.cpu[row]))
                    one.memory.append(int(host.table.gauges[Gauge.RSS, row]))
                host.table.release()
        for one in watched:
            one.left = left(one)
        replay(capture, watched)
    return watched


def left(one: Watched) -> float:
    """When it left the band that it had until then."""
    first = int(one.plant.begin // INTERVAL) + 1
    if one.plant.kind == "loop":
        births = [at for at in range(first, len(one.pids)) if one.pids[at] != one.pids[at - 1]]
        return INTERVAL * births[2]
    values = np.array(one.memory if one.plant.kind == "leak" else one.cpu)
    usual, highest = values[1:first].mean(), values[1:first].max()
    outside = {
        "burst": values > highest + max(0.1, highest / 4),
        "stall": values < usual / 10,
        "leak": values > highest + max(48 * MIB, highest / 5),
    }[one.plant.kind]
    return INTERVAL * (first + int(np.argmax(outside[first:])))


def replay(capture: Path, watched: list[Watched]) -> None:
    source = ReplaySource(capture)
    configured = under(load(None), "balanced", load_profile("balanced", Path(), {}))
    stages = build_stages(configured, source.clock, source)
    sample = 0
    while True:
        try:
            table = stages.pipeline.tick().batch.table
        except StopIteration:
            return
        row_of = {int(table.pid[row]): row for row in np.flatnonzero(table.alive).tolist()}
        now = sample * INTERVAL
        for one in watched:
            row = row_of[one.pids[sample]]
            kept = table.verdict[row] == Verdict.KEEP and row in stages.policy.anomalies.departures
            if kept and one.found is None and now >= one.plant.begin:
                one.found = now
        sample += 1


def false_alarms(seed: int, days: float) -> int:
    host, detector = SyntheticHost(seed), AnomalyDetector()
    marked = np.full(host.table.capacity, -np.inf)
    alarms = 0
    while host.now < days * DAY:
        batch = host.sample()
        rows = detector.observe(batch)
        alarms += int(np.count_nonzero(host.now - marked[rows] > HOLD))
        marked[rows] = host.now
        host.table.release()
    return alarms
