"""The command line from the outside: one line for what goes wrong, an exit status, and never a traceback."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TextIO

from nrdot.cli.plain import plain_agent, run_agent
from nrdot.cli.profiles.problems import plain_lint, run_lint
from nrdot.errors import NrdotError

WHOLE = "NRDOT_TRACEBACK"  # set in the environment by whoever looks for a fault in the code
DONE, WRONG_USE, INTERRUPTED = 0, 2, 130


def run(arguments: list[str] | None = None) -> int:
    """Run one command and give the exit status. `arguments` are without the program's name."""
    if sys.stdout is None or sys.stderr is None:  # closed by whoever called: what is said there goes nowhere
        nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the program runs
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        _tolerant(stream)
    try:
        status = _call(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads our output has seen enough
        _close(sys.stdout)
        return DONE
    except NrdotError as error:
        return _failed(str(error), error.exit_status)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        return _failed(_of_system(error), WRONG_USE)
    except Exception as error:
        # A fault of ours. It is one line too, because nobody who runs a command can do anything with more.
        if os.environ.get(WHOLE):
            raise
        words = " ".join(str(error).split())[:200]
        kind = type(error).__name__
        return _failed(f"a fault of NRDOT's own, {kind}: {words}; please report it with {WHOLE}=1", WRONG_USE)
    return status


def _call(arguments: list[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    plain = plain_agent(given)
    if plain is not None:
        return run_agent(plain.config, once=plain.once)
    from nrdot.telemetry.log import plainly

    with plainly():
        files = plain_lint(given)
        if files is not None:
            return run_lint(files)
        from nrdot.cli.typed import call

        status, words = call(arguments)
    return _failed(words, status) if words else status


def _failed(words: str, status: int) -> int:
    # A message may quote a file's or a process's name, which is no command to the terminal.
    shown = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in words)
    try:
        print(f"nrdot: {shown}", file=sys.stderr)
    except OSError:
        _close(sys.stderr)
    return status


def _of_system(error: OSError) -> str:
    what = error.strerror or type(error).__name__
    if isinstance(error, PermissionError):
        what += "; run this as the agent's user, or as root"
    return f"{os.fsdecode(error.filename)}: {what}" if error.filename else what


def _tolerant(stream: TextIO) -> None:
    """Names of processes may hold letters that the terminal's encoding lacks."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _close(stream: TextIO) -> None:
    """The other end is gone: let the interpreter flush into nothing when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
