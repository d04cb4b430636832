"""`nrdot profile timeline` and `profile show --at`: what people see of time, and what scripts read."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

FILE = """
    profile: balanced
    timezone: America/New_York
    process_classification: {ours: {score: 1.0, patterns: ["^vital"]}}
    overrides: [{process: payment-*, force_collect: true}]
    scopes: [{profile: aggressive, process: "x*"}]
    canary: {percent: 100, profile: aggressive}
    region: europe
    time_based_rules: [{schedule: "Mon-Fri 09:00-18:00", profile: conservative, reason: Trading hours}]
    follow_the_sun: [{"UTC 00:00-08:00": Optimize Asia aggressively}]
    event_handling:
      launch: {start: 2027-02-02 12:00, duration: 1h, preparation: [{T+0h: Enable emergency capacity}]}
"""
MONDAY = "2027-02-01T00:00:00-05:00"


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "nrdot.yaml"
    file.write_text(dedent(FILE))
    return file


@pytest.fixture
def document(command, file):
    def document(*words):
        status, out, _ = command("profile", "timeline", file, "--json", *words)
        assert status == 0
        return json.loads(out)

    return document


def test_transitions_are_listed_to_the_minute_with_the_rule_that_decides(document):
    found = document("--from", "2027-02-01", "--days", "1")
    assert found["timezone"] == "America/New_York"
    assert [(one["from"], one["to"], one["profile"], one["rule"]) for one in found["transitions"]] == [
        (MONDAY, "2027-02-01T09:00:00-05:00", "balanced", "default"),
        (
            "2027-02-01T09:00:00-05:00",
            "2027-02-01T18:00:00-05:00",
            "conservative",
            "time_based_rules[0]: Mon-Fri 09:00-18:00",
        ),
        ("2027-02-01T18:00:00-05:00", "2027-02-02T00:00:00-05:00", "balanced", "default"),
    ]


@pytest.mark.parametrize(
    ("at", "moment", "profile"),
    [
        ("2027-02-01T14:00:00Z", "2027-02-01T09:00:00-05:00", "conservative"),
        ("2027-02-01 08:59", "2027-02-01T08:59:00-05:00", "balanced"),
    ],
)
def test_one_moment_is_asked_for_with_at(document, at, moment, profile):
    found = document("--at", at)
    assert (found["at"], found["profile"]) == (moment, profile)


def test_it_may_be_looked_at_as_another_region_or_host(document):
    asia = document("--at", "2027-02-06T02:00:00Z", "--region", "asia")
    assert (asia["profile"], asia["level"]) == ("aggressive", "follow_the_sun")
    canary = document("--at", "2027-02-06T02:00:00Z", "--host-id", "h1")
    assert (canary["profile"], canary["level"]) == ("aggressive", "canary")


def test_the_strip_shows_hours_of_the_viewers_zone_and_the_list_both_zones(command, file):
    words = ("--from", "2027-02-01 00:00", "--days", "2", "--zone", "Europe/Berlin")
    status, out, _ = command("profile", "timeline", file, *words)
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "Days and hours of Europe/Berlin"
    # Midnight in New York is six in the morning in Berlin; nine is three in the afternoon.
    assert lines[2] == "Mon 01 Feb  " + 12 * "·" + 18 * "b" + 18 * "c"
    assert lines[3] == "Tue 02 Feb  " + 30 * "b" + 6 * "c" + 2 * "C" + 10 * "c"
    assert lines[4] == "Wed 03 Feb  " + 12 * "b" + 36 * "·"
    assert "b  balanced" in out
    assert "capital" in out
    assert "Mon 2027-02-01 15:00" in out
    assert "Mon 2027-02-01 09:00" in out
    assert "Trading hours" in out
    assert "threshold x0.5, budget x2" in out


def test_a_long_timeline_has_a_row_for_each_week(command, file):
    status, out, _ = command(
        "profile", "timeline", file, "--from", "2027-02-01", "--days", "84", "--zone", "UTC"
    )
    assert status == 0
    rows = [line for line in out.splitlines() if line.startswith("Mon ") and "b" in line[12:]]
    assert len(rows) == 13
    assert "--json has them all" in out


def test_a_moment_tells_what_every_level_says(command, file):
    for words in (("timeline", file, "--at", "2027-02-02 12:30"), ("show", file, "--at", "2027-02-02 12:30")):
        status, out, _ = command("profile", *words)
        assert status == 0
        levels = [line.replace("►", " ").strip().partition("  ")[0] for line in out.splitlines()]
        order = [
            "never filtered",
            "force_collect",
            "event",
            "follow the sun",
            "time rule",
            "scope",
            "default",
        ]
        assert [level for level in levels if level in order] == order
        assert "classes ours" in out
        assert "payment-*" in out
        assert "► " + "  time rule" in out  # the event scales, the profile is the rule's
        assert "(set aside now)" in out
        assert "threshold x0.5, budget x2" in out


def test_what_holds_then_is_what_show_shows(command, file):
    status, out, _ = command("profile", "show", file, "--at", "2027-02-02 12:30", "--json")
    found = json.loads(out)
    assert status == 0
    assert found["values"]["profile"] == "conservative"
    assert f"{file}:9:" in found["origins"]["profile"]  # where the rule that decides names it
    assert found["values"]["threshold"] == 0.15
    assert found["holding"]["rule"] == "event_handling.launch T+0h"
    assert [one["level"] for one in found["precedence"] if one["decides"]] == ["time rule"]


def test_what_holds_is_asked_for_another_region_or_host(command, tmp_path):
    file = tmp_path / "nrdot.yaml"
    file.write_text(
        "profile: balanced\nregion: europe\ncanary: {percent: 50, profile: conservative}\n"
        "follow_the_sun: [{'UTC 00:00-08:00': Optimize Asia aggressively}]\n"
    )

    def profile(*words):
        out = command("profile", "show", file, "--at", "2027-02-02 06:30", "--json", *words)[1]
        return json.loads(out)["values"]["profile"]

    assert profile() == "balanced"
    assert profile("--region", "asia") == "aggressive"
    assert {profile("--host-id", f"edge-{number}") for number in range(8)} == {"balanced", "conservative"}


WRONG = {
    ("timeline", "nosuch.yaml"): "there is no such file",
    ("timeline", "FILE", "--at", "noon"): "'noon' is not a time",
    ("timeline", "FILE", "--from", "Mun 12:00"): "write 2027-01-31T18:00:00Z",
    ("timeline", "FILE", "--zone", "Mars/Olympus"): "--zone: 'Mars/Olympus' is not a time zone",
    ("timeline", "FILE", "--days", "0"): "--days",
    ("show", "balanced", "--at", "now"): "balanced is a profile",
    ("show", "FILE", "--region", "asia"): "--at says when",
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_wrong_use_is_told_in_a_line(command, file, words):
    status, _, err = command("profile", *(file if word == "FILE" else word for word in words))
    assert status == 2
    assert WRONG[words] in err
    assert "Traceback" not in err


def test_explain_judges_by_what_holds_now_and_names_the_rule(command, proc, tmp_path):
    file = tmp_path / "nrdot.yaml"
    file.write_text(
        "profile: aggressive\ntime_based_rules: [{schedule: '00:00-24:00', profile: conservative}]\n"
    )
    status, out, _ = command("explain", "payment-gateway", "-c", file, "--procfs", proc.root, "--json")
    found = json.loads(out)
    assert status == 0
    assert (found["profile"], found["profile_rule"]) == ("conservative", "time_based_rules[0]: 00:00-24:00")
    assert found["threshold"] == 0.3
