from dataclasses import replace
from pathlib import Path

import pytest

from nrdot.config.reading.load import examine, load

ENVIRON = {"KEY": "a very secret key", "ZONE": "Europe/Berlin"}


@pytest.fixture
def site(tmp_path):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "quiet.yaml").write_text("extends: own.yaml\nthreshold: 0.7\n")
    (tmp_path / "own.yaml").write_text("extends: aggressive\ntop_n: {cpu: 3}\n")
    file = tmp_path / "nrdot.yaml"
    file.write_text(
        """
profile: quiet
timezone: ${env:ZONE}
threshold: 0.8
profiles:
  night: {extends: quiet, description: "22:30 and later"}
time_based_rules:
  - {schedule: "Sat-Sun", profile: night}
process_classification:
  pay: {score: 1.0, patterns: ["^pay\\\\d+", '^a: b #c', "010", "no", "${env:ZONE}x"]}
export:
  - otlp:
      endpoint: http://127.0.0.1:4318
      headers: {api-key: "${env:KEY}"}
"""
    )
    return file


def test_the_document_loads_without_the_files_it_was_made_from_and_means_the_same(site, tmp_path):
    before = load(site, ENVIRON)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    kept = elsewhere / "kept.yaml"
    kept.write_text(before.document)

    after = load(kept, ENVIRON)

    assert after.revision == before.revision
    assert after.profile == before.profile
    assert after.profiles["night"] == before.profiles["night"]
    assert {"quiet", "own.yaml", "aggressive", "balanced", "conservative"} <= after.settings.profiles.keys()


def test_a_secret_stays_the_reference_that_it_was(site):
    document = load(site, ENVIRON).document

    assert "${env:KEY}" in document
    assert ENVIRON["KEY"] not in document


def test_a_document_of_the_document_is_the_same(site, tmp_path):
    first = load(site, ENVIRON).document
    kept = tmp_path / "kept.yaml"
    kept.write_text(first)

    assert load(kept, ENVIRON).document == first


def test_the_defaults_have_a_document_too(tmp_path):
    configuration = load(None, {})
    kept = tmp_path / "kept.yaml"
    kept.write_text(configuration.document)

    assert load(kept, {}).revision == configuration.revision


def test_every_fragment_of_the_scenarios_keeps_its_meaning(tmp_path, request):
    fixtures = request.path.parents[2] / "fixtures" / "scenarios"
    for path in sorted(fixtures.glob("*.yaml")):
        before, _ = examine(path, {})
        kept = tmp_path / path.name
        kept.write_text(before.document)
        after, problems = examine(kept, {})
        assert after is not None, [str(problem) for problem in problems]
        assert after.revision == before.revision, path.name


def test_it_is_known_which_files_were_read_and_what_they_held(site, tmp_path):
    read = load(site, ENVIRON).read

    assert {Path(name).name for name in read} >= {"nrdot.yaml", "quiet.yaml", "own.yaml"}
    assert all(len(found) == 64 for found in read.values())


def test_a_profile_that_nobody_names_does_not_change_the_revision(site):
    before = load(site, ENVIRON)
    site.write_text(site.read_text() + "\n")
    unused = replace(before, settings=before.settings, profiles={**before.profiles, "x": before.profile})

    assert unused.revision == before.revision
    assert load(site, {**ENVIRON, "KEY": "another"}).revision != before.revision
