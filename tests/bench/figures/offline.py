"""What a host of 300 processes exports in an hour under the balanced profile, every 15 seconds.

A capture is made up and run through the stages that the agent runs: one process in twenty works, at a rate
that wanders; resident memory moves where CPU is used; a few processes are born and die.
"""

from __future__ import annotations

import json
import random
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.config.reading.load import load
from nrdot.simulate.run import simulate
from nrdot.testing.clock import NOON_NS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.stages import Record

PROCESSES, INTERVAL = 300, 15
TICKS_AN_HOUR = 3600 // INTERVAL
NAMES = [f"service-{number}" for number in range(25)] + [
    "nginx",
    "postgres",
    "redis-server",
    "java",
    "python3",
    "sshd",
    "cron",
    "containerd",
    "kubelet",
    "bash",
]
CONFIGURATION = "profile: balanced\nexport_interval: 15s\nagent: {{interval: 15s, state_dir: {state}}}\n"


@cache
def an_hour() -> tuple[Record, ...]:
    """The records of one hour, in order."""
    records: list[Record] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        capture, config = folder / "capture.jsonl", folder / "nrdot.yaml"
        capture.write_text("\n".join(map(json.dumps, ticks())) + "\n")
        config.write_text(CONFIGURATION.format(state=folder))
        simulate(capture, load(config, {}), progress=lambda tick: records.extend(tick.records))
    return tuple(records)


def ticks() -> Iterator[dict]:
    chance = random.Random(1)
    crowd = [born(pid, NOON_NS - chance.randrange(10**15), chance) for pid in range(100, 100 + PROCESSES)]
    host = {"id": "bench", "cpus": 8, "memory": 32 << 30, "boot": "b", "hz": 100}
    for tick in range(TICKS_AN_HOUR + 1):
        now = NOON_NS + tick * INTERVAL * 10**9
        for process in crowd:
            work(process, chance)
        if tick % 8 == 7:
            crowd[chance.randrange(len(crowd))] = born(10_000 + tick, now, chance)
        yield {"v": 1, "t": now, "host": host, "procs": [shown(process) for process in crowd]}


def born(pid: int, start: int, chance: random.Random) -> dict:
    return {
        "pid": pid,
        "start": start,
        "name": chance.choice(NAMES),
        "cpu_user": 0.0,
        "cpu_system": 0.0,
        "rss": chance.randrange(1 << 20, 1 << 28, 4096),
        "vsize": 1 << 30,
        "threads": 1,
        "state": "S",
        "read": 0,
        "write": 0,
        "share": chance.random() if chance.random() < 0.05 else 0.0,
    }


def work(process: dict, chance: random.Random) -> None:
    share = process["share"]
    if not share and chance.random() > 0.02:
        return
    used = max(share, 0.001) * INTERVAL * chance.uniform(0.5, 1.5)
    process["cpu_user"] = round(process["cpu_user"] + 0.7 * used, 2)
    process["cpu_system"] = round(process["cpu_system"] + 0.3 * used, 2)
    process["rss"] += 4096 * chance.randrange(-50, 51) if process["rss"] > 1 << 20 else 4096
    process["write"] += 4096 * chance.randrange(100)


def shown(process: dict) -> dict:
    return {key: value for key, value in process.items() if key != "share"}
