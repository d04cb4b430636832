from __future__ import annotations

import os
from dataclasses import replace

import pytest

from nrdot.sample.arguments import LINE_LIMIT
from nrdot.sample.words import user_name
from nrdot.score.subject import subject
from nrdot.testing.hosts.sampled import SampledHost

SWEEP = 60
WORDS = 5 * SWEEP


@pytest.fixture
def settled(host):
    """A process that has been observed for a while, so that it is young no more."""
    host.proc.add(42, "job", cmdline=["job", "--one"], uid=os.getuid(), cgroup="/system.slice/a.service")
    for _ in range(4):
        host.sample()
    host.table.release()
    return host


def samples_until(host, condition, *, seconds):
    """How many seconds pass until it holds; at most `seconds`."""
    passed = 0
    while not condition():
        assert passed < seconds
        host.sample()
        passed += 15
    return passed


def test_an_exec_is_seen_at_once_by_the_name_and_begins_a_new_series(settled):
    settled.proc.replace_program(42, "other", cmdline=["other", "-x"])
    batch = settled.sample()
    row = settled.row(42)
    assert (settled.identity(42).name, settled.identity(42).executable) == ("other", "/usr/bin/other")
    assert row in batch.named
    assert settled.table.changed[row]


def test_an_exec_of_the_same_name_is_seen_at_once_while_the_process_is_young(host):
    host.sample()
    host.proc.add(42, "python3", cmdline=["python3", "launcher.py"])
    host.sample()
    host.proc.run(42)
    host.proc.change(42, cmdline=["python3", "server.py"])
    batch = host.sample()
    assert host.identity(42).command_line == "python3 server.py"
    assert host.row(42) in batch.named


def test_an_exec_of_the_same_name_is_seen_within_five_sweeps_later_on(settled):
    settled.proc.run(42)
    settled.proc.change(42, cmdline=["job", "--two"])
    samples_until(settled, lambda: settled.identity(42).command_line == "job --two", seconds=WORDS)


def test_a_change_of_user_is_seen_within_five_sweeps(settled):
    settled.proc.run(42)
    settled.proc.change(42, uid=65533)
    samples_until(settled, lambda: settled.identity(42).uid == 65533, seconds=WORDS)
    assert settled.identity(42).user == user_name(65533)
    assert settled.table.changed[settled.row(42)]


def test_a_move_to_another_control_group_is_seen_within_five_sweeps_though_the_process_sleeps(settled):
    settled.proc.change(42, cgroup="/system.slice/b.service")
    named = set()

    def moved():
        return settled.table.cgroup[settled.row(42)] == "0::/system.slice/b.service\n"

    passed = 0
    while not moved():
        named = set(settled.sample().named.tolist())
        passed += 15
        assert passed <= WORDS
    assert settled.row(42) in named  # so that its owner is looked up again


def test_a_process_whose_parent_ended_has_its_new_parent_at_that_very_sample(settled):
    settled.proc.add(50, "shell", parent=1)
    settled.proc.add(51, "child", parent=50)
    settled.sample()
    settled.table.release()
    settled.proc.exit(50)
    settled.proc.change(51, parent=1)  # it sleeps all the while
    batch = settled.sample()
    row = settled.row(51)
    assert settled.table.parent[row] == 1
    assert row in batch.named
    assert settled.table.changed[row]


def test_a_whole_line_of_parents_that_ended_is_followed(settled):
    for pid in (50, 51, 52, 53):
        settled.proc.add(pid, "link", parent=pid - 1 if pid > 50 else 1)
    settled.sample()
    for pid in (50, 51, 52):
        settled.proc.remove(pid)
    settled.proc.change(53, parent=1)
    settled.sample()
    assert settled.table.parent[settled.row(53)] == 1


def test_a_command_line_that_is_not_exported_begins_no_new_series(settled):
    row = settled.row(42)
    settled.proc.change(42, cmdline=["job", "--two"])
    for _ in range(WORDS // 15):
        settled.proc.run(42)
        settled.sample()
    assert settled.identity(42).command_line == "job --two"
    assert not settled.table.changed[row]


def test_a_command_line_that_is_exported_does():
    with SampledHost(command_lines=True) as host:
        host.proc.add(42, "job", cmdline=["job", "--one"])
        host.sample()
        host.table.release()
        host.proc.run(42)
        host.proc.change(42, cmdline=["job", "--two"])
        host.sample()
        assert host.table.changed[host.row(42)]


def test_an_owner_that_was_found_stays_when_the_words_are_read_again(settled):
    row = settled.row(42)
    owner = replace(settled.identity(42).owner, unit="a.service")
    settled.table.identity[row] = replace(settled.identity(42), owner=owner)
    settled.proc.replace_program(42, "other")
    settled.sample()
    assert settled.identity(42).owner is owner


def test_a_user_that_this_machine_does_not_know_is_its_number():
    assert user_name(4_000_000_000 - 1) == "3999999999"


def test_a_java_service_is_known_by_its_main_class_behind_a_class_path_of_any_length(host):
    options = [f"-Dservice.option.number{number}=value-of-some-length-{number}" for number in range(100)]
    path = ":".join(f"/opt/kafka/libs/library-{number}.jar" for number in range(500))
    line = ["java", "-Xmx1g", *options, "-cp", path, "kafka.Kafka", "/etc/kafka/server.properties"]
    host.proc.add(42, "java", cmdline=line)
    host.sample()
    kept = host.identity(42).command_line
    assert subject(host.identity(42)) == "kafka.Kafka"
    assert kept.startswith(f"java -Xmx1g {options[0]}")
    assert kept.endswith(" kafka.Kafka /etc/kafka/server.properties")
    assert len(kept) <= LINE_LIMIT


def test_a_command_line_that_fits_stays_as_it_is(host):
    line = ["java", "-Da=b", "-cp", "x" * 1000, "Main"]
    host.proc.add(42, "java", cmdline=line)
    host.sample()
    assert host.identity(42).command_line == " ".join(line)
