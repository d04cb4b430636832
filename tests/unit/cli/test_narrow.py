"""Tables on a terminal of eighty columns: a line stays a line, and no word is cut into pieces."""

from __future__ import annotations

import re

import pytest

from nrdot.checks.loading import load
from nrdot.config.reading.load import load_profile
from nrdot.simulate.run import simulate, under
from nrdot.testing.commands.console import typed
from nrdot.testing.recordings.captures import crowd, write_capture

COLUMNS = 80
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    monkeypatch.setenv("TERM", "dumb")


@pytest.fixture
def capture(tmp_path):
    return write_capture(tmp_path / "h1.jsonl", crowd(ticks=61))


def on_a_terminal(*words):
    """The lines that a command prints there."""
    return typed(*words, terminal=True).out.splitlines()


def test_profiles_stand_side_by_side_where_their_figures_do_not_fit_in_a_line(capture):
    lines = on_a_terminal("simulate", capture, "-p", "balanced", "-p", "aggressive", "-j", "1")
    assert all(len(line) <= COLUMNS for line in lines)
    heading = next(line.split() for line in lines if line.strip())
    assert heading == ["profile", "balanced", "aggressive"]
    assert any(line.strip().startswith("less, same interval") for line in lines)


def test_the_demo_cuts_no_word_into_pieces(capture, tmp_path):
    lines = on_a_terminal("demo", "--capture", capture, "-o", tmp_path / "demo.html")
    assert all(len(line) <= COLUMNS for line in lines)
    heading = next(line.split() for line in lines if line.strip())
    assert heading == ["no", "optimizer", "conservative", "balanced", "aggressive"]


@pytest.mark.parametrize("columns", [75, 40])
def test_the_demo_shows_fewer_columns_rather_than_pieces_of_words(capture, tmp_path, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")  # a dumb one has eighty columns, whatever is said
    out = on_a_terminal("demo", "--capture", capture, "-o", tmp_path / "demo.html")
    lines = [_STYLE.sub("", line).strip() for line in out]
    assert all(len(line) <= columns for line in lines)
    figures = {line.split("  ")[0]: line for line in lines if line.endswith(("%", "more", "-"))}
    assert {"no optimizer", "conservative", "balanced", "aggressive"} <= figures.keys()
    assert figures["balanced"].endswith("%")
    assert any(line.endswith("top cpu") for line in lines)
    words = {word for line in lines for word in line.split()}
    assert {"optimizer", "Prometheus", "Datadog"} <= words


def test_a_process_is_a_line_with_its_verdict_and_the_reason(proc):
    lines = on_a_terminal("scan", "--procfs", proc.root)
    shown = [line.split() for line in lines if line.strip()[:1].isdigit() and ":" not in line]
    assert {words[0] for words in shown} == {"1", "100", "101", "102", "103", "104", "105", "200"}
    assert all("keep" in words or "roll" in words for words in shown)
    assert all(len(line) <= COLUMNS for line in lines)


@pytest.mark.parametrize("columns", [60, 45])
def test_names_and_verdicts_are_the_last_to_go(proc, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")  # a dumb one has eighty columns, whatever is said
    lines = [_STYLE.sub("", line) for line in on_a_terminal("scan", "--procfs", proc.root)]
    shown = [line.split() for line in lines if line.strip()[:1].isdigit() and ":" not in line]
    assert len(shown) == 8
    assert all(len(words[1]) >= 6 and words[4] in ("keep", "roll") for words in shown)
    assert all(len(line) <= columns for line in lines if "processes under" not in line)


def test_a_report_names_each_meter_in_one_line_and_shows_as_many_columns_as_fit(capture, tmp_path):
    balanced = under(load(None), "balanced", load_profile("balanced", tmp_path, {}))
    simulate(capture, balanced, ledger=tmp_path / "ledger")
    lines = on_a_terminal("report", "--ledger", tmp_path / "ledger")
    assert all(len(line) <= COLUMNS for line in lines)
    assert sum(line.split()[:1] == ["new_relic_data_plus_eu"] for line in lines) == 1
    lines = on_a_terminal("report", "--ledger", tmp_path / "ledger", "--kind", "criticality", "--by", "unit")
    assert all(len(line) <= COLUMNS for line in lines)
    assert any("more columns; --format html or json has them" in line for line in lines)


def test_columns_that_a_build_server_exports_do_not_fold_what_goes_into_a_pipe(proc, monkeypatch):
    told = typed("scan", "--procfs", proc.root).out.splitlines()
    monkeypatch.delenv("COLUMNS")
    untold = typed("scan", "--procfs", proc.root).out.splitlines()
    headings = [next(line for line in lines if line.split()[:1] == ["pid"]) for lines in (told, untold)]
    assert headings[0] == headings[1]
    assert "class" in headings[0].split()
