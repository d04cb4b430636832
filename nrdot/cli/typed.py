"""A command by way of typer: what was typed, and one line where it makes no sense."""

from __future__ import annotations

import sys

import typer

WRONG_USE, INTERRUPTED = 2, 130

# typer carries its own copy of click or uses the installed one, depending on its version; this is the class
# of every mistake on the command line in both.
_Misuse: type[Exception] = typer.BadParameter.__mro__[1]


def call(arguments: list[str] | None) -> tuple[int, str]:
    """The exit status, and the line to print beside it where there is one."""
    from nrdot.cli.app import app

    try:
        status = app(arguments, prog_name="nrdot", standalone_mode=False)
    except _Misuse as error:
        return WRONG_USE, _misused(error)
    except typer.Abort:
        return INTERRUPTED, ""
    except SystemExit as ended:  # outside its standalone mode typer ends so for a closed pipe alone
        raise BrokenPipeError from ended
    return status if isinstance(status, int) else 0, ""


def _misused(error: BaseException) -> str:
    """What is wrong and where help is; the whole help where nothing was asked for."""
    context = getattr(error, "ctx", None)
    words = getattr(error, "format_message", error.__str__)()
    if words.startswith("Usage:"):
        print(words, file=sys.stderr)
        return ""
    command = context.command_path if context else "nrdot"
    words = " ".join(words.replace("Value error, ", "").split()).rstrip(".")
    return f"{words}{'' if words.endswith('?') else ';'} see {command} --help"
