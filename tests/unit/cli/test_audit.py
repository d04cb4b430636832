"""`nrdot audit` and `nrdot profile rollback` on trails that were really written."""

from __future__ import annotations

import json

import pytest

from nrdot.audit.disk import Disk
from nrdot.govern.auditor import Auditor
from nrdot.govern.choosing import Chooser
from nrdot.testing.clock import ManualClock


class Site:
    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "nrdot.yaml"
        self.state = folder / "state"
        self.clock = ManualClock()

    def apply(self, text):
        """A new agent on this host takes the file up."""
        self.file.write_text(f"agent: {{state_dir: {self.state}}}\n{text}\n")
        self.clock.advance(60.0)
        chooser = Chooser(self.file, self.clock, Disk(), fallback=True)
        choice = chooser.choose()
        archive = chooser.kept(choice.configuration.settings)
        auditor = Auditor(self.state, "host-1", archive, self.clock, Disk())
        change = auditor.weigh(choice)
        auditor.write(change)
        auditor.settle(change)
        chooser.took_effect(choice)
        return choice.configuration.settings.profile

    @property
    def piece(self):
        (piece,) = (self.state / "audit").glob("*.jsonl")
        return piece


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    made.apply("profile: balanced")
    made.apply("profile: aggressive\nchange: {user: ada, justification: cost, approval_id: C-7}")
    return made


def test_the_log_shows_when_who_what_and_why(command, site):
    status, out, err = command("audit", "log", "-c", site.file)

    assert (status, err) == (0, "")
    what = "profile: balanced -> aggressive"
    for words in ("2026-11-21T12:02:00.000Z", "reload", "ada", what, "cost", "C-7"):
        assert words in out


def test_the_log_as_json_is_the_entries_as_they_stand(command, site):
    entries = json.loads(command("audit", "log", "-c", site.file, "--json")[1])["entries"]

    assert [entry["number"] for entry in entries] == [1, 2]
    assert entries[1]["previous_value"]["profile"] == "balanced"
    assert entries[1]["previous_hash"] == entries[0]["hash"]


@pytest.mark.parametrize(("since", "count"), [("2026-11-21T12:01:30Z", 1), ("2026-11-21T13:00:00", 0)])
def test_the_log_can_begin_at_a_time(command, site, since, count):
    out = command("audit", "log", "-c", site.file, "--json", "--since", since)[1]

    assert len(json.loads(out)["entries"]) == count


def test_a_time_that_is_none_is_one_line(command, site):
    status, _, err = command("audit", "log", "-c", site.file, "--since", "soon")

    assert status == 2
    assert "'soon' is neither a duration nor a time; write 7d or 2027-01-31T00:00:00Z" in err


def test_a_whole_trail_verifies_and_says_its_last_hash(command, site):
    status, out, _ = command("audit", "verify", "-c", site.file)

    assert status == 0
    assert out.startswith("2 entries, 1 to 2, whole; last hash ")
    found = json.loads(command("audit", "verify", "-c", site.file, "--json")[1])
    assert (found["whole"], found["entries"], found["fault"]) == (True, 2, None)


def test_a_broken_trail_names_the_first_broken_entry(command, site):
    site.piece.write_text(site.piece.read_text().replace("cost", "Cost"))

    status, out, _ = command("audit", "verify", "-c", site.file)
    assert (status, out) == (
        1,
        f"{site.piece}:2: entry 2 is broken: it was edited: its hash is not that of its content\n",
    )
    found = json.loads(command("audit", "verify", "-c", site.file, "--json")[1])
    assert (found["whole"], found["fault"]["number"], found["fault"]["line"]) == (False, 2, 2)


def test_the_log_says_that_an_entry_between_others_cannot_be_read(command, site):
    assert "verify" not in command("audit", "log", "-c", site.file)[2]
    site.apply("profile: conservative\nchange: {user: ada}")
    first, _, third = site.piece.read_text().splitlines()
    site.piece.write_text(f"{first}\n{third}\n")

    err = command("audit", "log", "-c", site.file)[2]
    assert "entries are missing or broken, the first of them 2: " in err
    assert err.endswith("; see nrdot audit verify\n")


@pytest.mark.parametrize("broken", [0, 1])
def test_the_log_says_that_an_entry_at_its_end_is_broken(command, site, broken):
    lines = site.piece.read_text().splitlines()
    lines[broken] = lines[broken].replace('"host":"host-1"', '"host":"host-2"')
    site.piece.write_text("\n".join(lines) + "\n")

    for form in ([], ["--json"], ["--since", "1h"]):
        status, _, err = command("audit", "log", "-c", site.file, *form)
        assert status == 0
        assert f"entries are missing or broken, the first of them {broken + 1}: it was edited" in err


def test_a_directory_without_a_trail_has_no_log(command, tmp_path):
    assert command("audit", "log", "--directory", tmp_path) == (1, f"{tmp_path}: no entry\n", "")
    status, out, _ = command("audit", "log", "--directory", tmp_path, "--json")
    assert (status, json.loads(out)) == (1, {"entries": []})


def test_a_trail_whose_end_was_cut_off_is_broken(command, site):
    site.piece.write_text(site.piece.read_text().splitlines()[0] + "\n")

    status, out, _ = command("audit", "verify", "-c", site.file)
    assert status == 1
    assert "entry 2 is missing: the head knows of 2, so the end was cut off" in out


def test_a_copy_is_verified_by_its_directory(command, site, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "1.jsonl").write_bytes(site.piece.read_bytes())

    status, out, _ = command("audit", "verify", "--directory", copy, "--copy")
    assert status == 0
    assert "a copy cannot prove that nothing came after" in out
    assert command("audit", "verify", "--directory", copy)[0] == 1


def test_a_trail_that_is_not_there_is_wrong_use_and_an_empty_one_proves_nothing(command, tmp_path):
    status, _, err = command("audit", "verify", "--directory", tmp_path / "nowhere")
    assert status == 2
    assert "there is no such directory; a trail lies in STATE_DIR/audit" in err
    status, out, _ = command("audit", "verify", "--directory", tmp_path, "--copy")
    assert status == 1
    assert "there is no entry, so nothing is proved" in out


def test_the_trail_of_a_file_that_is_bad_is_found_all_the_same(command, site):
    site.file.write_text(f"agent: {{state_dir: {site.state}, interval: soon}}\n")

    status, _, err = command("audit", "verify", "-c", site.file)
    assert status == 0
    assert err.endswith(f"; looking at {site.state}\n")


def test_a_bad_file_rolls_back_its_own_agent(command, site):
    site.file.write_text(f"agent: {{state_dir: {site.state}}}\nprofil: balanced\n")

    assert command("profile", "rollback", "-c", site.file)[0] == 0
    assert (site.state / "config" / "rollback.json").exists()


def test_a_bad_file_never_rolls_back_another_files_agent(command, site):
    other = site.folder / "other.yaml"
    other.write_text(f"agent: {{state_dir: {site.state}}}\nprofil: balanced\n")

    status, out, err = command("profile", "rollback", "-c", other)
    assert (status, out) == (2, "")
    assert "did you mean `profile`?" in err
    assert err.endswith(f"nothing is rolled back, because {site.state} keeps no configuration of this file\n")
    assert not (site.state / "config" / "rollback.json").exists()


def test_a_rollback_names_what_it_changes_and_the_next_start_takes_it_up(command, site):
    words = ["--justification", "too little", "--approval-id", "I-3"]
    status, out, err = command("profile", "rollback", "-c", site.file, *words)

    assert (status, err) == (0, "")
    assert "profile: aggressive -> balanced\n" in out
    assert "it takes effect when the agent starts" in out
    text = site.file.read_text().partition("\n")[2].rstrip("\n")
    assert site.apply(text) == "balanced"
    last = json.loads(command("audit", "log", "-c", site.file, "--json")[1])["entries"][-1]
    assert (last["change_type"], last["justification"]) == ("rollback", "too little")
    assert last["approval_id"] == "I-3"


def test_a_rollback_can_be_looked_at_first(command, site):
    status, out, _ = command("profile", "rollback", "-c", site.file, "--dry-run", "--json")

    found = json.loads(out)
    assert status == 0
    assert found["new_value"]["profile"] == "balanced"
    assert not (site.state / "config" / "rollback.json").exists()


def test_there_is_nothing_before_the_first_configuration(command, tmp_path):
    fresh = Site(tmp_path)
    fresh.apply("profile: balanced")

    status, _, err = command("profile", "rollback", "-c", fresh.file)
    assert status == 1
    assert "the audit trail knows of no configuration before" in err


def test_a_configuration_that_is_not_kept_any_more_cannot_come_back(command, site):
    for path in (site.state / "config" / "documents").glob("*.yaml"):
        path.unlink()

    status, _, err = command("profile", "rollback", "-c", site.file)
    assert status == 1
    assert "is not kept any more; nothing is changed" in err


def test_one_entry_is_one_entry(command, tmp_path):
    fresh = Site(tmp_path)
    fresh.apply("profile: balanced")
    assert command("audit", "verify", "-c", fresh.file)[1].startswith("1 entry, 1 to 1, whole;")
