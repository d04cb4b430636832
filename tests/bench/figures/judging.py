"""What scoring, deciding and aggregating cost under the balanced profile, with all five parts of the score.

Every tick exports, which a profile's own interval does not ask for: the dearest case.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from agents import DESTINATION
from figures.tick import beside_the_loop, parts
from programs import mostly_idle
from rounds import ratio, ratio_spread, spread
from scale import scale
from table import at_most, stated

if TYPE_CHECKING:
    from table import Row

WHOLE, SHARE = 1.5, 0.5
STAGES = ("score", "decide", "aggregate")

INCIDENTS = "time,service,severity\n2026-11-01T00:00:00Z,crowd-cache,P1\n2026-10-01T00:00:00Z,crowd-cron,P3\n"
BALANCED = (
    """\
profile: balanced
labels: {{tier: bench}}
label_based_scoring:
  - selector: tier=bench
    score_modifier: 0.05
business_rules:
  - process: crowd-api
    score: 0.8
incidents: {{file: "INCIDENT_FILE"}}
"""
    + DESTINATION
)


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        incidents = Path(folder) / "incidents.csv"
        incidents.write_text(INCIDENTS)
        text = BALANCED.replace("INCIDENT_FILE", str(incidents))
        ours, loop = beside_the_loop(mostly_idle(scale().processes), text)
    shares = [sum(one[stage] for stage in STAGES) / one["cpu"] for one in ours.all]
    share = sum(ours.median(stage) for stage in STAGES) / ours.median("cpu")
    return [
        at_most(
            "whole tick, balanced, tick / C loop", ratio(ours, loop), WHOLE, "x", ratio_spread(ours, loop)
        ),
        at_most("  of it score, decide and aggregate", share, SHARE, "of the tick", spread(shares)),
        *parts(ours, loop),
        stated("  parts of the score that spoke", ours.median("parts"), "of 5"),
        stated("  processes kept", ours.median("series"), ""),
    ]
