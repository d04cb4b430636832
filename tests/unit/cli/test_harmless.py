"""Names that others chose are shown, and are no commands: neither to a terminal nor to what draws tables."""

from __future__ import annotations

import msgspec
import pytest

from nrdot.cli.harmless import harmless
from nrdot.ledger.rows import Seen
from nrdot.testing.commands.console import typed
from nrdot.testing.hosts.procfs import FakeProcfs
from nrdot.testing.recordings.captures import crowd, write_capture
from nrdot.testing.recordings.ledger import minutes, write

TITLE = "\x1b]0;taken\x07"
EVIL = f"\x9b31m{TITLE}\u202e[/]x"
SHOWN = "31m]0;taken[/]x"
LINES = (
    ["scan", "--procfs", "PROC"],
    ["explain", "666", "--procfs", "PROC"],
    ["simulate", "CAPTURE", "-p", "balanced", "-j", "1"],
    ["demo", "--capture", "CAPTURE", "-o", "PAGE"],
    ["report", "--ledger", "LEDGER", "--since", "3650d"],
    ["report", "--ledger", "LEDGER", "--since", "3650d", "--kind", "criticality"],
    ["report", "--ledger", "LEDGER", "--since", "3650d", "--kind", "compliance"],
)


@pytest.fixture
def places(tmp_path):
    with FakeProcfs() as tree:
        tree.add(1, "systemd", own=True)
        tree.add(666, EVIL, cmdline=[EVIL, EVIL], rss=1 << 30)
        tree.advance(3600)
        yield {
            "PROC": tree.root,
            "CAPTURE": write_capture(tmp_path / "h1.jsonl", map(evil, crowd(ticks=40))),
            "LEDGER": ledger(tmp_path / "ledger"),
            "PAGE": tmp_path / "page.html",
        }


def evil(tick):
    for one in tick["procs"]:
        if "name" in one:
            one["name"] = EVIL
    return tick


def ledger(folder):
    names = dict.fromkeys(("namespace", "class_", "unit", "user", "tenant"), EVIL)
    rows = minutes(60, host="h1", host_name=EVIL)
    write(folder, [msgspec.structs.replace(row, **names) if isinstance(row, Seen) else row for row in rows])
    return folder


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_no_name_commands_a_terminal_or_breaks_a_table(line, terminal, places):
    found = typed(*(places.get(word, word) for word in line), terminal=terminal)

    assert found.status == 0, found.err
    assert TITLE not in found.out + found.err
    assert not set("\x07\x9b\u202e") & set(found.out + found.err)


def test_a_name_is_shown_by_its_letters(places):
    assert SHOWN in typed("scan", "--procfs", places["PROC"]).out


def test_a_message_that_quotes_a_name_commands_nothing():
    found = typed("simulate", EVIL, "-p", "balanced")

    assert found.status == 2
    assert not set("\x07\x1b\x9b\u202e") & set(found.err)


def test_lines_and_tabs_stay():
    assert harmless("a\tb\nc\x00") == "a\tb\nc"


def test_a_pattern_is_shown_as_it_is_written_though_it_looks_like_markup(tmp_path):
    before, after = tmp_path / "a.yaml", tmp_path / "b.yaml"
    before.write_text('process_classification: {odd: {score: 0.5, patterns: ["^[a-z]+[/]$"]}}\n')
    after.write_text('process_classification: {odd: {score: 0.5, patterns: ["^[bold]+$"]}}\n')

    assert "^[a-z]+[/]$" in typed("profile", "show", before, "--effective").out
    shown = typed("profile", "diff", before, after).out
    assert "^[a-z]+[/]$" in shown
    assert "^[bold]+$" in shown
