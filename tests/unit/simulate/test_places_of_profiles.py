"""What the shipped profiles make of a host with more processes than their budgets have places for."""

from __future__ import annotations

import pytest

from nrdot.checks.loading import load
from nrdot.simulate.run import simulate
from nrdot.stages import Verdict
from nrdot.testing.clock import NOON_NS
from nrdot.testing.recordings.captures import write_capture

SECOND = 1_000_000_000
PROCESSES, EVERY, TICKS = 5000, 10, 9
BUDGETS = {"conservative": 7000, "balanced": 980, "aggressive": 140}


def crowd():
    """Databases that sleep, and among them scripts that work: the first most, each next one less."""
    for number in range(TICKS):
        procs = []
        for place in range(PROCESSES):
            rank, rest = divmod(place, EVERY)
            share = 0.0 if rest else 0.06 / (rank + 1)
            procs.append(
                {
                    "pid": 1000 + place,
                    "start": NOON_NS - 1000 * SECOND,
                    "name": "postgres" if rest else f"job-{place % 40}",
                    "cpu_user": int(number * 1500 * share) / 100,
                    "cpu_system": 0.0,
                    "rss": 1_000_000 + 4096 * place,
                }
            )
        host = {"id": "h1", "cpus": 4, "boot": "b1"}
        yield {"v": 1, "t": NOON_NS + number * 15 * SECOND, "host": host, "procs": procs}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """By profile the share of CPU that kept processes used, and the distinct series, at the same interval."""
    folder = tmp_path_factory.mktemp("crowd")
    capture = write_capture(folder / "crowd.jsonl", crowd())
    return {name: outcome(folder, capture, name) for name in BUDGETS}


def outcome(folder, capture, name):
    config = folder / f"{name}.yaml"
    config.write_text(f"profile: {name}\nexport_interval: 15s\n")
    kept, used, series = 0.0, 0.0, set()

    def look(tick):
        nonlocal kept, used
        table, frame = tick.batch.table, tick.frame
        if frame is None:
            return
        kept += float(table.cpu[table.verdict == Verdict.KEEP].sum())
        used += float(table.cpu.sum())
        series.update(f"{pid}" for rows in (frame.opening, frame.steady) for pid in table.pid[rows].tolist())
        series.update(f"group {group.key}" for group in frame.groups)

    simulate(capture, load(config), progress=look)
    return kept / used, len(series) * 7


def test_who_pays_for_more_visibility_sees_more_of_the_cpu_by_name(outcomes):
    shares = [outcomes[name][0] for name in ("conservative", "balanced", "aggressive")]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] >= 0.8


def test_no_profile_sends_more_series_than_its_budget_has(outcomes):
    for name, budget in BUDGETS.items():
        assert outcomes[name][1] <= budget
