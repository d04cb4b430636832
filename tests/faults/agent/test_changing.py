"""Changes of the configuration under a running agent, as editors, controllers and full disks make them."""

import json
import shutil
import signal
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from nrdot.audit.disk import Disk
from nrdot.audit.verify import entries, verify
from nrdot.testing.commands.console import typed

APPLIED = "the configuration is applied"
REFUSED = "the configuration is refused, the last good one stays"


def audit(agent, state=None):
    """What the trail says, once it is proved."""
    folder = (state or agent.folder / "state") / "audit"
    assert verify(folder, Disk()).whole
    return [entry.content for entry in entries(folder, Disk())]


def applied(agent, count=1):
    agent.until(lambda: agent.metric('nrdot_config_reloads_total{outcome="applied"}') == count)


def test_an_edited_file_is_applied_without_being_asked_for_and_no_tick_is_lost(agent):
    agent.started()
    agent.configure(profile="aggressive")

    applied(agent)

    assert agent.said(APPLIED)
    assert [said["change_type"] for said in audit(agent)] == ["start", "reload"]
    assert agent.metric('nrdot_ticks_total{outcome="late"}') == 0


def test_the_swap_of_a_config_map_is_applied(agent):
    for version, profile in (("..1", "balanced"), ("..2", "aggressive")):
        agent.configure(profile=profile)
        (agent.folder / version).mkdir()
        shutil.move(agent.file, agent.folder / version / "nrdot.yaml")
    (agent.folder / "..data").symlink_to("..1")
    agent.file.symlink_to("..data/nrdot.yaml")
    text = agent.file.read_text()
    agent.started()  # it writes the file anew, through the link
    (agent.folder / "..1" / "nrdot.yaml").write_text(text)

    (agent.folder / "..data_tmp").symlink_to("..2")
    (agent.folder / "..data_tmp").replace(agent.folder / "..data")

    agent.until(lambda: agent.ready()[1]["profile"]["name"] == "aggressive")


def test_a_profile_that_the_file_extends_is_watched_too(agent):
    (agent.folder / "profiles").mkdir()
    own = agent.folder / "profiles" / "own.yaml"
    own.write_text("extends: balanced\n")
    agent.configure(profile="own")
    agent.started()

    own.write_text("extends: balanced\nthreshold: 0.9\n")
    applied(agent)

    assert audit(agent)[-1]["new_value"] == {"threshold": 0.9}


def test_an_agent_whose_file_is_bad_starts_with_the_last_good_one_and_says_so_loudly(agent):
    agent.configure(profile="aggressive")
    agent.started()
    revision = agent.ready()[1]["config"]["revision"]
    agent.signal(signal.SIGTERM)
    assert agent.end() == 0

    agent.settings["profile"] = "nowhere"
    agent.started()

    said = agent.said("the configuration is bad, the last good one holds until it is mended")
    agent.said("the agent runs")
    assert said["level"] == "error"
    assert "there is no profile 'nowhere'" in said["error"]
    config = agent.ready()[1]["config"]
    assert (config["revision"], config["valid"], config["holds"]) == (revision, False, "last good")
    assert agent.metric(f'nrdot_config_info{{revision="{revision}",valid="false"}}') == 1

    agent.configure(profile="aggressive", export_interval="2s")
    applied(agent)
    assert agent.ready()[1]["config"]["valid"]


def test_a_first_start_with_a_bad_file_ends_with_one_line(agent):
    agent.configure(profile="nowhere")
    agent.start()

    assert agent.end() == 2
    (line,) = agent.errors.read_text().splitlines()
    assert "there is no profile 'nowhere'" in line


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of 256 KiB; without the right to mount there is nothing to test here."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting needs rights; without a mount: tests/unit/agent/test_daemon_changes.py")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(path):
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_change_that_cannot_be_written_down_is_refused_and_applied_once_there_is_room(agent, small_disk):
    local = [{"name": "local", "file": {"path": str(agent.folder / "metrics.jsonl")}}]
    agent.configure(agent_state_dir=str(small_disk / "state"), auditLog={}, export=local)
    agent.started()
    filler = small_disk / "filler"
    fill(filler)

    agent.configure(profile="aggressive")
    refused = agent.said(REFUSED)

    assert "No space left on device; the change is refused" in refused["error"]
    assert agent.ready()[1]["profile"]["name"] == "conservative"
    assert not agent.ready()[1]["config"]["valid"]

    filler.unlink()
    agent.signal(signal.SIGHUP)
    applied(agent)
    assert [said["change_type"] for said in audit(agent, small_disk / "state")] == ["start", "reload"]


def push(agent, revision, profile, expires=None):
    folder = agent.folder / "mount"
    folder.mkdir(exist_ok=True)
    until = (expires or datetime.now(UTC) + timedelta(hours=1)).isoformat()
    header = {"revision": revision, "expires": until, "controller": "fleet"}
    beside = folder / ".pushed"
    beside.write_text(json.dumps({"pushed": header, "profile": profile}))
    beside.replace(folder / "pushed.yaml")
    return str(folder)


def test_a_push_is_applied_and_an_older_one_is_refused_and_audited(agent):
    agent.configure(agent_pushed=str(agent.folder / "mount"))
    agent.started()
    push(agent, 2, "aggressive")
    agent.until(lambda: agent.ready()[1]["profile"]["name"] == "aggressive")

    push(agent, 1, "balanced")
    refused = agent.said(REFUSED)

    assert "revision 1, and 2 was accepted before" in refused["error"]
    assert agent.ready()[1]["profile"]["name"] == "aggressive"
    assert [said["change_type"] for said in audit(agent)] == ["start", "pushed", "refused"]


def test_a_rollback_is_applied_by_the_running_agent_and_shown(agent):
    agent.started()
    agent.configure(profile="aggressive")
    applied(agent)

    told = typed("profile", "rollback", "-c", agent.file, "--justification", "too little")

    assert told.status == 0, told.err
    assert "applied, audit entry 3" in told.out
    # The trail has it before the agent changes, so the agent shows it a moment later.
    agent.until(lambda: agent.ready()[1]["config"].get("holds") == "rollback")
    assert agent.ready()[1]["profile"]["name"] == "conservative"
    assert [said["change_type"] for said in audit(agent)] == ["start", "reload", "rollback"]


def test_an_entry_that_was_edited_is_named_and_the_exit_status_says_no(agent):
    agent.started()
    (piece,) = (agent.folder / "state" / "audit").glob("*.jsonl")
    piece.write_text(piece.read_text().replace('"user":"', '"user":"x'))

    told = typed("audit", "verify", "-c", agent.file)

    assert told.status == 1
    assert f"{piece}:1: entry 1 is broken: it was edited" in told.out
