"""The command line from the outside."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.metadata import version

import pytest
import typer

from nrdot.cli.app import app
from nrdot.cli.run import run


def commands():
    """Every command by the words that call it."""
    found = {}
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        found |= {name: command} if inner is None else {f"{name} {word}": one for word, one in inner.items()}
    return found


def test_the_version_is_the_packages(command):
    assert command("--version") == (0, f"nrdot {version('nrdot')}\n", "")


@pytest.mark.parametrize("words", commands())
def test_every_command_explains_itself_and_each_of_its_options_in_a_sentence(command, words):
    status, out, err = command(*words.split(), "--help")
    assert (status, err) == (0, "")
    sentence = " ".join(line.strip() for line in out.split("\n\n")[1].splitlines())
    assert sentence.endswith((".", "error", "errors", "damaged", "runs", "instead")), sentence
    for option in commands()[words].params:
        assert option.name == "help" or len(option.help.split()) > 1, option.name


def test_what_is_typed_is_named_as_it_is_typed(command):
    shown = command("profile", "test", "--help")[1]
    assert shown.startswith("Usage: nrdot profile test [OPTIONS] FILE...\n")
    assert "\n  FILE...  Files of profile tests.\n" in shown
    assert "[MODEL]  Model file; the shipped one" in command("model", "show", "--help")[1]
    assert not [
        words
        for words in commands()
        if re.search(r"<(list|str|path|Path)", command(*words.split(), "--help")[1])
    ]


@pytest.mark.parametrize("words", ["", *sorted({words.split()[0] for words in commands() if " " in words})])
def test_a_list_of_commands_cuts_no_sentence(command, words, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    listed = command(*words.split(), "--help")[1].partition("Commands:")[2]
    assert listed
    assert "..." not in listed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["scn"], "nrdot: No such command 'scn'. Did you mean 'scan'? see nrdot --help"),
        (["scna"], "nrdot: No such command 'scna'"),
        (["scan", "--srot", "cpu"], "--srot"),
        (["scan", "--sort", "colour"], "'colour' is not one of 'cpu'"),
        (["explain"], "Missing argument 'PID|NAME'"),
        (["demo", "--seconds", "3"], "'--seconds'"),
        (["record", "-o", "x", "--duration", "soon"], "--duration"),
        (["record", "-o", "x", "--duration", "0s"], "longer than nothing"),
        (["agent", "--duration", "0s"], "longer than nothing"),
        (["agent", "-c"], "requires an argument; see nrdot agent --help"),
        (["profile", "diff", "a", "b", "--capture"], "requires an argument; see nrdot profile diff --help"),
        (["demo", "--hosts", "many"], "'--hosts': a whole number is wanted; see nrdot demo --help"),
        (["help"], "No such command 'help'; here it is nrdot --help"),
        (["validate", "x.yaml"], "No such command 'validate'; here it is nrdot profile lint FILE"),
        (["-V"], "No such option: -V; here it is nrdot --version"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_one_line_that_says_where_help_is(command, words, message):
    status, out, err = command(*words)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
    assert "--help" in err or "here it is nrdot" in err


def test_a_command_alone_shows_what_there_is(command):
    status, _, err = command()
    assert status == 2
    assert "Usage: nrdot" in err
    assert "explain" in err
    assert "Begin with nrdot demo" in err


def test_a_fault_of_our_own_is_one_line_unless_somebody_looks_for_it(command, monkeypatch):
    monkeypatch.setattr("nrdot.cli.app.app", lambda *_, **__: 1 / 0)
    status, _, err = command("scan")
    assert status == 2
    assert err.startswith("nrdot: a fault of NRDOT's own, ZeroDivisionError: division by zero")
    assert err.count("\n") == 1
    monkeypatch.setenv("NRDOT_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run(["scan"])


def test_names_that_the_terminal_cannot_show_do_not_end_the_command(proc, monkeypatch):
    import io
    import sys

    proc.add(300, "größe")
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    assert run(["scan", "--json", "--procfs", str(proc.root)]) == 0
    narrow.flush()
    assert b"gr" in narrow.buffer.getvalue()


def test_what_may_not_be_read_is_said_with_who_may(command, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied", "/var/lib/nrdot/ledger")

    monkeypatch.setattr("nrdot.cli.app.app", refused)
    status, _, err = command("scan")
    wanted = "nrdot: /var/lib/nrdot/ledger: Permission denied; run this as the agent's user, or as root\n"
    assert (status, err) == (2, wanted)


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_stream_that_the_caller_closed_takes_nothing_and_breaks_nothing(closed):
    line = f"{shlex.quote(sys.executable)} -m nrdot profile list {closed}>&-"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert done.stderr == ""
    assert bool(done.stdout) is (closed == "2")
