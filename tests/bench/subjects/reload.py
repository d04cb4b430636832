"""An agent on invented processes whose file changes again and again: how late its ticks are.

    reload.py FOLDER PROCESSES SECONDS

Prints one JSON object: seconds that each tick began behind its place on the grid, before any change and with
changes, and how long the changes took.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from nrdot.agent.loop.daemon import Daemon
from nrdot.agent.source import begin
from nrdot.agent.start import Agent
from nrdot.clock import SystemClock
from nrdot.testing.hosts.procfs import FakeProcfs

INTERVAL = 1.0
QUIET = 6.0  # seconds before the first change
CHANGES = 17  # between two ticks, so that they come at every moment of the grid
CONFIGURATION = """\
profile: {profile}
export_interval: 1s
agent: {{interval: 1s, procfs: {procfs}, state_dir: {state}, cpu_budget: 100%, listen: "", log_level: error}}
"""


def main() -> None:
    folder, processes, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    ticks: list[float] = []
    reloads: list[tuple[float, float]] = []
    with FakeProcfs(folder / "proc") as tree:
        for pid in range(1, processes + 1):
            tree.add(pid, f"worker-{pid % 200}", rss=1 << 20)
        file = folder / "nrdot.yaml"

        def write(profile: str) -> None:
            file.write_text(CONFIGURATION.format(profile=profile, procfs=tree.root, state=folder / "state"))

        write("balanced")
        observe(ticks, reloads)
        clock = SystemClock()
        agent = Agent(begin(file, clock), clock)
        threading.Thread(target=change, args=(write, seconds), daemon=True).start()
        agent.run(duration=seconds)
    began = ticks[0] + QUIET
    late = [moment % INTERVAL for moment in ticks[1:]]  # the first one comes at once, off the grid
    print(
        json.dumps(
            {
                "before": [gap for gap, moment in zip(late, ticks[1:], strict=True) if moment < began],
                "with": [gap for gap, moment in zip(late, ticks[1:], strict=True) if moment >= began],
                "reloads": [end - start for start, end in reloads],
            }
        )
    )


def observe(ticks: list[float], reloads: list[tuple[float, float]]) -> None:
    """Note when ticks begin and how long reloads take, on the daemon's own thread."""
    tick, renew = Daemon._tick, Daemon._renew

    def timed_tick(daemon: Daemon) -> bool:
        ticks.append(time.time())
        return tick(daemon)

    def timed_renew(daemon: Daemon) -> None:
        start = time.perf_counter()
        renew(daemon)
        reloads.append((start, time.perf_counter()))

    Daemon._tick, Daemon._renew = timed_tick, timed_renew


def change(write: object, seconds: float) -> None:
    """Another profile and a hangup, ever at another moment between two ticks."""
    time.sleep(QUIET)
    number, end = 0, time.monotonic() + seconds - QUIET - 2
    while time.monotonic() < end:
        number += 1
        write("aggressive" if number % 2 else "balanced")
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(2 * INTERVAL + INTERVAL * (number % CHANGES) / CHANGES)


if __name__ == "__main__":
    main()
