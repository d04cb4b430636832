from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
ECHO = """
import json, sys
for number, _ in enumerate(sys.stdin):
    print(json.dumps({{"cpu": (number + 1) * {cost}, "processes": 2, "number": number}}), flush=True)
"""


@pytest.fixture
def bench(monkeypatch):
    """The bench's modules, which import each other as the neighbours that they are."""
    monkeypatch.syspath_prepend(str(BENCH))
    names = ("table", "machine", "programs", "rounds", "scale", "run")
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        sys.modules.pop(name, None)


def test_a_figure_within_its_reach_is_ok_and_one_beyond_is_not(bench):
    table = bench["table"]
    assert table.at_most("ratio", 1.5, 1.5, "x")["ok"] is True
    assert table.at_most("ratio", 1.6, 1.5, "x")["ok"] is False
    assert table.at_least("speed", 5e6, 5e6, "points/s")["ok"] is True
    assert table.at_least("speed", 4e6, 5e6, "points/s")["ok"] is False


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.4219, "1.42"), (0.01234, "0.0123"), (0, "0"), (5312345.6, "5,312,346"), (99.96, "100")],
)
def test_numbers_show_the_digits_that_count(bench, value, text):
    assert bench["table"].number(value) == text


def test_the_table_aligns_its_columns_and_names_the_machine(bench):
    table = bench["table"]
    rows = [
        table.at_most("whole tick", 1.42, 1.5, "x", "1.38 .. 1.47"),
        table.not_measured("against a peer", "at most 0.083", "no Go on this machine"),
    ]
    lines = table.render({"CPU": "Z80", "cores": "1"}, {"tick": rows}).splitlines()
    assert lines[0] == "CPU Z80; cores 1"
    assert lines[2:6] == [
        "| figure         | reach         | measured     | spread       | ok  |",
        "|----------------|---------------|--------------|--------------|-----|",
        "| whole tick     | at most 1.5   | 1.42 x       | 1.38 .. 1.47 | yes |",
        "| against a peer | at most 0.083 | not measured |              | -   |",
    ]
    assert lines[-1] == "against a peer: no Go on this machine"


def test_rows_with_only_the_required_fields_are_printed_too(bench):
    row = {"figure": "recall", "reach": "at least 0.95", "value": 0.971, "unit": "", "ok": True}
    assert "| recall | at least 0.95 | 0.971    |        | yes |" in bench["table"].render({}, {"x": [row]})


def test_the_json_document_holds_the_machine_and_every_row_with_its_group(bench, tmp_path):
    table = bench["table"]
    out = tmp_path / "bench.json"
    table.write_json(out, {"cores": "2"}, {"tick": [table.stated("loop", 7.1, "us")]})
    document = json.loads(out.read_text())
    assert document["machine"] == {"cores": "2"}
    assert document["figures"][0] == {
        "group": "tick",
        "figure": "loop",
        "reach": "",
        "value": 7.1,
        "unit": "us",
        "ok": None,
        "spread": "",
    }


def test_the_machine_is_described_from_proc(bench, tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast One\nmodel name\t: other\n")
    (tmp_path / "meminfo").write_text("MemTotal:       16000000 kB\nMemFree: 1 kB\n")
    machine = bench["machine"].describe(2000, tmp_path)
    assert (machine["CPU"], machine["memory"], machine["extra processes"]) == ("Fast One", "16 GB", "2000")


def test_a_machine_without_proc_is_described_all_the_same(bench, tmp_path):
    machine = bench["machine"].describe(1, tmp_path)
    assert machine["CPU"]
    assert machine["memory"] == "unknown"


def test_programs_take_turns_and_the_warm_up_is_left_out(bench):
    rounds = bench["rounds"]
    commands = {
        name: [sys.executable, "-c", ECHO.format(cost=cost)] for name, cost in (("ours", 3000), ("c", 1000))
    }
    results = rounds.side_by_side(commands, rounds=5, pause=0)
    assert results["ours"].column("number") == [4, 5, 6, 7, 8]
    assert results["c"].median("cpu") == 7000
    assert results["c"].us() == 3.5
    assert rounds.ratio(results["ours"], results["c"]) == 3
    assert rounds.ratio_spread(results["ours"], results["c"]) == "3 .. 3"


def test_a_program_that_ends_early_is_an_error_and_not_a_zero(bench):
    with pytest.raises(RuntimeError, match="ended before its last round"):
        bench["rounds"].side_by_side({"ours": [sys.executable, "-c", "input()"]}, rounds=1, pause=0)


def test_without_a_compiler_the_reference_says_why_it_is_missing(bench, monkeypatch, tmp_path):
    programs = bench["programs"]
    monkeypatch.setattr(programs, "BUILT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(programs.NotMeasurable, match="no C compiler"):
        programs.compiled("loop")


def test_a_group_that_cannot_be_measured_becomes_a_row_with_its_reason(bench, monkeypatch, tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "lacking.py").write_text(
        "from programs import NotMeasurable\ndef run():\n    raise NotMeasurable('no Go here')\n"
    )
    (tmp_path / "figures" / "broken.py").write_text("def run():\n    raise KeyError('x')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (lacking,) = bench["run"].measured("lacking")
    (broken,) = bench["run"].measured("broken")
    assert (lacking["ok"], lacking["note"]) == (None, "no Go here")
    assert (broken["ok"], broken["note"]) == (False, "KeyError: 'x'")


def test_every_group_that_the_bench_names_is_a_file_with_run(bench):
    for name in bench["run"].GROUPS:
        assert "\ndef run() -> list[" in (BENCH / "figures" / f"{name}.py").read_text()


def test_where_a_ticks_time_goes_is_told_by_stages_that_exist(bench, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH / "subjects"))
    clocked = importlib.import_module("clocked")
    for module, kind, method in clocked.STAGES.values():
        assert callable(getattr(getattr(importlib.import_module(module), kind), method))


def test_what_no_stage_took_is_told_as_well_and_the_largest_comes_first(bench):
    flame = importlib.import_module("flame")
    ticks = [{"cpu": 10_000_000, "sample": 6_000_000, "score": 1_000_000}] * 3
    lines = flame.table(ticks, 2_000, "balanced").splitlines()
    assert [line.split()[0] for line in lines[3:5]] == ["sample", "all"]
    assert lines[3].split() == ["sample", "6.00", "3.00", "60.0%"]
    assert lines[-1].split() == ["whole", "10.00", "5.00", "100.0%"]
