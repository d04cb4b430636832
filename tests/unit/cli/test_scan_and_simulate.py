"""`nrdot scan` over a machine and `nrdot simulate` over a capture, both invented by the test."""

from __future__ import annotations

import json

import pytest

from nrdot.simulate.money import margins
from nrdot.testing.recordings.captures import workers, write_capture
from nrdot.testing.recordings.models import save_stump

PROCESSES, SAMPLES, SPACING = 50, 41, 15
RULES = """
profile: balanced
overrides:
  - {process: "payment-gatway*", force_collect: true}
  - {process: "worker-*", importance: 0.1}
"""


@pytest.fixture
def capture(tmp_path):
    """Ten minutes of fifty processes, of which two use CPU."""
    ticks = workers(PROCESSES, ticks=SAMPLES, spacing=SPACING, busy=2, first="payment-gateway")
    return write_capture(tmp_path / "capture.jsonl", ticks)


def test_the_document_has_the_savings_of_each_meter_in_dollars_a_month(command, capture):
    status, out, _ = command("simulate", capture, "-p", "aggressive", "--json")
    found = json.loads(out)["profiles"]["aggressive"]
    assert status == 0
    assert found["points_unoptimized"] == PROCESSES * 7 * 10
    assert set(found["savings"]) == {meter.key for meter in margins()}
    month = 730 * 3600 / (SPACING * (SAMPLES - 1))
    fewer = found["points_unoptimized"] - found["points"]
    assert found["savings"]["google_prometheus"] == pytest.approx(fewer * month / 1e6 * 0.06, abs=0.01)
    smaller = found["bytes_unoptimized"] - found["bytes"]
    assert found["savings"]["new_relic"] == pytest.approx(smaller * month / 1e9 * 0.30, abs=0.01)


def test_what_nobody_sent_is_as_large_as_it_would_have_been(command, capture, tmp_path):
    everything = tmp_path / "everything.yaml"
    everything.write_text(
        "profile: all\n"
        "series: {zero_points: false, end_markers: false}\n"
        "profiles: {all: {full_visibility: true, budget: 0, export_interval: 60s}}\n"
    )
    found = json.loads(command("simulate", capture, "-c", everything, "--json")[1])["profiles"]["all"]
    assert found["points"] == found["points_unoptimized"]
    # A request has its own head besides, once for each export.
    assert found["bytes"] == pytest.approx(found["bytes_unoptimized"], rel=0.01)


def test_an_override_that_no_capture_answers_to_is_a_warning_with_the_nearest_names(
    command, capture, tmp_path
):
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    status, out, error = command("simulate", capture, "-c", rules, "--json")
    assert status == 0
    assert json.loads(out)["profiles"]["balanced"]["critical"] == {"seen": 0, "exported": 0}
    told = (
        "nrdot: warning: overrides 'payment-gatway*': no process has this name; "
        "nearest: payment-gateway; it has no effect so far"
    )
    assert [line for line in error.splitlines() if "warning" in line] == [told]


@pytest.mark.parametrize("command_line", [("scan",), ("explain", "worker")])
def test_scan_and_explain_warn_of_overrides_that_match_nothing(command, proc, tmp_path, command_line):
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    status, _, error = command(*command_line, "-c", rules, "--procfs", proc.root)
    assert status == 0
    assert "overrides 'payment-gatway*': no process has this name; nearest: payment-gateway" in error


def test_an_observing_scan_tells_what_the_profile_would_keep(command, proc, tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("mode: observe\nprofile: aggressive\n")
    totals = json.loads(command("scan", "-c", rules, "--procfs", proc.root, "--json")[1])["totals"]
    assert totals["kept"] == totals["seen"] > totals["would_keep"] > 0
    _, out, _ = command("scan", "-c", rules, "--procfs", proc.root)
    assert f"aggressive would keep {totals['would_keep']} by themselves" in out


def test_a_scan_names_the_profile_that_holds_now(command, proc, tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "profile: balanced\ntime_based_rules: [{schedule: '00:00-24:00', profile: aggressive}]\n"
    )
    assert "processes under aggressive: " in command("scan", "-c", rules, "--procfs", proc.root)[1]
    assert "processes under conservative: " in command("scan", "--procfs", proc.root)[1]


def test_a_model_that_is_refused_is_named_with_the_reason(command, proc, tmp_path, caplog):
    model = tmp_path / "model.json"
    model.write_text("{}")
    rules = tmp_path / "rules.yaml"
    rules.write_text(f"model: {{file: '{model}'}}\n")
    status, _, _ = command("scan", "-c", rules, "--procfs", proc.root)
    assert status == 0
    told = f"model {model}: is not a model of NRDOT's; scoring goes on by rules alone"
    assert [record.message for record in caplog.records] == [told]


def test_only_the_model_that_the_configuration_pins_is_used(command, proc, tmp_path, caplog):
    model, rules = tmp_path / "model.json", tmp_path / "rules.yaml"
    digest = save_stump(model)

    def explained(pinned):
        rules.write_text(f"model: {{file: '{model}', sha256: '{pinned}'}}\n")
        document = command("explain", "payment-gateway", "--json", "-c", rules, "--procfs", proc.root)[1]
        return next(part["value"] for part in json.loads(document)["parts"] if part["name"] == "model")

    assert explained(digest) is not None
    assert not caplog.records
    assert explained("0" * 64) is None
    assert f"has the checksum {digest[:12]}..., and model.sha256 names another" in caplog.text


def test_a_capture_that_ends_before_the_baseline_exports_has_no_money_and_says_so(command, capture):
    lines = capture.read_text().splitlines(keepends=True)
    capture.write_text("".join(lines[:3]))
    shown = command("simulate", capture, "-p", "balanced")[1]
    assert "30 s a capture are little" in shown
    assert "USD a month" not in shown
    capture.write_text("".join(lines))
    assert "a capture are little" not in command("simulate", capture, "-p", "balanced")[1]


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_several_captures_warn_of_is_one_line_in_the_command_s_own_words(
    command, capture, tmp_path, jobs
):
    model, rules = tmp_path / "model.json", tmp_path / "rules.yaml"
    model.write_text("none")
    rules.write_text(f"profile: balanced\nmodel: {{file: {model}}}\n")
    status, _, error = command("simulate", capture, capture, "-c", rules, "-j", jobs)
    line = f"nrdot: error: model {model}: is not a model of NRDOT's; scoring goes on by rules alone"
    assert (status, error.splitlines().count(line)) == (0, 1)
    assert "is not a model" not in error.replace(line, "")


def test_a_directory_is_no_capture_and_its_files_may_be(command, tmp_path):
    status, _, error = command("simulate", tmp_path)
    assert status == 2
    assert (
        error == f"nrdot: {tmp_path}: a directory is no capture; name the files in it, {tmp_path}/*.jsonl*\n"
    )
