"""`nrdot profile`: what people see of profiles, and what scripts read."""

from __future__ import annotations

import json

import pytest


def test_the_shipped_profiles_are_listed_with_those_beside_them(command, tmp_path):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/mine.yaml").write_text("extends: balanced\nthreshold: 0.7\ndescription: for us\n")
    status, out, _ = command("profile", "list", "--json", "--directory", tmp_path)
    found = {one["name"]: one for one in json.loads(out)["profiles"]}
    assert status == 0
    assert {"conservative", "balanced", "aggressive", "mine"} <= found.keys()
    assert (found["mine"]["threshold"], found["mine"]["export_interval"]) == (0.7, 60.0)
    assert "for us" in command("profile", "list", "--directory", tmp_path)[1]


def test_a_profile_is_shown_as_it_was_written(command, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("# why\nextends: balanced\n")
    assert command("profile", "show", file) == (0, "# why\nextends: balanced\n", "")


def test_the_effective_profile_names_the_file_and_line_of_each_value(command, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("extends: balanced\nthreshold: 0.7\ncompression: maximum\n")
    found = json.loads(command("profile", "show", file, "--json")[1])
    assert found["values"]["threshold"] == 0.7
    assert found["origins"]["threshold"] == f"{file}:2:12"
    assert found["values"]["compression.level"] == 19
    assert found["origins"]["compression.level"] == f"{file}:3:14"
    assert found["origins"]["export_interval"].partition(":")[0].endswith("balanced.yaml")
    assert found["origins"]["weights.model"] == ""
    shown = command("profile", "show", file, "--effective")[1]
    assert ":2:12" in shown
    assert "default" in shown


def test_lint_tells_every_problem_with_its_place_and_the_mend_and_fails(command, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text("profle: balanced\nthreshold: 2\n")
    status, out, _ = command("profile", "lint", "--json", file)
    assert status == 1
    assert json.loads(out) == {
        "files": [
            {
                "file": str(file),
                "problems": [
                    {
                        "severity": "error",
                        "line": 1,
                        "column": 1,
                        "path": "profle",
                        "message": "unknown key",
                        "hint": "did you mean `profile`?",
                    },
                    {
                        "severity": "error",
                        "line": 2,
                        "column": 12,
                        "path": "threshold",
                        "message": "must be 1 or less",
                        "hint": "",
                    },
                ],
            }
        ]
    }
    status, out, _ = command("profile", "lint", file)
    assert (status, len(out.splitlines())) == (1, 2)


def test_lint_is_content_with_warnings_alone_and_says_when_there_is_nothing(command, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text("profile: balanced\n")
    assert command("profile", "lint", file) == (0, f"{file}: no problems\n", "")
    file.write_text("profile: balanced\ntimezone: EST\n")
    status, out, _ = command("profile", "lint", "--json", file)
    severities = {problem["severity"] for problem in json.loads(out)["files"][0]["problems"]}
    assert (status, severities) == (0, {"warning"})


@pytest.mark.parametrize(
    ("kind", "title"), [("configuration", "NRDOT configuration"), ("profile", "NRDOT profile")]
)
def test_the_schema_is_json_schema(command, kind, title):
    found = json.loads(command("profile", "schema", "--of", kind)[1])
    assert (found["title"], found["type"]) == (title, "object")
    assert "threshold" in found["properties"]


def test_an_unknown_profile_is_told_the_nearest_one(command):
    status, out, err = command("profile", "show", "balnced")
    assert (status, out) == (2, "")
    assert err == "nrdot: there is no profile 'balnced'; did you mean `balanced`?\n"


def test_a_configuration_in_effect_shows_every_value_with_its_place_and_no_secret(
    command, tmp_path, monkeypatch
):
    monkeypatch.setenv("SOME_KEY", "s3cr3t-key")
    monkeypatch.setenv("SOME_HOST", "collector-7")
    file = tmp_path / "nrdot.yaml"
    file.write_text(
        "profile: balanced\nthreshold: 0.7\nlabels: {rack: '${env:SOME_HOST}'}\nexport:\n"
        "  - otlp: {endpoint: 'http://c:4318', headers: {api-key: '${env:SOME_KEY}'}}\n"
        "overrides:\n  - {process: a, force_collect: true}\n"
    )
    status, out, _ = command("profile", "show", file, "--effective")
    assert status == 0
    assert "s3cr3t" not in out
    found = json.loads(command("profile", "show", file, "--effective", "--json")[1])
    values, origins = found["values"], found["origins"]
    assert "s3cr3t" not in str(found)
    assert (values["threshold"], origins["threshold"]) == (0.7, f"{file}:2:12")
    assert values["labels.rack"] == "${env:SOME_HOST}"
    assert values['export[0].otlp.headers["api-key"]'] == "(hidden)"
    assert origins["overrides[0].force_collect"] == f"{file}:7:33"
    assert origins["agent.interval"] == ""
    assert values["top_n.memory"] > 0


def test_values_are_shown_as_people_write_them(command, tmp_path):
    file = tmp_path / "nrdot.yaml"
    file.write_text("export_interval: 90s\nbatching: {local_buffer_size: 1GB}\nagent: {cpu_budget: 2%}\n")
    out = command("profile", "show", file, "--effective")[1]
    lines = {line.split()[0]: line.split()[1] for line in out.splitlines() if len(line.split()) > 2}
    assert lines["export_interval"] == "90s"
    assert lines["batching.local_buffer_size"] == "1GB"
    assert lines["agent.cpu_budget"] == "2%"
    assert lines["ledger.retention"] == "400d"
