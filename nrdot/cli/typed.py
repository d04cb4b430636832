"""A command by way of typer: what was typed, and one line where it makes no sense."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

WRONG_USE, INTERRUPTED = 2, 130

# typer carries its own copy of click or uses the installed one, depending on its version; this is the class
# of every mistake on the command line in both.
_Misuse: type[Exception] = typer.BadParameter.__mro__[1]

# What whoever comes from another tool types first.
_LINT = "profile lint FILE"
_ELSEWHERE = {
    "check": _LINT,
    "help": "--help",
    "lint": _LINT,
    "ps": "scan",
    "run": "agent -c FILE",
    "start": "agent -c FILE",
    "test": "profile test FILE",
    "top": "scan",
    "validate": _LINT,
    "version": "--version",
    "-V": "--version",
    "-v": "--version",
}
_UNKNOWN = re.compile(r"No such (?:command '(\S+)'|option: (-\w)\b)\.?$")
_NUMBERS = {"integer": "whole number", "number": "number"}
_NO_NUMBER = re.compile(r"Input should be a valid (integer|number)\b[^;]*")


def call(arguments: list[str] | None) -> tuple[int, str]:
    """The exit status, and the line to print beside it where there is one."""
    from nrdot.cli.app import app

    try:
        status = app(arguments, prog_name="nrdot", standalone_mode=False)
    except _Misuse as error:
        return WRONG_USE, _misused(error, sys.argv[1:] if arguments is None else arguments)
    except typer.Abort:
        return INTERRUPTED, ""
    except SystemExit as ended:  # outside its standalone mode typer ends so for a closed pipe alone
        raise BrokenPipeError from ended
    return status if isinstance(status, int) else 0, ""


def _misused(error: BaseException, typed: list[str]) -> str:
    """What is wrong and where help is; the whole help where nothing was asked for."""
    context = getattr(error, "ctx", None)
    words = getattr(error, "format_message", error.__str__)()
    if words.startswith("Usage:"):
        print(words, file=sys.stderr)
        return ""
    command = context.command_path if context else " ".join(("nrdot", *_commands(typed)))
    words = " ".join(words.replace("Value error, ", "").split()).rstrip(".")
    words = _NO_NUMBER.sub(lambda found: f"a {_NUMBERS[found[1]]} is wanted", words)
    unknown = _UNKNOWN.fullmatch(words)
    if unknown and command == "nrdot" and (here := _ELSEWHERE.get(unknown[1] or unknown[2])):
        return f"{words}; here it is nrdot {here}"
    return f"{words}{'' if words.endswith('?') else ';'} see {command} --help"


def _commands(typed: list[str]) -> Iterator[str]:
    """Those of the words that name a command, where typer does not say in which it stood."""
    from nrdot.cli.app import app

    inside = getattr(typer.main.get_command(app), "commands", {})
    for word in typed:
        if word not in inside:
            return
        yield word
        inside = getattr(inside[word], "commands", {})
