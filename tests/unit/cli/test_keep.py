"""Pages that a command writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from nrdot.cli.output import keep
from nrdot.errors import UsageError
from nrdot.testing.commands.console import typed
from nrdot.testing.disks.little_room import little_room
from nrdot.testing.hosts.procfs import unprivileged


def test_a_page_that_does_not_fit_leaves_the_one_before_as_it_was(tmp_path):
    page = tmp_path / "page.html"
    keep("before", page, what="the page")
    with little_room(100), pytest.raises(UsageError) as caught:
        keep("x" * 1000, page, what="the page")
    assert str(caught.value) == f"{page}: cannot be written: File too large; the page is not kept"
    assert page.read_text() == "before"
    assert list(tmp_path.iterdir()) == [page]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link.html").symlink_to("page.html")
    keep("words", tmp_path / "link.html", what="the page")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "page.html").read_text() == "words"


def test_a_device_is_written_and_not_replaced():
    keep("words", Path("/dev/null"), what="the page")
    assert Path("/dev/null").is_char_device()


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(
        UsageError, match="cannot be written: No such file or directory; the page is not kept"
    ):
        keep("words", tmp_path / "no" / "page.html", what="the page")


def test_what_cannot_be_written_is_said_before_the_work(tmp_path):
    told = typed("train", tmp_path / "no.jsonl", "-o", tmp_path)
    assert told.status == 2
    assert (
        told.err
        == f"nrdot: --output {tmp_path}: cannot be written there; name a file in a directory of yours\n"
    )


def test_a_folder_that_nobody_may_look_into_is_said(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    words = "page.html: cannot be written: Permission denied; the page is not kept"
    with unprivileged(), pytest.raises(UsageError, match=words):
        keep("words", tmp_path / "closed/page.html", what="the page")
