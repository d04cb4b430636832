"""Whole agents whose endpoint, disk, key or life goes away: rows 1, 6, 7, 14, 19, 21, 45 and 51."""

import json
import os
import shutil
import signal
import socket
import subprocess

import pytest

from nrdot.buffer.encryption import keys_from_file
from nrdot.buffer.files import Files
from nrdot.buffer.inspection import dump, status
from nrdot.testing.commands.console import typed
from nrdot.testing.servers.otlp import OtlpServer, Reply

REFUSES = Reply(400, {"Connection": "close"}, b"no such tenant", "text/plain")
MISSING = "its key is missing, held until it is there"


@pytest.fixture
def port():
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        return reserved.getsockname()[1]


def to(port, **settings):
    return [{"name": "collector", "otlp": {"endpoint": f"http://127.0.0.1:{port}"}, **settings}]


def buffer_of(agent):
    return agent.folder / "state" / "buffer" / "collector"


def waiting(agent, **keys):
    """Payloads in the buffer, while the agent runs or not."""
    return [one.record.payload for one in dump(Files(), buffer_of(agent), **keys) if one.record]


def until_waiting(agent, records):
    return agent.until(lambda: status(Files(), buffer_of(agent)).records >= records)


def delivered(server):
    return b"".join(request.payload for request in server.delivered)


def nrdot(*arguments):
    """A command of a person: status, standard output, standard error."""
    done = typed(*arguments)
    return done.status, done.out, done.err


def test_what_an_agent_held_when_it_was_killed_is_delivered_by_the_next_one(agent, port):
    agent.configure(export=to(port))
    held = set()
    for _ in range(3):
        agent.started()
        until_waiting(agent, len(held) + 2)
        agent.signal(signal.SIGKILL)
        agent.end()
        held |= set(waiting(agent))
    with OtlpServer(port=port) as server:
        agent.started()
        agent.until(lambda: all(payload in delivered(server) for payload in held))
        agent.until(lambda: status(Files(), buffer_of(agent)).records == 0)
    books = status(Files(), buffer_of(agent))
    assert (books.rejected, books.dropped) == (0, {})
    assert len(held) >= 6


def test_an_outage_that_lasts_is_an_alarm_in_the_log_and_for_probes(agent, port):
    agent.configure(export=to(port, alarm_after="1s"))
    agent.started()
    said = agent.said("records wait too long")
    assert said["destination"] == "collector"
    assert "refuses connections" in said["reason"]
    (shown,) = agent.ready()[1]["destinations"]
    assert shown["overdue"]
    assert agent.metric('nrdot_buffer_age_seconds{destination="collector"}') > 1


def test_a_full_disk_stops_no_tick_and_is_shown_until_it_is_over(agent, port):
    state = agent.folder / "state"
    state.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(state)], check=False
        ).returncode
    ):
        pytest.skip("no mounts on this machine; tests/unit/buffer/test_memory_mode.py stands in")
    try:
        agent.configure(export=to(port))
        agent.started()
        until_waiting(agent, 1)
        with (state / "others").open("wb", buffering=0) as others:
            try:
                while True:
                    others.write(bytes(4096))
            except OSError:
                pass
        shown = agent.until(lambda: agent.ready()[1]["destinations"][0].get("buffer_alarm"))
        assert shown == "No space left on device"
        ticks = agent.ticks()
        agent.until(lambda: agent.ticks() > ticks + 1)
        (state / "others").unlink()
        agent.until(lambda: "buffer_alarm" not in agent.ready()[1]["destinations"][0])
        agent.close()
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)


def test_a_key_is_rotated_while_the_agent_runs_and_nothing_is_lost(agent, port):
    key = agent.folder / "key"
    key.write_text("11" * 32)
    agent.configure(export=to(port), encryption={"key_file": str(key)})
    agent.started()
    until_waiting(agent, 2)
    first = waiting(agent, keys=keys_from_file(key))
    key.write_text("22" * 32)
    agent.signal(signal.SIGHUP)
    agent.said(
        "the key that was in use is named no more; what waits under it is still read by this agent, "
        "and by the next one only where encryption.old_key_files names it"
    )
    agent.until(lambda: len(waiting(agent, keys=keys_from_file(key))) >= 2)
    second = waiting(agent, keys=keys_from_file(key))
    assert not set(first) & set(second)
    with OtlpServer(port=port) as server:
        agent.until(lambda: all(payload in delivered(server) for payload in [*first, *second]))


def test_an_agent_without_the_key_holds_what_waits_and_delivers_it_once_the_key_is_back(agent, port):
    key = agent.folder / "key"
    key.write_text("11" * 32)
    agent.configure(export=to(port), encryption={"key_file": str(key)})
    agent.started()
    until_waiting(agent, 2)
    agent.signal(signal.SIGKILL)
    agent.end()
    held = waiting(agent, keys=keys_from_file(key))
    assert len(held) >= 2

    agent.configure(encryption={})
    with OtlpServer(port=port) as server:
        agent.started()
        agent.until(lambda: any(line["message"].endswith(MISSING) for line in agent.lines()))
        server.wait_for(2)
        assert not any(payload in delivered(server) for payload in held)
        assert status(Files(), buffer_of(agent)).encrypted
        agent.configure(encryption={"key_file": str(key)})
        agent.signal(signal.SIGHUP)
        agent.until(lambda: all(payload in delivered(server) for payload in held))


def test_a_class_that_wants_encrypted_storage_starts_no_agent_without_a_key(agent, port):
    classes = {"ehr": {"patterns": ["^epic"], "score": 1.0, "special_handling": {"encrypted_storage": True}}}
    agent.configure(export=to(port), process_classification=classes)
    agent.start()
    assert agent.end() == 2
    said = agent.errors.read_text()
    assert "Traceback" not in said
    assert "encrypted_storage" in said
    assert "the agent does not start" in said


def test_dead_letters_are_found_and_sent_again_on_the_command_line_while_the_agent_runs(agent, port):
    agent.configure(export=to(port))
    with OtlpServer(REFUSES, port=port):
        agent.started()
        agent.until(lambda: status(Files(), buffer_of(agent)).letters >= 2)
        code, out, _ = nrdot("buffer", "letters", "--json", buffer_of(agent))
        letters = json.loads(out)["letters"]
        assert code == 0
        assert all("no such tenant" in letter["reason"] for letter in letters)
        assert "refused, to the dead letters" in agent.ready()[1]["destinations"][0]["state"]
    refused = [
        one["points"]
        for one in json.loads(nrdot("buffer", "dump", "--dead", "--json", buffer_of(agent))[1])["records"]
    ]
    with OtlpServer(port=port) as server:
        assert nrdot("buffer", "replay", buffer_of(agent))[0] == 0
        agent.until(lambda: server.points >= sum(refused))
        agent.until(lambda: status(Files(), buffer_of(agent)).letters == 0)


def test_a_reload_changes_the_bounds_of_a_buffer_and_loses_nothing(agent, port):
    agent.configure(export=to(port))
    agent.started()
    until_waiting(agent, 3)
    held = waiting(agent)
    agent.configure(
        export=to(port, order="newest_first", rate=100_000),
        batching={"local_buffer_size": "1MB", "durability": "interval", "sync_interval": "1s", "size": 500},
    )
    agent.signal(signal.SIGHUP)
    agent.until(lambda: agent.metric('nrdot_config_reloads_total{outcome="applied"}'))
    agent.signal(signal.SIGKILL)
    agent.end()
    assert set(held) <= set(waiting(agent))
    with OtlpServer(port=port) as server:
        agent.started()
        agent.until(lambda: all(payload in delivered(server) for payload in held))


def test_a_directory_that_root_mended_is_still_the_agents(agent, port):
    agent.configure(export=to(port))
    agent.started()
    until_waiting(agent, 2)
    agent.signal(signal.SIGKILL)
    agent.end()
    if os.geteuid() != 0:
        pytest.skip("only root can leave files of its own in the directory of another user")
    directory = buffer_of(agent)
    for path in [directory, *directory.rglob("*")]:
        shutil.chown(path, "nobody")
    nobody = directory.stat().st_uid
    (directory / "dead").mkdir()
    assert nrdot("buffer", "repair", directory)[0] == 0
    assert {path.stat().st_uid for path in directory.rglob("*")} == {nobody}
