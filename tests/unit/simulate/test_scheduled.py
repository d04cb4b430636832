"""A capture under a timetable: its own time decides which profile holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from nrdot.cli.run import run
from nrdot.config.reading.load import load
from nrdot.simulate.run import simulate
from nrdot.stages import Verdict
from nrdot.testing.recordings.captures import crowd, write_capture

LITTLE = "threshold: 1.0, export_interval: 15s, hold: 0s, grace: 0s, anomaly: {enabled: false}"
FILE = f"""
profile: little
agent: {{interval: 15s}}
profiles:
  little: {{{LITTLE}, top_n: {{cpu: 0, memory: 0, io: 0, cpu_coverage: 0%}}}}
  everything: {{full_visibility: true, export_interval: 15s, budget: 0, hold: 0s}}
time_based_rules: [{{schedule: "12:05-12:07", profile: everything}}]
"""


@pytest.fixture
def capture(tmp_path):
    return write_capture(tmp_path / "capture.jsonl", crowd(ticks=40, busy=0.0, churn=0.0, renames=0.0))


@pytest.fixture
def configuration(tmp_path):
    file = tmp_path / "nrdot.yaml"
    file.write_text(FILE)
    return load(file, {})


def kept_by_minute(capture, configuration, **settings):
    kept = {}

    def look(tick):
        if tick.frame is not None and tick.frame.whole:
            minute = datetime.fromtimestamp(tick.batch.time_ns / 1e9, UTC).minute
            verdicts = tick.batch.table.verdict[tick.batch.living]
            kept[minute] = bool(np.all(verdicts == Verdict.KEEP))

    simulate(capture, configuration, progress=look, **settings)
    return kept


def test_the_profile_changes_at_the_captures_minute(capture, configuration):
    kept = kept_by_minute(capture, configuration, scheduled=True)
    assert {minute for minute, everything in kept.items() if everything} == {5, 6}


def test_without_its_timetable_one_profile_holds(capture, configuration):
    assert not any(kept_by_minute(capture, configuration).values())


def test_simulate_follows_the_file_unless_a_profile_is_named(capsys, capture, configuration):
    points = []
    for words in ((), ("--profile", "little")):
        assert run(["simulate", str(capture), "-c", configuration.file, "--json", *words]) == 0
        points.append(json.loads(capsys.readouterr().out)["profiles"]["little"]["points"])
    assert points[0] > 1.5 * points[1]
