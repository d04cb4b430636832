"""Every command with bad input, as a user starts it: one line, the right status, and never a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from nrdot.cli.app import app
from nrdot.testing.commands.nursery import Forked

PATIENCE = 60.0  # seconds, against a hang
WRONG_USE, NO, INTERRUPTED = 2, 1, 130

GROUPS = ("profile", "buffer", "model", "audit", "ledger", "operator")
CASES = {
    "agent": (["agent", "-c", "rules.yaml"], WRONG_USE),
    "agent once": (["agent", "--once", "-c", "missing.yaml"], WRONG_USE),
    "scan": (["scan", "--procfs", "folder"], WRONG_USE),
    "scan of a file": (["scan", "--procfs", "file"], WRONG_USE),
    "explain": (["explain", "x", "-c", "binary.yaml"], WRONG_USE),
    "explain nothing": (["explain", ""], NO),
    "doctor": (["doctor", "-c", "folder"], WRONG_USE),
    "doctor elsewhere": (["doctor", "--procfs", "folder"], NO),
    "demo": (["demo", "--capture", "capture.zst"], WRONG_USE),
    "demo to a folder": (["demo", "-o", "folder"], WRONG_USE),
    "record": (["record", "-o", "folder", "--duration", "1s"], WRONG_USE),
    "simulate": (["simulate", "capture.jsonl", "-j", "1"], WRONG_USE),
    "simulate another": (["simulate", "capture.jsonl", "--profile", "balnced"], WRONG_USE),
    "report": (["report", "--ledger", "missing"], WRONG_USE),
    "report of a file": (["report", "--ledger", "file"], WRONG_USE),
    "report of nothing": (["report", "--ledger", "folder"], WRONG_USE),
    "report with prices of nothing": (
        ["report", "--ledger", "folder", "--pricing", "binary.yaml"],
        WRONG_USE,
    ),
    "train": (["train", "capture.jsonl", "-o", "new.json"], WRONG_USE),
    "model show": (["model", "show", "model.json"], WRONG_USE),
    "model evaluate": (["model", "evaluate", "model.json", "capture.jsonl"], WRONG_USE),
    "profile list": (["profile", "list", "--directory", "missing", "--nonsense"], WRONG_USE),
    "profile show": (["profile", "show", "binary.yaml"], WRONG_USE),
    "profile lint": (["profile", "lint", "rules.yaml", "binary.yaml", "missing.yaml", "folder"], NO),
    "profile lint of dashboards": (["profile", "lint", "fine.yaml", "--dashboards", "missing"], WRONG_USE),
    "profile diff": (["profile", "diff", "balanced", "rules.yaml"], WRONG_USE),
    "profile diff on a capture": (
        ["profile", "diff", "fine.yaml", "fine.yaml", "--capture", "capture.zst"],
        WRONG_USE,
    ),
    "profile test": (["profile", "test", "rules.yaml"], WRONG_USE),
    "profile schema": (["profile", "schema", "--of", "nothing"], WRONG_USE),
    "profile timeline": (["profile", "timeline", "rules.yaml"], WRONG_USE),
    "profile timeline at no time": (["profile", "timeline", "fine.yaml", "--at", "noon"], WRONG_USE),
    "profile rollback": (["profile", "rollback", "-c", "rules.yaml"], WRONG_USE),
    "audit log": (["audit", "log", "-c", "rules.yaml"], WRONG_USE),
    "audit verify": (["audit", "verify", "file"], WRONG_USE),
    "ledger compact": (["ledger", "compact", "missing"], WRONG_USE),
    "operator run": (["operator", "run", "--kubeconfig", "missing"], WRONG_USE),
    "operator manifests": (["operator", "manifests", "--namespace", "No Name"], WRONG_USE),
    "buffer letters": (["buffer", "letters", "file"], WRONG_USE),
    "buffer replay": (["buffer", "replay", "missing"], WRONG_USE),
    "buffer status": (["buffer", "status", "file"], WRONG_USE),
    "buffer verify": (["buffer", "verify", "missing"], WRONG_USE),
    "buffer dump": (["buffer", "dump", "folder", "-c", "rules.yaml"], WRONG_USE),
    "buffer repair": (["buffer", "repair", "file"], WRONG_USE),
}


def environment():
    given = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "OPENBLAS_NUM_THREADS": "1"}
    given.pop("NRDOT_TRACEBACK", None)
    given["STATE_DIRECTORY"] = "/nowhere"  # not the one of an agent that this machine may run
    return given


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "nrdot", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        # A shell that runs the tests in the background has them, and their children, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What each case answers in a folder full of what goes wrong."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "rules.yaml").write_text("profle: balanced\nthreshold: [\n")
    (folder / "fine.yaml").write_text("threshold: 0.5\n")
    (folder / "binary.yaml").write_bytes(b"\xff\xfe\x00\x01" * 50)
    (folder / "capture.jsonl").write_text('{"v":1,"t":1,"procs":[]}\nnot json\n')
    (folder / "capture.zst").write_bytes(b"not zstd at all")
    (folder / "model.json").write_bytes(b"\x80\x04pickled")
    (folder / "folder").mkdir()
    (folder / "file").write_text("a file")
    out, err = folder / "out", folder / "err"
    found = {}
    for name, (arguments, _) in CASES.items():
        process = Forked(*arguments, folder=folder, environment=environment(), out=out, err=err)
        status = process.wait(PATIENCE)
        found[name] = status, out.read_text(errors="replace"), err.read_text(errors="replace")
    return found


# Whichever comes first waits for all the commands, on a machine with other work for minutes.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_told_in_lines_and_by_the_exit_status(results, name):
    status, out, err = results[name]
    words = out + err
    assert "Traceback" not in words
    assert "a fault of NRDOT's own" not in words
    assert status == CASES[name][1], words
    assert words.strip()
    assert status == NO or (not out and len(err.splitlines()) == 1), words


def test_no_command_is_left_out():
    commands = typer.main.get_command(app).commands.items()
    names = {
        words
        for name, command in commands
        for words in ([f"{name} {word}" for word in getattr(command, "commands", {})] or [name])
    }
    tried = {
        " ".join(arguments[:2]) if arguments[0] in GROUPS else arguments[0] for arguments, _ in CASES.values()
    }
    assert names - tried == set()


def test_a_reader_that_has_seen_enough_ends_the_command_quietly():
    process = start("profile", "schema")
    process.stdout.close()  # long before the interpreter has loaded what prints
    err = process.stderr.read().decode()
    assert process.wait(PATIENCE) == 0
    assert err == ""
    process.stderr.close()


def test_a_full_disk_behind_standard_output_is_one_line():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run(
            [sys.executable, "-m", "nrdot", "profile", "schema"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=PATIENCE,
        )
    assert process.returncode == WRONG_USE
    assert process.stderr == b"nrdot: No space left on device\n"


def interrupted(process):
    """Ctrl-C until it ends: Python misses one between its look for signals and a read that blocks."""
    while True:
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=PATIENCE / 4)
        except subprocess.TimeoutExpired:
            continue


def test_an_interrupt_ends_a_command_without_a_word(tmp_path):
    capture = tmp_path / "capture.jsonl"
    os.mkfifo(capture)
    process = start("simulate", capture)
    with capture.open("wb"):  # opens when the command has opened its end, so it is under way
        out, err = interrupted(process)
    assert process.returncode == INTERRUPTED
    assert (out, err) == (b"", b"")
