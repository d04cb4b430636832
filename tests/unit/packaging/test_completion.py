import os
import pty
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("nrdot")
GUARD = 60.0  # seconds; only ends what would hang


def source(shell):
    return subprocess.run(
        [PROGRAM],
        env={**os.environ, "_NRDOT_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def read_until(terminal, words):
    """What a terminal shows until `words` are in it."""
    seen, deadline = "", time.monotonic() + GUARD
    while words not in seen:
        ready, _, _ = select.select([terminal], [], [], max(deadline - time.monotonic(), 0.0))
        assert ready, seen
        seen += os.read(terminal, 4096).decode(errors="replace")
    return seen


def test_a_real_bash_completes_a_command_that_was_begun(tmp_path):
    script = tmp_path / "nrdot.bash"
    script.write_text(source("bash"))
    path = f"{PROGRAM.parent}:/usr/bin:/bin"
    ours, theirs = pty.openpty()
    shell = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        # Wide enough that nothing is folded, and where no file can be taken for what is completed.
        env={**os.environ, "PATH": path, "PS1": "", "TERM": "dumb", "COLUMNS": "500"},
        cwd=tmp_path,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        os.write(ours, f"source {shlex.quote(str(script))}; echo rea''dy\n".encode())
        read_until(ours, "ready")
        os.write(ours, b"nrdot pro\t")
        assert "nrdot profile" in read_until(ours, "profile")
        os.write(ours, b"lin\t")
        read_until(ours, "lint")
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_given_a_completion_that_asks_the_program(shell):
    assert f"_NRDOT_COMPLETE=complete_{shell}" in source(shell)


def test_a_shell_is_offered_the_values_of_an_option():
    asked = {"_NRDOT_COMPLETE": "complete_bash", "COMP_WORDS": "nrdot report --kind c", "COMP_CWORD": "3"}
    offered = subprocess.run(
        [PROGRAM], env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert offered.stdout.split() == ["criticality", "compliance"]
