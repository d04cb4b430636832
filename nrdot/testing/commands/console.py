"""Commands of a page in a scratch folder: ours run in this process, others in a shell.

In this process a command costs a tenth of what a new interpreter does, and takes the same way through `run`.
What a shell does to such a line is done here: comments, globs, and output into a file.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

_FOR_A_SHELL = re.compile(r"[|;&$`<(]|^\s|^(if|for|while|cd|export|[A-Z_]+=)")
_INTO = re.compile(r"\s>\s*(?P<file>\S+)$")
PATIENCE = 60  # seconds until a command is taken to hang


@dataclass(frozen=True, slots=True)
class Outcome:
    command: str
    status: int
    out: str
    err: str
    wanted: int | None = None  # the status that the line itself states: `# status 1: they differ`


def typed(*words: object, terminal: bool = False) -> Outcome:
    """One command of ours, run in this process; where it prints to a `terminal`, COLUMNS says how wide."""
    from nrdot.cli.output import console, errors
    from nrdot.cli.run import run

    arguments = [str(word) for word in words]
    out, err = _Terminal() if terminal else io.StringIO(), io.StringIO()
    console.cache_clear()
    errors.cache_clear()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = run(arguments)
    finally:
        console.cache_clear()
        errors.cache_clear()
    return Outcome(shlex.join(["nrdot", *arguments]), status, out.getvalue(), err.getvalue())


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Console:
    """Runs what a reader would type, in `folder`; `root` is the repository, for its Makefile."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.root = root
        bin_folder = folder / "bin"
        bin_folder.mkdir(exist_ok=True)
        shim = bin_folder / "nrdot"
        shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m nrdot "$@"\n')
        shim.chmod(0o755)

    def run(self, text: str) -> list[Outcome]:
        """Every command of a block; one outcome for the whole where it is a program for a shell."""
        lines = [line for line in text.replace("\\\n", "").splitlines() if _bare(line)]
        if any(_FOR_A_SHELL.search(_bare(line)) for line in lines):
            return [self._shell(text)]
        return [replace(self._line(_bare(line)), wanted=_stated(line)) for line in lines]

    def _line(self, line: str) -> Outcome:
        words = shlex.split(_INTO.sub("", line))
        if words[0].endswith("bin/nrdot"):
            words[0] = "nrdot"
        if words[0] == "make":  # whether the target is there; what it does would install and download
            return self._shell(f"make --dry-run -C {shlex.quote(str(self.root))} {shlex.join(words[1:])}")
        if words[0] != "nrdot" or words[1:2] == ["agent"]:  # an agent makes the process its own
            return self._shell(line.replace(".venv/bin/nrdot", "nrdot"))
        outcome = self._inside(line, self._globbed(words[1:]))
        if into := _INTO.search(line):
            (self.folder / into["file"]).write_text(outcome.out, encoding="utf-8")
        return outcome

    def _globbed(self, words: list[str]) -> list[str]:
        found: list[str] = []
        for word in words:
            names = (
                sorted(str(path.relative_to(self.folder)) for path in self.folder.glob(word))
                if "*" in word
                else []
            )
            found += names or [word]
        return found

    def _inside(self, line: str, words: list[str]) -> Outcome:
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            return replace(typed(*words), command=line)
        finally:
            os.chdir(before)

    def _shell(self, text: str) -> Outcome:
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
        done = subprocess.run(
            ["sh", "-e", "-c", text],
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return Outcome(text, done.returncode, done.stdout, done.stderr)


def _bare(line: str) -> str:
    """Without its comment."""
    return re.sub(r"(^|\s+)#\s.*$", "", line).rstrip()


def _stated(line: str) -> int | None:
    found = re.search(r"#\s.*\bstatus (?P<status>\d)\b", line)
    return int(found["status"]) if found else None


def shows(wanted: str, printed: str) -> str:
    """The first line that was promised and not printed, in this order; empty where all were."""
    rest = [" ".join(line.split()) for line in printed.splitlines()]
    for line in wanted.splitlines():
        plain = " ".join(line.split())
        if plain in ("", "..."):
            continue
        pattern = re.compile(".*".join(re.escape(part.strip()) for part in plain.split("...")))
        at = next((index for index, one in enumerate(rest) if pattern.fullmatch(one)), None)
        if at is None:
            return line
        rest = rest[at + 1 :]
    return ""
