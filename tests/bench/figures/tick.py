"""A whole tick, from the sample to encoded bytes with every process on its own, against the loop in C."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from agents import EVERYTHING, configuration
from programs import HERE, all_active, compiled, mostly_idle, running
from rounds import ratio, ratio_spread, side_by_side, spread
from scale import scale
from table import at_least, at_most, stated

if TYPE_CHECKING:
    from programs import Crowd
    from rounds import Rounds
    from table import Row

IDLE, ACTIVE = 1.5, 3.5  # of the loop's CPU
SPEED = 5e6  # points a second
NOWHERE = "http://127.0.0.1:9"  # never opened: the subject's buffer keeps nothing


def run() -> list[Row]:
    ours, loop = beside_the_loop(mostly_idle(scale().processes))
    busy, busy_loop = beside_the_loop(all_active(scale().processes))
    return [
        at_most(
            "whole tick, 5 % active, tick / C loop", ratio(ours, loop), IDLE, "x", ratio_spread(ours, loop)
        ),
        *parts(ours, loop),
        at_most(
            "whole tick, all active, tick / C loop",
            ratio(busy, busy_loop),
            ACTIVE,
            "x",
            ratio_spread(busy, busy_loop),
        ),
        *parts(busy, busy_loop),
        encoding(ours),
    ]


def beside_the_loop(crowd: Crowd, text: str = EVERYTHING) -> tuple[Rounds, Rounds]:
    """The pipeline as a configuration wires it and the C loop, in turns over one crowd."""
    at = scale()
    with tempfile.TemporaryDirectory() as folder, running(crowd):
        config = configuration(Path(folder), NOWHERE, 1, text)
        commands = {
            "tick": [sys.executable, str(HERE / "subjects" / "tick.py"), str(config)],
            "loop": [str(compiled("loop"))],
        }
        results = side_by_side(commands, at.rounds, at.pause)
    return results["tick"], results["loop"]


def parts(ours: Rounds, loop: Rounds) -> list[Row]:
    """Where the time goes, in microseconds of CPU for each process and tick."""
    judging = sum(ours.us(stage) for stage in ("identify", "score", "decide", "aggregate"))
    return [
        stated("  C loop, a process", loop.us(), "us"),
        stated("  whole tick, a process", ours.us(), "us"),
        stated("    sample", ours.us("sample"), "us"),
        stated("    identify, score, decide, aggregate", judging, "us"),
        stated("    encode", ours.us("encode"), "us"),
        stated("  processes that moved, a tick", ours.median("moved"), ""),
        stated("  points, a tick", ours.median("points"), ""),
    ]


def encoding(ours: Rounds) -> Row:
    speeds = [1e9 * one["points"] / one["encode"] for one in ours.all]
    return at_least("encoding", sorted(speeds)[len(speeds) // 2], SPEED, "points/s", spread(speeds))
