"""What the ledger adds to a tick, at the rhythm of an agent: samples each 15 s, exports and frames each 60 s.

A share is of all ticks together, because three of four only count and the fourth exports and writes.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from programs import HERE, mostly_idle, running
from rounds import side_by_side, spread
from scale import scale
from table import at_most, stated

if TYPE_CHECKING:
    from rounds import Rounds
    from table import Row

LIMIT = 2.0  # percent of a tick
FEW = 300  # processes
INTERVAL = 15  # seconds
MINUTE = 4  # ticks
CONFIG = "profile: balanced\nagent: {{interval: 15s, state_dir: {state}}}\n"


def run() -> list[Row]:
    rows = []
    for count in (scale().processes, min(FEW, scale().processes)):
        rounds = measured(count)
        shares = [
            100 * sum(rounds.column("ledger")[at : at + MINUTE]) / sum(rounds.column("cpu")[at : at + MINUTE])
            for at in range(0, len(rounds.all) - MINUTE + 1, MINUTE)
        ]
        share = 100 * sum(rounds.column("ledger")) / sum(rounds.column("cpu"))
        rows += [
            at_most(f"ledger, {count:,} extra processes, of a tick", share, LIMIT, "%", spread(shares)),
            stated("  ledger, a tick", sum(rounds.column("ledger")) / len(rounds.all) / 1000, "us"),
            stated("  rows, a minute", rows_a_minute(rounds), ""),
        ]
    return rows


def measured(count: int) -> Rounds:
    at = scale()
    with tempfile.TemporaryDirectory() as folder, running(mostly_idle(count)):
        config = Path(folder) / "nrdot.yaml"
        config.write_text(CONFIG.format(state=folder))
        program = HERE / "subjects" / "ledger.py"
        times = INTERVAL / at.pause
        command = [sys.executable, str(program), str(config), str(times)]
        return side_by_side({"ledger": command}, 2 * at.rounds, at.pause)["ledger"]


def rows_a_minute(rounds: Rounds) -> float:
    written = rounds.column("rows")
    frames = sum(later > before for before, later in pairwise(written))
    return (written[-1] - written[0]) / max(frames, 1)
