"""What the race runs: trees, loads, intervals and rounds; the whole of it, or a smoke run of seconds."""

from __future__ import annotations

from dataclasses import dataclass

CHURN = 50  # births a second
LIFE = 1000  # milliseconds of each
ACTIVE = {"idle": 0.0, "mixed": 0.05, "active": 1.0, "churn": 0.05}  # share of the processes that work
PERIOD = {"mixed": 250, "active": 1000, "churn": 250}  # milliseconds between two pieces of work
LOADS = {
    "idle": "nobody works",
    "mixed": f"{ACTIVE['mixed']:.0%} work every {PERIOD['mixed']} ms, a few of them far more than the rest",
    "active": f"all work every {PERIOD['active']} ms, a few of them far more than the rest",
    "churn": f"mixed, and {CHURN} processes a second begin, work a little and end after {LIFE} ms",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One tree under one load; every contestant takes its turn on it in every round."""

    processes: int
    load: str
    interval: int  # seconds between two looks, for every contestant
    ticks: int  # measured in each turn

    @property
    def name(self) -> str:
        return f"{self.processes} {self.load}"


@dataclass(frozen=True, slots=True)
class Plan:
    cells: tuple[Cell, ...]
    rounds: int
    culprit_tree: int
    culprit_interval: int
    culprit_lasts: int  # looks that each culprit lasts
    culprit_settle: int  # looks before the first culprit
    queries: int
    hour: int  # seconds of samples that the dashboard's query looks at

    @property
    def main(self) -> Cell:
        """The tree that the page opens with, and whose series fill the dashboard: mixed, of middle size."""
        mixed = [cell for cell in self.cells if cell.load == "mixed"]
        return mixed[len(mixed) // 2]


# Ten thousand processes take the slowest contestant longer than a second.
FULL = Plan(
    cells=(
        Cell(200, "mixed", interval=1, ticks=1),
        Cell(2_000, "mixed", interval=1, ticks=2),
        Cell(2_000, "idle", interval=1, ticks=1),
        Cell(2_000, "active", interval=1, ticks=1),
        Cell(2_000, "churn", interval=1, ticks=1),
        Cell(10_000, "mixed", interval=3, ticks=1),
    ),
    rounds=5,
    culprit_tree=500,
    culprit_interval=2,
    culprit_lasts=10,
    culprit_settle=15,
    queries=15,
    hour=3600,
)
QUICK = Plan(
    cells=(Cell(60, "mixed", interval=1, ticks=1),),
    rounds=1,
    culprit_tree=60,
    culprit_interval=1,
    culprit_lasts=6,
    culprit_settle=5,
    queries=3,
    hour=600,
)
