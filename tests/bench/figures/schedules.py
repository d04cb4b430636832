"""What a timetable of 500 rules costs, and whether it agrees with the clock on the wall at every minute."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scale import QUICK
from table import at_most, stated

from nrdot.config.reading.load import load
from nrdot.govern.course import SECOND, course
from nrdot.testing.plain.schedules import ZONES, Walk, configured, random_rules, segments_by_minute

if TYPE_CHECKING:
    from table import Row

RULES = 500
TICK = 50.0  # us
TIMELINE = 2.0  # s
WEEK = 7 * 86_400
START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
END = int(datetime(2028, 1, 1, tzinfo=UTC).timestamp())


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "nrdot.yaml"
        rules = random_rules(random.Random(5), "America/New_York", RULES)
        file.write_text("profile: balanced\ntime_based_rules:\n" + "".join(rule.text for rule in rules))
        ticks = each_tick(file)
        seconds = [timeline(file) for _ in range(1 if os.environ.get(QUICK) else 3)]
    wrong, compared = walked()
    return [
        at_most(f"{RULES} time rules, a tick", statistics.mean(ticks), TICK, "us"),
        stated("  the dearest tick, which lays out a day", max(ticks) / 1000, "ms"),
        at_most(f"timeline --days 365, {RULES} rules", statistics.median(seconds), TIMELINE, "s"),
        at_most("minutes that disagree with a walk of two years", wrong, 0, "minutes"),
        stated(f"  minutes compared, {len(ZONES)} zones", compared, "minutes"),
    ]


def each_tick(file: Path) -> list[float]:
    """Microseconds of each look at the time, a week of ticks every 15 seconds."""
    now = course(load(file, {}), "h1", START * SECOND)
    found = []
    for moment in range(START, START + WEEK, 15):
        began = time.perf_counter_ns()
        turned = now.turned(moment * SECOND)
        found.append((time.perf_counter_ns() - began) / 1000)
        now = turned or now
    return found


def timeline(file: Path) -> float:
    """Seconds of the whole command, the interpreter's start included."""
    words = [sys.executable, "-m", "nrdot", "profile", "timeline", file, "--days", "365", "--json"]
    began = time.monotonic()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def walked() -> tuple[int, int]:
    """Minutes at which the timetable and the clock on the wall disagree, and minutes compared."""
    end = START + 30 * 86_400 if os.environ.get(QUICK) else END
    walk = Walk(START, end, probe=1)
    wrong = compared = 0
    for zone in ZONES:
        for seed in range(1 if os.environ.get(QUICK) else 4):
            rules = random_rules(random.Random(f"{zone} {seed}"), zone, 10)
            holdings, places = segments_by_minute(configured(rules).between(START, end))
            numbers = np.array([_number(holding.rule) for holding in holdings])
            expected = walk.decides(rules)
            wrong += int(np.count_nonzero(numbers[places] != expected))
            compared += len(expected)
    return wrong, compared


def _number(rule: str) -> int:
    return -1 if rule == "default" else int(rule.partition("[")[2].partition("]")[0])
