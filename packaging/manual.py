"""The manual page nrdot(1), from the command line's own help: `python packaging/manual.py >nrdot.1`.

What no help tells (files, environment, exit statuses) stands below, in words.
"""

from __future__ import annotations

import os
import sys
import time
from importlib.metadata import version
from typing import TYPE_CHECKING

import typer

from nrdot.cli.app import app, described

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOSING = r"""
.SH FILES
.TP
.I /etc/nrdot/nrdot.yaml
The agent's configuration where the Debian package runs it.
.TP
.I /var/lib/nrdot
State: buffer, ledger, audit trail, the last good configuration.
Removing the package keeps it, purging does not.
.SH ENVIRONMENT
.TP
.B STATE_DIRECTORY
Where the state lies when the configuration cannot be read; systemd sets it.
.TP
.BR https_proxy ", " no_proxy
The way out where a destination names no proxy.
.TP
.B NRDOT_TRACEBACK
Set to anything, a fault of NRDOT's own shows where it happened.
.SH "EXIT STATUS"
.TP
.B 0
Done.
.TP
.B 1
Done, and what was looked for is not as it should be: a check failed, an expectation was not met.
.TP
.B 2
Not done: a mistake on the command line or in a file, or something that is needed is missing.
One line says which.
.TP
.B 130
Interrupted.
.SH SIGNALS
.B nrdot agent
reads its configuration again at SIGHUP.
At SIGTERM it exports once more, drains for ten seconds at most and ends.
"""


def escaped(words: str) -> str:
    """Text as roff shows it: no letter of it commands anything."""
    words = words.replace("\\", r"\e").replace("-", r"\-")
    return "\n".join(rf"\&{line}" if line[:1] in {".", "'"} else line for line in words.splitlines())


def page() -> Iterator[str]:
    built = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    name = f"nrdot {version('nrdot')}"
    yield f'.TH NRDOT 1 "{time.strftime("%Y-%m-%d", built)}" "{name}" "User Commands"'
    root = typer.main.get_command(app)
    words = (root.help or "").strip().rstrip(".")
    yield ".SH NAME"
    yield escaped(f"nrdot - {words[0].lower()}{words[1:]}")
    yield ".SH SYNOPSIS\n.B nrdot\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGS\\fR]..."
    yield ".SH DESCRIPTION"
    yield escaped(
        "NRDOT watches the processes of a host and judges which of them matter. It exports those by "
        "themselves over OTLP, and the rest rolled up so that totals stay exact."
    )
    with typer.Context(root, info_name="nrdot") as context:
        yield ".SH OPTIONS"
        yield from parameters(root, context)
        yield ".SH COMMANDS"
        yield from commands(root, context)
    yield CLOSING.strip()


def commands(group: typer.core.TyperGroup, above: typer.Context) -> Iterator[str]:
    for name in group.list_commands(above):
        command = group.get_command(above, name)
        with typer.Context(command, info_name=name, parent=above) as context:
            if isinstance(command, typer.core.TyperGroup):
                yield from commands(command, context)
                continue
            yield f'.SS "{escaped(context.command_path)}"'
            usage = " ".join(command.collect_usage_pieces(context))
            yield rf".B {escaped(context.command_path)}" + "\n" + rf"\fI{escaped(usage)}\fR"
            for paragraph in (command.help or "").split("\n\n"):
                yield ".PP\n" + escaped(" ".join(paragraph.split()))
            yield from parameters(command, context)


def parameters(command: typer.core.TyperCommand, context: typer.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = described(parameter, context)
        if record is None or "--help" in parameter.opts:
            continue
        yield ".TP\n" + rf"\fB{escaped(record[0])}\fR" + "\n" + escaped(" ".join(record[1].split()))


if __name__ == "__main__":
    sys.stdout.write("\n".join(page()) + "\n")
