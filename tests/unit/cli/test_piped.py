"""What goes into a pipe is for `head -1`, `cut` and `diff`: words, and no drawing around them."""

from __future__ import annotations

import pytest

from nrdot.testing.commands.console import typed
from nrdot.testing.recordings.captures import crowd, write_capture

TABLES = (
    ["profile", "list"],
    ["profile", "show", "balanced"],
    ["profile", "diff", "balanced", "aggressive"],
    ["scan", "--procfs", "PROC"],
    ["explain", "payment-gateway", "--procfs", "PROC"],
    ["simulate", "CAPTURE", "-p", "balanced", "-j", "1"],
)


@pytest.fixture
def words(proc, tmp_path):
    places = {"PROC": proc.root, "CAPTURE": tmp_path / "h1.jsonl"}
    write_capture(places["CAPTURE"], crowd(ticks=10))
    return lambda line: [places.get(word, word) for word in line]


@pytest.mark.parametrize("line", TABLES, ids=" ".join)
def test_no_line_ends_with_blanks_and_the_first_and_the_last_say_something(line, words):
    lines = typed(*words(line)).out.split("\n")
    assert lines.pop() == ""  # each line has its end
    assert len(lines) > 2
    assert [each for each in lines if each != each.rstrip()] == []
    assert lines[0]
    assert lines[-1]


def test_parts_of_a_page_stay_apart(words):
    assert "" in typed(*words(["explain", "payment-gateway", "--procfs", "PROC"])).out.splitlines()


def test_a_terminal_has_air_above_a_table():
    assert typed("profile", "list", terminal=True).out.splitlines()[0].strip() == ""
