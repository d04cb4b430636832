import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from nrdot.cli.app import app

SCRIPT = Path(__file__).parents[3] / "packaging" / "manual.py"


@pytest.fixture(scope="module")
def page():
    made = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True)
    return made.stdout


def commands(command, path):
    """Every command that does something, with its path."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, child in below.items():
        yield from commands(child, f"{path} {name}")


def test_every_command_has_a_section_with_its_options(page):
    sections = dict(re.findall(r'^\.SS "([^"]+)"\n(.*?)(?=^\.S[SH] )', page, re.MULTILINE | re.DOTALL))
    found = dict(commands(typer.main.get_command(app), "nrdot"))

    assert set(sections) == set(found)
    for path, command in found.items():
        text = sections[path].replace(r"\-", "-")
        options = {word for parameter in command.params for word in parameter.opts if word[:1] == "-"}
        assert not {word for word in options - {"-h", "--help"} if word not in text}, path


def test_no_line_of_help_is_taken_for_a_command_of_roff(page):
    known = {".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".I", ".BR"}

    assert {line.split()[0] for line in page.splitlines() if line.startswith(".")} <= known
    assert not [line for line in page.splitlines() if line.startswith("'")]


def test_the_page_begins_as_whatis_wants_it(page):
    lines = page.splitlines()

    assert lines[0].startswith('.TH NRDOT 1 "')
    assert lines[1] == ".SH NAME"
    assert lines[2].startswith(r"nrdot \- ")
