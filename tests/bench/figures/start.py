"""From the command line to the first export at the sink, beside the second that the two samples are apart.

The least of several starts, because what else the machine does can only add to it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents import agent_command, configuration
from programs import mostly_idle, running
from scale import scale
from table import Row, at_most, stated
from whole import sink

if TYPE_CHECKING:
    from whole import Sink

RUNS = 5
APART = 1.0  # seconds between the two samples of --once
REACH = 1.0


@dataclass(frozen=True, slots=True)
class Start:
    seconds: float  # to the first export
    cpu: float  # seconds, of the whole run


def run() -> list[Row]:
    with running(mostly_idle(scale().processes)), sink() as target:
        starts = [once(target, f"agent{number}") for number in range(RUNS)]
    seconds = sorted(start.seconds for start in starts)
    spread = f"{seconds[0]:.3g} .. {seconds[-1]:.3g}"
    return [
        at_most("cold start to first export, beside the interval", seconds[0], REACH, "s", spread),
        stated("  CPU of that whole run", min(start.cpu for start in starts), "s"),
    ]


def once(target: Sink, name: str) -> Start:
    with tempfile.TemporaryDirectory() as folder:
        command = agent_command(configuration(Path(folder), target.endpoint(name), interval=1), "--once")
        began = time.time_ns()
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"nrdot agent --once ended with status {process.returncode}")
        first = target.wait_for(name).first
    return Start((first - began) / 1e9 - APART, usage.ru_utime + usage.ru_stime)
