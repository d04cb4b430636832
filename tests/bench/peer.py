"""The agent beside the OpenTelemetry Collector: the same processes, interval, metrics, compression and sink.

Both run at once, so they meet the same machine; each is charged with the CPU of its whole process, from the
process scraper to the last byte sent.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents import agent_command, configuration
from programs import mostly_idle, running
from scale import scale
from table import at_most, stated
from whole import collector_command, cpu_ns, processes, program, resident_bytes, sink

if TYPE_CHECKING:
    from table import Row
    from whole import Received, Sink

WARM_UP = 3  # ticks
REACH = 1 / 12


@dataclass(frozen=True, slots=True)
class Measured:
    us: float  # CPU per process and tick
    points: float  # per tick
    bytes: float  # per tick
    resident: int


def run() -> list[Row]:
    at = scale()
    with tempfile.TemporaryDirectory() as name, running(mostly_idle(at.processes)), sink() as target:
        folder = Path(name)
        collector = collector_command(folder, target.endpoint("collector"), at.interval)
        agent = agent_command(configuration(folder, target.endpoint("agent"), at.interval))
        with (
            program(collector, folder / "collector.log") as its_pid,
            program(agent, folder / "agent.log") as our_pid,
        ):
            theirs, ours = observe(target, {"collector": its_pid, "agent": our_pid})
    return [
        at_most("CPU per process and tick, agent / Collector", ours.us / theirs.us, REACH, "x"),
        stated("  agent", ours.us, "us"),
        stated("  Collector", theirs.us, "us"),
        stated("  points a tick, agent / Collector", ours.points / theirs.points, "x"),
        stated("  bytes on the wire a tick, agent", ours.bytes / 1000, "kB"),
        stated("  bytes on the wire a tick, Collector", theirs.bytes / 1000, "kB"),
        stated("  resident memory, Collector", theirs.resident / 1e6, "MB"),
    ]


def observe(target: Sink, pids: dict[str, int]) -> list[Measured]:
    """CPU over whole ticks of steady state; the first ticks, which find everything new, are left out."""
    at = scale()
    for name in pids:
        target.wait_for(name)
    time.sleep(WARM_UP * at.interval)
    before = {name: (cpu_ns(pid), target.received(name)) for name, pid in pids.items()}
    time.sleep(at.ticks * at.interval)
    seen = processes()
    return [
        measured(cpu_ns(pid) - before[name][0], before[name][1], target.received(name), seen, pid)
        for name, pid in pids.items()
    ]


def measured(cpu: int, before: Received, after: Received, seen: int, pid: int) -> Measured:
    ticks = scale().ticks
    return Measured(
        us=cpu / 1000 / ticks / seen,
        points=(after.points - before.points) / ticks,
        bytes=(after.bytes - before.bytes) / ticks,
        resident=resident_bytes(pid),
    )
