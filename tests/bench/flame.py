"""Where a tick's time goes: a flame graph of a running agent, and a table of CPU by stage.

    .venv/bin/python tests/bench/flame.py [--profile balanced] [--processes 2000] [--seconds 60] [-o FILE]

The agent samples and exports each second among as many processes as asked for. py-spy looks at it from
outside, 250 times a second, and counts waiting for the disk as time; the table counts CPU alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agents import DESTINATION, configuration
from programs import HERE, ROOT, mostly_idle, running
from whole import processes, program, sink

INTERVAL = 1  # seconds
WARM_UP = 8  # ticks
RATE = 250  # looks a second
REST = "all else"
PY_SPY = Path(sys.executable).with_name("py-spy")


def main() -> int:
    asked = arguments()
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, running(mostly_idle(asked.processes)), sink() as target:
        folder = Path(name)
        text = f"profile: {asked.profile}\n{DESTINATION}"
        config = configuration(folder, target.endpoint("agent"), INTERVAL, text)
        clocked = [sys.executable, str(HERE / "subjects" / "clocked.py"), str(folder / "ticks")]
        with program([*clocked, "agent", "-c", str(config)], folder / "agent.log") as pid:
            target.wait_for("agent")
            time.sleep(WARM_UP * INTERVAL)
            status = looked(pid, asked.seconds, asked.output)
            seen = processes()
        ticks = [json.loads(line) for line in (folder / "ticks").read_text().splitlines()[WARM_UP:]]
    print(table(ticks, seen, asked.profile))
    if status == 0:
        print(f"\nflame graph: {asked.output}")
    return status


def looked(pid: int, seconds: int, output: Path) -> int:
    """Have py-spy look at a process; 0 when it could."""
    command = [str(PY_SPY), "record", "--nonblocking", "--threads", "-r", str(RATE), "-d", str(seconds)]
    command += ["-o", str(output), "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        print(f"no flame graph: py-spy cannot look at the agent: {why}; try it as root", file=sys.stderr)
        time.sleep(seconds)
    return done.returncode


def table(ticks: list[dict[str, int]], seen: int, profile: str) -> str:
    """CPU by stage, medians over the ticks, the largest first."""
    from subjects.clocked import STAGES

    whole = statistics.median(tick["cpu"] for tick in ticks)
    found = {name: statistics.median(tick.get(name, 0) for tick in ticks) for name in STAGES}
    found[REST] = statistics.median(tick["cpu"] - sum(tick.get(name, 0) for name in STAGES) for tick in ticks)
    lines = [
        f"CPU of a tick under {profile}, {seen:,} processes, median of {len(ticks)} ticks",
        "",
        f"{'':12} {'ms':>8} {'us a process':>13} {'share':>7}",
    ]
    for name, spent in [*sorted(found.items(), key=lambda one: -one[1]), ("whole", whole)]:
        lines.append(f"{name:12} {spent / 1e6:8.2f} {spent / 1e3 / seen:13.2f} {spent / whole:7.1%}")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Where a tick's time goes: a flame graph and a table.")
    parser.add_argument("--profile", default="balanced", help="profile that the agent runs")
    parser.add_argument("--processes", type=int, default=2_000, help="processes to start beside it")
    parser.add_argument("--seconds", type=int, default=60, help="how long to look")
    parser.add_argument(
        "-o", "--output", type=Path, default=ROOT / "build" / "profile.svg", help="flame graph"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
