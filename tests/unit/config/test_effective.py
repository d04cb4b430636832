import json

import pytest

from nrdot.config.reading.load import load
from nrdot.config.showing.effective import differences, effective, gathered

SALT = b"salt"
BASE = """
profile: balanced
export:
  - otlp:
      endpoint: http://127.0.0.1:4318
      headers: {api-key: "literal-secret", tenant: "${env:TENANT}"}
      proxy: http://user:hunter22@127.0.0.1:3128
labels: {team: "${env:TENANT}"}
"""


@pytest.fixture
def values(tmp_path):
    def made(text=BASE, tenant="acme-tenant", salt=SALT):
        file = tmp_path / "nrdot.yaml"
        file.write_text(text)
        return effective(load(file, {"TENANT": tenant}), {}, salt)

    return made


def test_no_secret_and_nothing_from_the_environment_is_in_it(values):
    text = json.dumps(values())

    for secret in ("literal-secret", "acme-tenant", "hunter22"):
        assert secret not in text
    assert values()['export[0].otlp.headers["api-key"]'].startswith("*** (")
    assert values()["labels.team"].startswith("${env:TENANT} (")
    assert "http://*** (" in values()["export[0].otlp.proxy"]


def test_a_change_of_a_secret_is_seen_and_not_told(values):
    before, after = differences(values(), values(BASE.replace("literal-secret", "another-secret")))

    assert list(after) == ['export[0].otlp.headers["api-key"]']
    assert before != after
    assert "secret" not in json.dumps([before, after])


def test_a_fingerprint_cannot_be_guessed_without_the_salt(values):
    assert values()["labels.team"] != values(salt=b"another")["labels.team"]


def test_a_change_of_profile_tells_what_it_means_and_nothing_else(values):
    before, after = differences(values(), values(BASE.replace("balanced", "aggressive")))

    assert (before["profile"], after["profile"]) == ("balanced", "aggressive")
    assert "threshold" in after
    assert "export_interval" in after or "budget" in after
    assert len(after) < 20


def test_previous_and_new_value_are_null_where_there_is_none(values):
    before, after = differences(values(), values(BASE + "region: eu\n"))

    assert (before, after) == ({"region": None}, {"region": "eu"})


def test_words_about_a_change_are_no_change(values):
    before, after = differences(values(), values(BASE + "change: {justification: because}\nrevision: 7\n"))

    assert before == after == {}


def test_the_content_of_further_files_is_part_of_it(tmp_path):
    found = effective(load(None, {}), {"incidents.file": "abc"}, SALT)

    assert found["contents of incidents.file"] == "abc"


def test_paths_are_those_of_the_file(values):
    text = (
        BASE + "event_handling: {launch: {start: 2027-01-31T00:00:00Z, duration: 1h, profile: aggressive}}\n"
    )

    assert values(text)["event_handling.launch.profile"] == "aggressive"


def test_a_profile_that_comes_or_goes_is_one_line_for_people_and_one_that_changes_is_told(values):
    scoped = BASE + "scopes: [{process: a, profile: own}]\nprofiles: {own: {extends: aggressive}}\n"

    told = list(gathered(*differences(values(), values(scoped))))
    assert ("profiles.own", None, "in use") in told
    assert list(gathered(*differences(values(scoped), values())))[-1] == ("profiles.own", "in use", None)
    changed = values(scoped.replace("aggressive}", "aggressive, threshold: 0.5}"))
    assert list(gathered(*differences(values(scoped), changed))) == [("profiles.own.threshold", 0.85, 0.5)]
