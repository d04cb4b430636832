"""The race beside the real peers, in a smoke run: all take part, and what is written holds together."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RACE = Path(__file__).resolve().parents[1] / "bench" / "race" / "race.py"
PEERS = {"collector", "collector-filter", "process-exporter", "netdata", "psutil"}
PROFILES = {f"nrdot-{name}" for name in ("off", "conservative", "balanced", "aggressive")}


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    done = subprocess.run(
        [sys.executable, str(RACE), "--quick", "--out", str(out)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return out


def test_everybody_takes_part_and_costs_and_sends_something(raced):
    results = json.loads((raced / "race" / "results.json").read_text())
    assert results["missing"] == {}
    (cell,) = results["cells"]
    assert set(cell["scores"]) == PEERS | PROFILES
    for name, score in cell["scores"].items():
        for measure in ("cpu", "resident", "points", "wire", "size"):
            assert score[measure]["median"] > 0, f"{name}: {measure}"
        assert score["series"] > 0, name
        assert score["shown"] > 0.3, f"{name} shows too little CPU to have been read right"


def test_what_exports_every_process_names_every_culprit_but_the_storm(raced):
    found = json.loads((raced / "race" / "results.json").read_text())["culprits"]["found"]
    for name in ("nrdot-off", "collector", "psutil"):
        outcomes = {kind: one["outcome"] for kind, one in found[name].items() if kind != "storm"}
        assert set(outcomes.values()) == {"named"}, f"{name}: {outcomes}"
    assert found["process-exporter"]["burst"]["outcome"] == "group"  # it knows the pool alone


def test_the_panel_of_a_dashboard_is_drawn_from_every_set_of_series(raced):
    sets = json.loads((raced / "race" / "results.json").read_text())["dashboard"]["sets"]
    assert set(sets) == {"nrdot-off", "collector", "nrdot-balanced"}
    assert all(one["answered"] > 0 and one["median"] > 0 for one in sets.values())
    assert sets["nrdot-balanced"]["series"] < sets["nrdot-off"]["series"]


def test_the_page_shows_everybody_and_its_charts_exist(raced):
    page = (raced / "race.md").read_text()
    for contestant in json.loads((raced / "race" / "results.json").read_text())["contestants"]:
        assert f"| {contestant['title']} |" in page
        assert f"### {contestant['title']} {contestant['version']}" in page
    pictures = [line.partition("](")[2].rstrip(")") for line in page.splitlines() if line.startswith("![")]
    assert pictures
    assert all((raced / picture).read_text().startswith("<svg") for picture in pictures)
