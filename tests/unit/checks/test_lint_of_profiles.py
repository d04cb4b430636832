"""Profiles, scopes and drop rules that are legal and cannot be meant."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from nrdot.checks.loading import lint

ROOT = Path(__file__).parents[3]


NOTHING = "threshold: 1\ntop_n: {cpu: 0, memory: 0, io: 0}\ngrace: 0s\nanomaly: {enabled: false}"


@pytest.fixture
def said(tmp_path):
    def said(text, name="rules.yaml"):
        file = tmp_path / name
        file.write_text(dedent(text))
        problems = lint(file)
        assert {problem.severity.value for problem in problems} <= {"warning"}, [str(one) for one in problems]
        return [f"{one.line}: {one.path}: {one.message}" for one in problems]

    return said


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("threshold: 0", "threshold", "keeps every process"),
        (NOTHING, "threshold", "nothing is ever kept"),
        (
            "full_visibility: true\nthreshold: 0.5",
            "threshold",
            "keeps every process, so this decides nothing",
        ),
        ("aggregation: false\ntop_n: {cpu: 3}", "top_n", "`aggregation: false` keeps every process"),
        ("budget: 100", "budget", "has no room for a process"),
        ("budget: 600\nroll_up: {groups: 90}", "budget", "90 groups of 8 series may take 720"),
        ("export_interval: 20s", "export_interval", "exports come every 30 s"),
        ("agent: {interval: 7s}", "agent.interval", "15 s is no multiple of `agent.interval`, 7 s"),
        ("real_time: true\nexport_interval: 60s", "export_interval", "exports at every sample"),
        ("delta_encoding: true\nexport_interval: 5m", "delta_encoding", "leaves nothing out"),
        ("metrics: [process.cpu.time, process.cpu.time]", "metrics[1]", "written twice"),
        ("roll_up: {by: [executable, namespace]}", "roll_up.by[1]", "`namespace` is never used"),
        (
            "weights: {business: 0}\nbusiness_rules: [{process: a, score: 1}]",
            "weights.business",
            "weight of 0",
        ),
        ("profiles: {mine: {threshold: 0.5}}", "profiles", "nothing names `mine`"),
        ("drop: [{below: 0}]", "drop[0]", "no score is below 0"),
        ("drop: [{class: databse}]", "drop[0]", "there is no class databse"),
        ("drop: [{class: 'data*'}]", "drop[0]", "data* is no class"),
        (
            "drop: [{process: a-1}]\noverrides: [{process: 'a-*', force_collect: true}]",
            "drop[0]",
            "drops nothing",
        ),
        ("scopes: [{class: web_servr, profile: balanced}]", "scopes[0].class", "there is no class web_servr"),
    ],
)
def test_what_decides_nothing_is_told_where_it_stands(said, text, path, words):
    (line,) = said(text + "\n")
    assert f": {path}: " in line
    assert words in line


@pytest.mark.parametrize(
    "text",
    [
        "profiles: {a: {threshold: 0.5}, b: {extends: a, full_visibility: true}}\nprofile: b",
        "profiles: {a: {export_interval: 60s}, b: {extends: a, real_time: true}}\nprofile: b",
        "threshold: 1",  # top-N and anomalies are left
        "overrides: [{process: a, force_collect: true}]\n" + NOTHING,
        "profile: conservative\nfull_visibility: true\nreal_time: true",
        "export_interval: 45s",
        "delta_encoding: true\nexport_interval: 30s",
        "roll_up: {by: [namespace, executable]}",
        "drop: [{class: desktop}, {class: own}]\nprocess_classification: {own: {score: 0.2, patterns: [x]}}",
        "profiles: {base: {threshold: 0.5}, mine: {extends: base}}\nprofile: mine",
        "scopes: [{namespace: 'pay-*', profile: conservative}, {namespace: '*', profile: aggressive}]",
        "scopes: [{selector: 'a=b', profile: conservative}, {selector: 'c=d', profile: aggressive}]",
    ],
)
def test_what_may_be_meant_is_left_alone(said, text):
    assert said(text + "\n") == []


def test_a_scope_that_an_earlier_one_shadows(said):
    text = """\
        scopes:
          - {namespace: 'pay*', profile: conservative}
          - {namespace: payments, user: root, profile: aggressive}
        """
    (line,) = said(text)
    assert line.startswith("3: scopes[1]: never holds: scopes[0] takes all")


def test_a_profile_in_a_file_of_its_own_is_looked_at_too(said):
    assert said("extends: balanced\nthreshold: 0\n", "mine.yaml")[0].startswith("2: threshold: ")
    assert said("extends: balanced\nthreshold: 0.2\n", "mine.yaml") == []


def test_a_value_of_an_inline_profile_is_told_where_it_was_written(said):
    (line,) = said("profile: mine\nprofiles:\n  mine:\n    extends: balanced\n    threshold: 0\n")
    assert line.startswith("5: profiles.mine.threshold: ")


@pytest.mark.parametrize("name", ["conservative", "balanced", "aggressive"])
def test_the_shipped_profiles_lint_without_a_word(name):
    assert lint(ROOT / "profiles" / f"{name}.yaml") == []


FRAGMENTS = {
    "1-gdpr": ["files are overwritten"],
    "1-general-infrastructure": ["EST is a fixed offset"],
    "1-payment-systems": [],
    "2-configmap": [],
    "2-label-rules": [],
    "3-bandwidth": [],
    "3-central-tier": [],
    "3-edge-tier": [],
    "3-regional-tier": [],
    "5-active-region": [],
}


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_of_the_scenarios_lints_with_the_expected_words_alone(name):
    found = [one.message for one in lint(ROOT / "tests/fixtures/scenarios" / f"{name}.yaml")]
    assert len(found) == len(FRAGMENTS[name]), found
    assert all(one.startswith(words) for one, words in zip(found, FRAGMENTS[name], strict=True))


def test_deciding_alone_is_said_by_the_file_and_not_by_a_profile(said):
    inline = "profile: mine\nprofiles: {mine: {extends: balanced, local_decision_making: true}}\n"
    assert "is read at the top of a host's file" in said(inline)[0]
    assert said("profile: aggressive\nlocal_decision_making: true\n") == []
