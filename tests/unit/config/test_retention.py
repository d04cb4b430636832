import pytest

from nrdot.config.reading.load import examine
from nrdot.config.settled.retention import DAY, keeping

EU = "data_retention: {eu_region: {retention_days: 30, purge_strategy: secure_delete}}\n"


@pytest.fixture
def loaded(tmp_path):
    def load(text):
        file = tmp_path / "nrdot.yaml"
        file.write_text(text)
        configuration, problems = examine(file, {})
        return keeping(configuration.settings), [str(problem) for problem in problems]

    return load


def test_nothing_said_keeps_what_each_part_says_of_itself(loaded):
    kept, problems = loaded("profile: balanced\n")

    assert (kept.ledger, kept.buffer, kept.audit, kept.overwrite) == (400 * DAY, None, 7 * 365 * DAY, False)
    assert problems == []


def test_an_entry_for_a_region_holds_for_ledger_and_buffer_where_no_region_is_said(loaded):
    kept, problems = loaded(EU)

    assert (kept.ledger, kept.buffer, kept.audit, kept.overwrite) == (30 * DAY, 30 * DAY, 7 * 365 * DAY, True)
    (problem,) = problems
    assert "flash disks and copy-on-write file systems may undo" in problem


@pytest.mark.parametrize("region", ["eu", "EU"])
def test_it_holds_in_its_own_region(loaded, region):
    assert loaded(f"{EU}region: {region}\n")[0].ledger == 30 * DAY


def test_it_does_not_hold_in_another_region_and_that_is_said(loaded):
    kept, problems = loaded(f"{EU}region: us\n")

    assert (kept.ledger, kept.overwrite) == (400 * DAY, False)
    (problem,) = problems
    assert "holds in the region eu only, and this host is in us" in problem


def test_an_entry_for_a_kind_holds_for_that_kind_alone(loaded):
    kept, problems = loaded("data_retention: {audit: {retention_days: 90}, buffer: {retention_days: 2}}\n")

    assert (kept.ledger, kept.buffer, kept.audit) == (400 * DAY, 2 * DAY, 90 * DAY)
    assert problems == []


def test_the_shortest_bound_counts(loaded):
    kept, _ = loaded("data_retention: {ledger: {retention_days: 90}}\nledger: {retention: 10d}\n")

    assert kept.ledger == 10 * DAY


def test_an_encrypted_buffer_needs_no_warning_about_overwriting(loaded):
    assert loaded(f"{EU}encryption: {{key_file: /k}}\n")[1] == []
