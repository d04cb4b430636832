"""Tables on a terminal of eighty columns: a line stays a line, and no word is cut into pieces."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from nrdot.checks.loading import load
from nrdot.config.load import load_profile
from nrdot.simulate.run import simulate, under
from nrdot.testing.captures import crowd, write_capture

CAPTURE = Path(__file__).parents[3] / "samples/captures/sample-host-7.jsonl.zst"
COLUMNS = 80


def on_a_terminal(*arguments):
    """What a command prints to a terminal of that width."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": str(COLUMNS), "TERM": "dumb"}
    with subprocess.Popen(
        [sys.executable, "-m", "nrdot", *map(str, arguments)],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=environment,
    ):
        os.close(theirs)
        pieces = []
        try:
            while piece := os.read(ours, 65536):
                pieces.append(piece)
        except OSError:  # what Linux says when the other end is closed
            pass
    os.close(ours)
    return b"".join(pieces).decode().replace("\r", "").splitlines()


def test_profiles_stand_side_by_side_where_their_figures_do_not_fit_in_a_line():
    lines = on_a_terminal("simulate", CAPTURE, "-p", "balanced", "-p", "aggressive")
    assert all(len(line) <= COLUMNS for line in lines)
    heading = next(line.split() for line in lines if line.strip())
    assert heading == ["profile", "balanced", "aggressive"]
    assert any(line.strip().startswith("less, same interval") for line in lines)


def test_the_demo_cuts_no_word_into_pieces(tmp_path):
    lines = on_a_terminal("demo", "--capture", CAPTURE, "-o", tmp_path / "demo.html")
    assert all(len(line) <= COLUMNS for line in lines)
    heading = next(line.split() for line in lines if line.strip())
    assert heading == ["no", "optimizer", "conservative", "balanced", "aggressive"]


def test_a_process_is_a_line_with_its_verdict_and_the_reason(proc):
    lines = on_a_terminal("scan", "--procfs", proc.root)
    shown = [line.split() for line in lines if line.strip()[:1].isdigit() and ":" not in line]
    assert {words[0] for words in shown} == {"1", "100", "101", "102", "103", "104", "105", "200"}
    assert all("keep" in words or "roll" in words for words in shown)
    assert all(len(line) <= COLUMNS for line in lines)


def test_a_report_names_each_meter_in_one_line_and_shows_as_many_columns_as_fit(tmp_path):
    capture = write_capture(tmp_path / "h1.jsonl", crowd(ticks=61))
    balanced = under(load(None), "balanced", load_profile("balanced", tmp_path, {}))
    simulate(capture, balanced, ledger=tmp_path / "ledger")
    lines = on_a_terminal("report", "--ledger", tmp_path / "ledger")
    assert all(len(line) <= COLUMNS for line in lines)
    assert sum(line.split()[:1] == ["new_relic_data_plus_eu"] for line in lines) == 1
    lines = on_a_terminal("report", "--ledger", tmp_path / "ledger", "--kind", "criticality", "--by", "unit")
    assert all(len(line) <= COLUMNS for line in lines)
    assert any("more columns; --format html or json has them" in line for line in lines)
