import pytest

from nrdot.testing.agents.configured import Site


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.delenv("NRDOT_CHANGE_USER", raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    made = Site(tmp_path)
    made.apply(starting=True)
    return made
