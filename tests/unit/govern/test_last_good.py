"""What holds while the file is bad: the last document that was good."""

import pytest

from nrdot.config.problem import InvalidConfigurationError
from nrdot.govern.choosing import Chooser, Origin


def test_a_bad_file_is_replaced_by_the_last_good_document(site):
    site.file.write_text(f"agent: {{state_dir: {site.state}, interval: soon}}\n")

    choice = site.start()

    assert choice.origin is Origin.LAST_GOOD
    assert choice.configuration.settings.profile == "balanced"
    assert "nrdot.yaml:1" in choice.trouble
    site.apply(choice, starting=True)
    assert site.types() == ["start"]


BROKEN = ('"state_dir": "STATE"', "state_dir: 'STATE'  # here", "{state_dir: STATE, x: [")


@pytest.mark.parametrize("text", BROKEN)
def test_the_state_directory_is_found_in_a_file_that_is_no_yaml_any_more(site, text):
    site.file.write_text("]: broken\n" + text.replace("STATE", str(site.state)) + "\n")

    assert site.start().origin is Origin.LAST_GOOD


def test_the_last_good_document_of_another_file_is_nobodys(site, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(f"agent: {{state_dir: {site.state}, interval: soon}}\n")
    chooser = Chooser(other, site.clock, site.disk, fallback=True)

    with pytest.raises(InvalidConfigurationError):
        chooser.choose()


def test_a_last_good_document_that_was_meddled_with_is_not_used(site):
    kept = site.state / "config" / "last-good.yaml"
    kept.write_text(kept.read_text().replace("balanced", "aggressive"))
    site.file.write_text(f"agent: {{state_dir: {site.state}, interval: soon}}\n")

    with pytest.raises(InvalidConfigurationError):
        site.start()


def test_what_is_kept_belongs_to_the_agent_alone(site):
    for path in (site.state / "config").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_no_secret_reaches_the_state_directory(site, monkeypatch):
    monkeypatch.setenv("API_KEY", "a-very-secret-key")
    headers = 'headers: {api-key: "${env:API_KEY}"}'
    site.say(f"profile: balanced\nexport: [{{otlp: {{endpoint: http://127.0.0.1:1, {headers}}}}}]")
    site.apply()

    kept = [path.read_bytes() for path in site.state.rglob("*") if path.is_file()]
    assert any(b"${env:API_KEY}" in data for data in kept)
    assert not any(b"a-very-secret-key" in data for data in kept)
