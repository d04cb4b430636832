"""`nrdot profile diff`: what differs in effect, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CAPTURE = Path(__file__).parents[4] / "samples/captures/sample-host-7.jsonl.zst"


@pytest.fixture
def diff(command, tmp_path):
    """Compares two documents; gives the exit status and what changed by path."""

    def diff(before, after, *options):
        sides = []
        for name, text in (("before.yaml", before), ("after.yaml", after)):
            (tmp_path / name).write_text(text)
            sides.append(tmp_path / name)
        status, out, _ = command("profile", "diff", *sides, "--json", *options)
        document = json.loads(out)
        assert document["equal"] is (status == 0)
        return status, {one["path"]: (one["before"], one["after"]) for one in document["changes"]}

    return diff


def test_texts_comments_and_order_make_no_difference(diff):
    before = "profile: balanced\noverrides:\n  - {process: a, force_collect: true, reason: because}\n"
    after = "# new\noverrides: [{force_collect: true, process: a}]\nprofile: balanced\nexport_interval: 1m\n"
    assert diff(before, after) == (0, {})
    swapped = "overrides: [{process: b, importance: 1}, {process: a, importance: 1}]\n"
    assert diff(swapped, "overrides: [{process: a, importance: 1}, {process: b, importance: 1}]\n") == (0, {})


def test_a_change_of_profile_shows_what_the_host_gets(diff):
    status, changes = diff("profile: balanced\n", "profile: aggressive\n")
    assert status == 1
    assert changes["profile"] == ("balanced", "aggressive")
    assert changes["threshold"] == ("0.6", "0.85")
    assert changes["export_interval"] == ("1m", "2m")


def test_an_entry_that_is_new_or_gone_is_one_line(diff):
    _, changes = diff(
        "process_classification: {a: {score: 0.5, patterns: [x]}}\n",
        "overrides: [{process: p, force_collect: true}]\n",
    )
    assert changes == {
        "process_classification.a": ("score: 0.5, patterns: x", "-"),
        "overrides.p": ("-", "process: p, force_collect: true"),
    }


def test_a_rule_about_time_that_is_new_is_one_line_and_nothing_is_told_that_reads_the_same(diff):
    rule = '{schedule: "Sat-Sun", profile: aggressive, reason: quiet}'
    _, changes = diff(
        "profile: balanced\n", f"profile: balanced\ntime_based_rules: [{rule}]\nauditLog: {{}}\n"
    )
    assert changes["time_based_rules[0]"] == ("-", "profile: aggressive, schedule: Sat-Sun")
    assert not [path for path in changes if path.startswith("time_based_rules[0].")]
    assert not [path for path, (before, after) in changes.items() if before == after]


def test_a_value_within_an_entry_is_told_by_its_name(diff):
    before = "overrides: [{process: x, importance: 1}, {process: p, importance: 0.5}]\n"
    after = "overrides: [{process: p, importance: 0.7}, {process: x, importance: 1}]\n"
    assert diff(before, after) == (1, {"overrides.p.importance": ("0.5", "0.7")})


def test_a_secret_that_changes_is_told_and_not_shown(diff, command, tmp_path):
    one = "export: [{otlp: {endpoint: 'http://c:4318', headers: {api-key: %s}}}]\n"
    status, changes = diff(one % "first-secret", one % "other-secret")
    assert status == 1
    ((path, values),) = changes.items()
    assert "headers" in path
    assert values[0] != values[1]
    assert "secret" not in str(values)


def test_a_capture_shows_who_moves_and_what_it_costs(command):
    status, out, _ = command("profile", "diff", "conservative", "aggressive", "--capture", CAPTURE, "--json")
    found = json.loads(out)["capture"]
    before, after = found["figures"]
    assert status == 1
    assert after["points_hourly"] < before["points_hourly"]
    assert after["kept"] < before["kept"]
    assert all(after["cost"][meter] < cost for meter, cost in before["cost"].items())
    moved = sum(
        one["count"] for one in found["processes"] if (one["before"], one["after"]) == ("KEEP", "ROLL_UP")
    )
    assert moved > 0
    status, out, _ = command("profile", "diff", "conservative", "aggressive", "--capture", CAPTURE)
    assert "points an hour" in out
    assert "roll up" in out


def test_equal_sides_say_so(command):
    assert command("profile", "diff", "balanced", "balanced")[:2] == (0, "nothing differs in effect\n")


def test_a_configuration_beside_a_profile_compares_the_profile_of_its_host(command, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text("profile: balanced\nmode: observe\nthreshold: 0.7\n")
    status, out, _ = command("profile", "diff", "balanced", file, "--json")
    assert status == 1
    assert json.loads(out)["changes"] == [{"path": "threshold", "before": "0.6", "after": "0.7"}]
