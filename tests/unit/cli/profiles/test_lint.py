"""`nrdot profile lint` for machines: SARIF, and which forms it takes."""

from __future__ import annotations

import json

import pytest

LEVELS = {"error", "warning", "note", "none"}


@pytest.fixture
def sarif(command, tmp_path):
    """Lints one document as SARIF."""

    def sarif(text, *options):
        file = tmp_path / "my rules.yaml"
        file.write_text(text)
        status, out, _ = command("profile", "lint", file, *(options or ("--sarif",)))
        return status, json.loads(out)

    return sarif


def checked(document):
    """The rules of the SARIF 2.1.0 schema that a viewer depends on; gives the results of the one run."""
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"]
    assert driver["version"]
    rules = driver["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in LEVELS
    for result in run["results"]:
        assert result["level"] in LEVELS
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert all(isinstance(one, str) and one for one in result["partialFingerprints"].values())
        for location in result["locations"]:
            place = location["physicalLocation"]
            assert " " not in place["artifactLocation"]["uri"]
            region = place.get("region", {"startLine": 1, "startColumn": 1})
            assert min(region["startLine"], region["startColumn"]) >= 1
    return run["results"]


def test_sarif_has_every_problem_at_its_place(sarif):
    status, document = sarif("profle: balanced\ntimezone: EST\nthreshold: 2\n")
    results = checked(document)
    assert status == 1
    assert [one["level"] for one in results] == ["error", "warning", "error"]
    region = results[2]["locations"][0]["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"]) == (3, 12)
    assert "did you mean `profile`?" in results[0]["message"]["text"]


def test_sarif_of_a_clean_file_has_no_results_and_one_of_a_missing_file_has_no_line(sarif, command, tmp_path):
    status, document = sarif("profile: balanced\n")
    assert (status, checked(document)) == (0, [])
    status, out, _ = command("profile", "lint", "--format", "sarif", tmp_path / "missing.yaml")
    (result,) = checked(json.loads(out))
    assert status == 1
    assert "region" not in result["locations"][0]["physicalLocation"]


def test_the_same_kind_of_problem_is_one_rule_whatever_the_value_is(sarif):
    _, document = sarif("agent: {interval: 5 parsecs}\nexport_interval: 7 knots\n")
    first, second = checked(document)
    assert first["ruleId"] == second["ruleId"]
    assert "parsecs" not in first["ruleId"]


def test_a_fingerprint_survives_a_move_within_the_file(sarif):
    (before,) = checked(sarif("timezone: EST\n")[1])
    (after,) = checked(sarif("# a word\nprofile: balanced\ntimezone: EST\n")[1])
    assert before["partialFingerprints"] == after["partialFingerprints"]


def test_two_forms_at_once_are_refused(command, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text("profile: balanced\n")
    status, out, err = command("profile", "lint", file, "--json", "--sarif")
    assert (status, out) == (2, "")
    assert "--json, --sarif and --format" in err


def test_profile_tests_are_linted_like_configurations(command, tmp_path):
    file = tmp_path / "mine.test.yaml"
    file.write_text(
        "profile: balanced\nexpect:\n  - {process: a, verdct: KEEP}\n  - {verdict: KEEP}\n"
        "  - {process: a, reason: scor}\n  - {capture: no.jsonl, reduction: 80%}\n"
    )
    status, out, _ = command("profile", "lint", file, "--json")
    problems = json.loads(out)["files"][0]["problems"]
    said = [(one["line"], one["message"], one["hint"]) for one in problems]
    assert status == 1
    assert said == [
        (3, "unknown key", "did you mean `verdict`?"),
        (4, "`verdict` is expected of a process", "add `process`"),
        (5, "there is no reason 'scor'", "did you mean `score`?"),
        (6, "there is no file no.jsonl beside this one", "write its path relative to this file"),
    ]


@pytest.mark.parametrize("text", ["", "# to be written\n", "---\n"])
def test_an_empty_file_is_told(command, tmp_path, text):
    path = tmp_path / "nrdot.yaml"
    path.write_text(text)

    status, out, _ = command("profile", "lint", path)
    assert status == 0
    assert "warning: " in out
    assert "empty: nothing is set, so every default holds; `profile: balanced` is a beginning" in out
