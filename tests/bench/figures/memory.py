"""What the agent holds: resident memory, what each further process adds, and the kernel's part beside it."""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents import agent_command, configuration
from cgroup import own_group
from programs import mostly_idle, running
from scale import scale
from table import at_most, stated
from whole import processes, program, resident_bytes, sink

if TYPE_CHECKING:
    from cgroup import Cgroup
    from table import Row
    from whole import Sink

INTERVAL = 1  # short, because steady state here is a number of ticks, not a time
LOOKS, PAUSE = 30, 0.1  # three intervals
MB, KB = 1e6, 1e3
RESIDENT, GROWTH, KERNEL = 70, 3, 10


@dataclass(frozen=True, slots=True)
class Held:
    """Medians of several looks, because an export in flight comes and goes."""

    processes: float
    resident: float
    kernel: float
    group: float | None


def run() -> list[Row]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(running(mostly_idle(scale().processes)))
        target = stack.enter_context(sink())
        group = stack.enter_context(own_group())
        command = group.wrap(agent_command(configuration(folder, target.endpoint("agent"), INTERVAL)))
        pid = stack.enter_context(program(command, folder / "agent.log"))
        one = held(target, group, pid)
        stack.enter_context(running(mostly_idle(scale().processes)))
        two = held(target, group, pid)
    return rows(one, two, group.source())


def held(target: Sink, group: Cgroup, pid: int) -> Held:
    target.wait_for("agent")
    time.sleep(scale().settle * INTERVAL)
    looks = [look(group, pid) for _ in range(LOOKS)]
    return Held(
        *(None if None in column else statistics.median(column) for column in zip(*looks, strict=True))
    )


def look(group: Cgroup, pid: int) -> tuple[float | None, ...]:
    time.sleep(PAUSE)
    return processes(), resident_bytes(pid), group.kernel(), group.total()


def rows(one: Held, two: Held, source: str) -> list[Row]:
    more = two.processes - one.processes
    at = f"at {one.processes:,.0f} processes"
    found = [
        at_most(f"resident memory {at}", one.resident / MB, RESIDENT, "MB"),
        at_most("  for each process more", (two.resident - one.resident) / more / KB, GROWTH, "KB"),
        {
            **at_most("  kernel memory a process", one.kernel / one.processes / KB, KERNEL, "KB"),
            "note": source,
        },
        stated("  kernel memory for each process more", (two.kernel - one.kernel) / more / KB, "KB"),
    ]
    if one.group is not None:
        found.insert(1, stated(f"  the control group's memory {at}", one.group / MB, "MB"))
    return found
