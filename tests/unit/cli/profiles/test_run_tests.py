"""`nrdot profile test`: expectations run like unit tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CAPTURE = Path(__file__).parents[4] / "samples/captures/sample-host-7.jsonl.zst"
RULES = """\
profile: balanced
timezone: Europe/Berlin
time_based_rules: [{schedule: Sat-Sun, profile: aggressive}]
process_classification: {shop: {score: 0.9, patterns: ["^shop-"]}}
overrides:
  - {process: "payment-*", force_collect: true}
  - {process: gone, force_collect: true, expires: 2020-01-01}
label_based_scoring: [{selector: "tier=front", score: 1.0}]
"""


@pytest.fixture
def tested(command, tmp_path):
    """Runs expectations against `RULES`; gives the exit status and the failures of each."""
    (tmp_path / "rules.yaml").write_text(RULES)

    def tested(*expectations):
        file = tmp_path / "rules.test.yaml"
        lines = "".join(f"  - {one}\n" for one in expectations)
        file.write_text(f"configuration: rules.yaml\nexpect:\n{lines}")
        status, out, err = command("profile", "test", file, "--json")
        assert status in {0, 1}, err
        document = json.loads(out)
        (found,) = document["files"]
        assert document["failed"] == sum(not one["passed"] for one in found["tests"])
        assert status == (1 if document["failed"] else 0)
        assert [one["line"] for one in found["tests"]] == list(range(3, 3 + len(expectations)))
        return status, [one["failures"] for one in found["tests"]]

    return tested


def test_what_is_true_passes(tested):
    status, failures = tested(
        "{process: payment-gateway-1, verdict: KEEP, reason: never_filtered, never_filtered: true}",
        "{at: 'Sat 12:00', profile: aggressive, process: payment-1, verdict: KEEP}",
        "{at: 'Wed 12:00', profile: balanced}",
        "{process: shop-front, class: shop, score: '>= 0.5'}",
        "{process: {name: web, labels: {tier: front}}, score: '0.5..1'}",
        "{process: gone, never_filtered: false}",
    )
    assert (status, failures) == (0, [[]] * 6)


def test_what_is_not_fails_and_says_what_is_instead(tested):
    status, failures = tested(
        "{process: payment-1, verdict: ROLL_UP}",
        "{at: 'Sat 12:00', profile: balanced}",
        "{process: shop-1, class: office, score: < 0.3, reason: top_cpu}",
        "{at: Someday, profile: balanced}",
    )
    assert status == 1
    assert failures[0][0].startswith("payment-1 is KEEP (")
    assert failures[0][0].endswith(", not ROLL_UP")
    assert failures[1] == ["profile is aggressive (time_based_rules[0]: Sat-Sun), not balanced"]
    assert len(failures[2]) == 3
    assert "class shop, not office" in failures[2][0]
    assert "not < 0.3" in failures[2][1]
    assert failures[3][0].startswith("at: 'Someday' is not a time")


def test_a_capture_is_held_to_its_figures(tested):
    status, failures = tested(
        f"{{capture: {CAPTURE}, reduction: 10%, critical_coverage: 100%, kept: '>= 1'}}",
        f"{{capture: {CAPTURE}, reduction: 100%}}",
        f"{{capture: {CAPTURE}, cpu_coverage: 100%, kept: < 1}}",
        f"{{capture: {CAPTURE}, process: nobody-is-called-so, verdict: KEEP}}",
        f"{{capture: {CAPTURE}, process: systemd, class: no-such-class}}",
    )
    assert status == 1
    assert failures[0] == []
    assert failures[1][0].startswith("reduction is ")
    assert failures[2][-1].endswith("processes are kept, not < 1")
    assert failures[3] == ["no process of the capture is called nobody-is-called-so"]
    assert "not no-such-class" in failures[4][0]


def test_people_see_a_line_for_each_test_and_a_sum(command, tmp_path):
    file = tmp_path / "mine.test.yaml"
    file.write_text(
        "profile: balanced\nexpect:\n  - {name: a shell is summed, process: bash, verdict: ROLL_UP}\n"
        "  - {name: a shell is kept, process: bash, verdict: KEEP}\n"
    )
    status, out, _ = command("profile", "test", file)
    lines = out.splitlines()
    assert status == 1
    assert lines[0] == "ok      a shell is summed"
    assert lines[1] == f"FAILED  {file}:4: a shell is kept"
    assert lines[2].startswith("        bash is ROLL_UP (")
    assert lines[3] == "1 passed, 1 failed"


def test_tests_that_cannot_be_read_end_with_one_line(command, tmp_path):
    file = tmp_path / "bad.test.yaml"
    file.write_text("expect: [{process: a}]\n")
    status, out, err = command("profile", "test", file)
    assert (status, out) == (2, "")
    assert "this test expects nothing" in err
    assert len(err.splitlines()) == 1
