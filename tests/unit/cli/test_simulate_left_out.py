"""`nrdot simulate` over captures of which one is broken, or is not there."""

from __future__ import annotations

import json

import pytest

from nrdot.testing.disks.little_room import little_room
from nrdot.testing.recordings.captures import crowd, write_capture


@pytest.fixture
def capture(tmp_path):
    return write_capture(tmp_path / "h1.jsonl", crowd(ticks=24, host="h1"))


@pytest.fixture
def broken(tmp_path):
    path = write_capture(tmp_path / "h2.jsonl", crowd(ticks=24, host="h2"))
    lines = path.read_text().splitlines(keepends=True)
    lines[16] = lines[16].replace('"pid"', '"dip"', 1)
    path.write_text("".join(lines))
    return path


def test_the_others_count_and_the_result_says_what_is_left_out(command, capture, broken):
    status, out, error = command("simulate", capture, broken, "-p", "balanced", "-j", "1")
    assert status == 0
    (told,) = error.splitlines()
    assert told.startswith(f"nrdot: warning: {broken}, line 17: not a tick of a capture: ")
    assert told.endswith("`pid` - at `$.procs[0]`; this capture counts nowhere")
    assert "The figures are of h1.jsonl; 1 more could not be read" in out
    assert "(1 host)" in out


def test_the_document_has_the_figures_of_the_others_and_names_what_is_left_out(command, capture, broken):
    arguments = ("-p", "balanced", "-j", "1", "--json")
    alone = json.loads(command("simulate", capture, *arguments)[1])
    found = json.loads(command("simulate", broken, capture, *arguments)[1])
    assert alone.pop("left_out") == []
    (told,) = found.pop("left_out")
    assert told.startswith(f"{broken}, line 17: ")
    assert found == alone


def test_nothing_of_a_broken_capture_is_exported(command, capture, broken, tmp_path):
    alone, partly = tmp_path / "alone.jsonl", tmp_path / "partly.jsonl"
    for captures, export in (((capture,), alone), ((broken, capture), partly)):
        assert command("simulate", *captures, "-p", "balanced", "-j", "1", "--export", export)[0] == 0
    assert partly.read_bytes() == alone.read_bytes() != b""


def test_a_single_capture_that_is_broken_is_an_error(command, broken):
    status, out, error = command("simulate", broken, "-p", "balanced", "-j", "1")
    assert (status, out) == (2, "")
    assert f"{broken}, line 17: not a tick of a capture" in error


def test_a_capture_that_is_not_there_is_wrong_use_and_nobody_waits_for_the_others(command, capture, tmp_path):
    status, out, error = command("simulate", capture, tmp_path / "typo.jsonl", "-j", "1")
    assert (status, out) == (2, "")
    assert "typo.jsonl: no such file; nothing is simulated" in error


def test_a_ledger_that_does_not_fit_on_the_disk_is_no_result(command, capture, tmp_path):
    with little_room(10):
        status, out, error = command(
            "simulate", capture, "-p", "balanced", "-j", "1", "--ledger", tmp_path / "l"
        )
    assert (status, out) == (2, "")
    assert "/l/h1: the ledger cannot be written: [Errno 27] File too large; nothing is shown" in error
