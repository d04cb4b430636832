"""Findings of `nrdot doctor`, each on a machine where exactly that is so."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from nrdot.agent.state import StateDirectory
from nrdot.checks.loading import load
from nrdot.clock import SystemClock
from nrdot.doctor import kernel, sight, surroundings
from nrdot.doctor.checkup import checkup, configured
from nrdot.doctor.finding import Level
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.procfs import FakeProcfs, unprivileged
from nrdot.testing.servers.otlp import OtlpServer, Reply

FULL = f"{(1 << 41) - 1:016x}"


@pytest.fixture
def proc():
    with FakeProcfs() as tree:
        tree.add(1, "systemd")
        tree.add(7, "nrdot", own=True)
        yield tree


def configuration(tmp_path, text=""):
    path = tmp_path / "rules.yaml"
    state = tmp_path / "state"
    path.write_text(f"agent: {{state_dir: {state}, listen: ''}}\n{text}")
    return load(path)


def about(findings, topic):
    return [finding for finding in findings if finding.topic == topic]


def levels(findings):
    return {finding.level for finding in findings}


def set_status(proc, mask):
    proc.write("7/status", f"Name:\tnrdot\nCapEff:\t{mask}\n".encode())


def test_no_process_file_system_is_an_error_that_names_the_setting(tmp_path):
    (finding,) = sight.check(tmp_path)
    assert finding.level is Level.ERROR
    assert "agent.procfs" in finding.mend


def test_missing_capabilities_are_named_with_the_line_of_the_unit(proc):
    set_status(proc, f"{1 << 19:016x}")
    (finding,) = about(sight.check(proc.root), "capabilities")
    assert finding.level is Level.WARNING
    assert "without CAP_DAC_READ_SEARCH:" in finding.what
    assert "AmbientCapabilities" in finding.mend
    set_status(proc, FULL)
    assert levels(about(sight.check(proc.root), "capabilities")) == {Level.OK}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files of another user")
def test_files_of_others_that_are_closed_to_us_are_counted_by_kind(proc):
    proc.add(50, "postgres")
    proc.deny(50, "io")
    with unprivileged():
        found = about(sight.check(proc.root), "permissions")
    assert [finding.level for finding in found] == [Level.WARNING]
    assert "io of 1 of 3 processes of other users" in found[0].what
    proc.allow(50, "io")
    with unprivileged():
        assert levels(about(sight.check(proc.root), "permissions")) == {Level.OK}


@pytest.mark.parametrize("name", ["proc", "my proc"])
def test_hidden_processes_are_an_error_for_whoever_cannot_see_them(name):
    with TemporaryDirectory() as folder, FakeProcfs(Path(folder, name)) as proc:
        Path(folder).chmod(0o755)
        proc.add(7, "nrdot", own=True)
        written = str(proc.root).replace(" ", r"\040")  # as the kernel does
        mounts = f"25 1 0:21 / {written} rw,nosuid - proc proc rw,hidepid=2\n"
        proc.write("7/mountinfo", mounts.encode())
        with unprivileged():
            (finding,) = about(sight.check(proc.root), "hidepid")
        assert finding.level is Level.ERROR
        assert "hidepid=2" in finding.what
        assert "gid=" in finding.mend


def test_nothing_is_hidden_where_the_mount_does_not_say_so(proc):
    proc.write("7/mountinfo", f"25 1 0:21 / {proc.root} rw - proc proc rw\n".encode())
    assert levels(about(sight.check(proc.root), "hidepid")) == {Level.OK}


def test_a_clock_that_is_years_behind_is_an_error_and_one_that_was_set_is_said(proc):
    behind = ManualClock(wall_ns=10**18)
    (finding,) = about(kernel.check(proc.root, behind), "clock")
    assert finding.level is Level.ERROR
    right = ManualClock(wall_ns=round((proc.boot_time + proc.uptime) * 1e9))
    assert "since boot" not in " ".join(one.what for one in about(kernel.check(proc.root, right), "clock"))
    right.jump(90)
    assert "set by +90 s since boot" in about(kernel.check(proc.root, right), "clock")[0].what


def test_a_gate_that_stands_still_costs_more_and_breaks_nothing(proc):
    proc.write("7/schedstat", b"0 0 0\n")
    (finding,) = about(kernel.check(proc.root, SystemClock()), "idle gate")
    assert finding.level is Level.WARNING
    assert "nothing breaks" in finding.mend


def test_the_gate_of_this_machine_is_seen_to_move():
    (finding,) = about(kernel.check(Path("/proc"), SystemClock()), "idle gate")
    assert finding.level is Level.OK


@pytest.mark.parametrize(
    ("limits", "words"),
    [((1024, 4096), "limit 4,096 (raised from 1,024 at start), "), ((4096, 4096), "limit 4,096, ")],
)
def test_the_limit_of_descriptors_is_raised_only_where_there_is_room(proc, monkeypatch, limits, words):
    monkeypatch.setattr(kernel.resource, "getrlimit", lambda _: limits)
    (finding,) = about(kernel.check(proc.root, SystemClock()), "descriptors")
    assert finding.what.startswith(words)


def test_a_kernel_without_io_accounting_is_named(proc):
    assert not about(kernel.check(proc.root, SystemClock()), "kernel")[1:]
    (proc.root / "7/io").unlink()
    assert "CONFIG_TASK_IO_ACCOUNTING" in about(kernel.check(proc.root, SystemClock()), "kernel")[1].mend


def test_a_state_directory_under_a_file_is_an_error_and_nothing_is_made(tmp_path):
    found = configuration(tmp_path)
    (finding,) = about(surroundings.check(found, SystemClock()), "state directory")
    assert finding.level is Level.OK
    assert not (tmp_path / "state").exists()
    (tmp_path / "state").write_text("a file")
    (finding,) = about(surroundings.check(found, SystemClock()), "state directory")
    assert finding.level is Level.ERROR
    assert "agent.state_dir" in finding.mend


def test_a_file_destination_is_named_with_the_folder_that_is_missing(tmp_path):
    export = "export: [{name: local, file: {path: %s/out/metrics.jsonl, create_directory: %s}}]"

    def said(create):
        found = configuration(tmp_path, export % (tmp_path, create))
        return about(surroundings.check(found, SystemClock()), "export local")[0]

    assert said("true").what == (
        f"{tmp_path}/out/metrics.jsonl; its folder is missing and made at the first start"
    )
    refused = said("false")
    assert refused.level is Level.ERROR
    assert refused.what == f"the folder {tmp_path}/out of metrics.jsonl is missing"
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    assert said("false").what == f"{tmp_path}/out/metrics.jsonl"
    (tmp_path / "out/metrics.jsonl").mkdir()
    assert said("true").what == f"{tmp_path}/out/metrics.jsonl is a directory"


def test_the_state_directory_is_made_for_a_file_in_it_whatever_the_file_says(tmp_path):
    found = configuration(tmp_path, "export: [{file: {path: metrics.jsonl, create_directory: false}}]")
    assert levels(about(surroundings.check(found, SystemClock()), "export file")) == {Level.OK}


def test_places_of_somebody_else_are_errors():
    with TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "metrics.jsonl").touch(mode=0o444)
        (place / "closed").mkdir(mode=0o700)
        export = "export: [{name: a, file: {path: %s/metrics.jsonl}}, {name: b, file: {path: %s/closed/x/y}}]"
        found = configuration(place, export % (place, place))
        (place / "closed/x").mkdir()
        if os.geteuid():
            (place / "metrics.jsonl").chmod(0o400)
            (place / "closed").chmod(0)
        with unprivileged():
            findings = list(surroundings.check(found, SystemClock()))
        (place / "closed").chmod(0o700)
    assert about(findings, "export a")[0].what == f"{place}/metrics.jsonl cannot be written"
    assert about(findings, "export b")[0].what == f"nothing can be written in {place}/closed"


def test_an_agent_that_runs_is_named_and_keeps_its_state_directory(tmp_path):
    found = configuration(tmp_path)
    running = StateDirectory(tmp_path / "state")
    (finding,) = about(surroundings.check(found, SystemClock()), "state directory")
    assert "in use by the agent with pid" in finding.what
    running.close()
    (finding,) = about(surroundings.check(found, SystemClock()), "state directory")
    assert "in use" not in finding.what


def test_an_address_that_somebody_else_listens_on_is_an_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path = tmp_path / "rules.yaml"
        path.write_text(f"agent: {{state_dir: {tmp_path}, listen: '127.0.0.1:{port}'}}\n")
        (finding,) = about(surroundings.check(load(path), SystemClock()), "own address")
    assert finding.level is Level.ERROR
    assert f"127.0.0.1:{port}" in finding.what


def test_an_endpoint_is_asked_with_an_empty_request(tmp_path):
    with OtlpServer() as server:
        found = configuration(tmp_path, f"export: [{{name: there, otlp: {{endpoint: '{server.url}'}}}}]")
        (finding,) = about(surroundings.check(found, SystemClock()), "export there")
        assert finding.level is Level.OK
        assert server.points == 0


@pytest.mark.parametrize(
    "reply", [Reply(status=401), Reply(status=503), Reply(kind="text/html", body=b"<html>")]
)
def test_an_endpoint_that_does_not_take_it_is_an_error(tmp_path, reply):
    with OtlpServer(reply) as server:
        found = configuration(tmp_path, f"export: [{{name: there, otlp: {{endpoint: '{server.url}'}}}}]")
        (finding,) = about(surroundings.check(found, SystemClock()), "export there")
    assert finding.level is Level.ERROR
    assert finding.mend


def test_a_configuration_that_cannot_be_built_and_its_warnings_are_findings(tmp_path):
    found = configuration(
        tmp_path,
        "timezone: EST\n"
        "process_classification: {a: {patterns: [x], score: 0.5, special_handling: [encrypted_storage]}}",
    )
    findings = list(configured(found, SystemClock()))
    assert levels(findings) == {Level.OK, Level.WARNING, Level.ERROR}
    assert any("EST" in finding.what for finding in findings)
    assert any("encrypted_storage" in finding.what for finding in findings)
    (zone,) = [finding for finding in findings if "EST" in finding.what]
    assert "America/New_York" in zone.mend
    assert zone.mend not in zone.what  # each word once


def test_a_checkup_asks_everything_once(tmp_path):
    topics = {finding.topic for finding in checkup(configuration(tmp_path), SystemClock())}
    assert {"configuration", "processes", "permissions", "descriptors", "clock", "state directory"} <= topics
