"""The agent beside the OpenTelemetry Collector: the same processes, interval, metrics, compression and sink.

Twice: sending every process one by one as the Collector does, and under the balanced profile, which decides
and sends a twentieth. All run at once, so they meet the same machine; each is charged with the CPU of its
whole process, from the process scraper to the last byte sent.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from agents import DESTINATION, EVERYTHING, agent_command, configuration
from programs import mostly_idle, running
from rounds import spread
from scale import scale
from table import at_least, at_most, stated
from whole import collector_binary, collector_command, cpu_ns, processes, program, resident_bytes, sink

if TYPE_CHECKING:
    from table import Row
    from whole import Received, Sink

WARM_UP = 3  # ticks
REACH = 12
BALANCED = 20
PROFILES = {"agent": EVERYTHING, "balanced": f"profile: balanced\n{DESTINATION}"}


@dataclass(frozen=True, slots=True)
class Measured:
    cpu: list[float]  # microseconds for each process, of each tick
    points: float  # per tick
    bytes: float  # per tick
    broken: int  # requests that protobuf refuses to read
    resident: int

    @property
    def us(self) -> float:
        return statistics.median(self.cpu)


def run() -> list[Row]:
    at, binary = scale(), collector_binary()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(running(mostly_idle(at.processes)))
        target = stack.enter_context(sink())
        commands = {"collector": collector_command(binary, folder, target.endpoint("collector"), at.interval)}
        for name, text in PROFILES.items():
            (own := folder / name).mkdir()
            commands[name] = agent_command(configuration(own, target.endpoint(name), at.interval, text))
        pids = {
            name: stack.enter_context(program(command, folder / f"{name}.log"))
            for name, command in commands.items()
        }
        theirs, ours, balanced = observe(target, pids)
    return [
        at_least(
            "CPU per process and tick, Collector / agent", theirs.us / ours.us, REACH, "x", each(theirs, ours)
        ),
        at_least(
            "CPU per process and tick, Collector / agent under balanced",
            theirs.us / balanced.us,
            BALANCED,
            "x",
            each(theirs, balanced),
        ),
        stated("  agent", ours.us, "us", spread(ours.cpu)),
        stated("  agent under balanced", balanced.us, "us", spread(balanced.cpu)),
        stated("  Collector", theirs.us, "us", spread(theirs.cpu)),
        stated("  points a tick, agent / Collector", ours.points / theirs.points, "x"),
        stated("  bytes on the wire a tick, agent", ours.bytes / 1000, "kB"),
        stated("  bytes on the wire a tick, Collector", theirs.bytes / 1000, "kB"),
        at_most("  requests that protobuf cannot read, agent", ours.broken, 0, ""),
        stated("  requests that protobuf cannot read, Collector", theirs.broken, ""),
        stated("  resident memory, Collector", theirs.resident / 1e6, "MB"),
        stated("  resident memory, agent under balanced", balanced.resident / 1e6, "MB"),
    ]


def each(theirs: Measured, ours: Measured) -> str:
    """The ratio of each tick, as a range."""
    return spread([a / b for a, b in zip(theirs.cpu, ours.cpu, strict=True)])


def observe(target: Sink, pids: dict[str, int]) -> list[Measured]:
    """CPU over whole ticks of steady state; the first ticks, which find everything new, are left out."""
    at = scale()
    for name in pids:
        target.wait_for(name)
    time.sleep(WARM_UP * at.interval)
    before = {name: target.received(name) for name in pids}
    used = {name: [cpu_ns(pid)] for name, pid in pids.items()}
    for _ in range(at.ticks):
        time.sleep(at.interval)
        for name, pid in pids.items():
            used[name].append(cpu_ns(pid))
    seen = processes()
    return [
        measured(
            [(b - a) / 1000 / seen for a, b in pairwise(used[name])], before[name], target.received(name), pid
        )
        for name, pid in pids.items()
    ]


def measured(cpu: list[float], before: Received, after: Received, pid: int) -> Measured:
    ticks = len(cpu)
    return Measured(
        cpu=cpu,
        points=(after.points - before.points) / ticks,
        bytes=(after.bytes - before.bytes) / ticks,
        broken=after.broken,
        resident=resident_bytes(pid),
    )
