"""From the command line to the first export at the sink, beside the second that the two samples are apart.

The least of several starts, because what else the machine does can only add to it.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from agents import agent_command, configuration
from programs import mostly_idle, running
from scale import scale
from table import Row, at_most
from whole import sink

RUNS = 5
APART = 1.0  # seconds between the two samples of --once
REACH = 1.0


def run() -> list[Row]:
    with running(mostly_idle(scale().processes)), sink() as target:
        seconds = [
            once(target.endpoint(f"agent{number}"), target, f"agent{number}") for number in range(RUNS)
        ]
    figure = "cold start to first export, beside the interval"
    return [at_most(figure, min(seconds), REACH, "s", f"{min(seconds):.3g} .. {max(seconds):.3g}")]


def once(endpoint: str, target, name: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = agent_command(configuration(Path(folder), endpoint, interval=1), "--once")
        began = time.time_ns()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return (target.wait_for(name).first - began) / 1e9 - APART
