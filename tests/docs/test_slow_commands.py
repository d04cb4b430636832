"""What takes minutes on a page works on short captures: the page's own words, with less to chew."""

from __future__ import annotations

from pathlib import Path

import pytest

from nrdot.testing.documents.pages import blocks

ROOT = Path(__file__).parents[2]
HERE = "tests/docs/test_slow_commands.py::test_each_block_works_in_short"
PAGES = [
    path for pattern in ("*.md", "docs/**/*.md", "samples/**/*.md") for path in sorted(ROOT.glob(pattern))
]
OURS = [block for page in PAGES for block in blocks(page) if block.covered_by == HERE]


def test_pages_have_such_blocks():
    assert len(OURS) >= 4


@pytest.mark.parametrize("block", OURS, ids=lambda block: block.place)
def test_each_block_works_in_short(block, scratch):
    for before in blocks(block.page):
        if name := before.marks.get("file"):
            scratch.path(name).write_text(scratch.placed(before.text))
    scratch.few_captures()
    outcomes = scratch.run(scratch.placed(block.text).replace("--duration 10m", "--duration 2s"))

    assert outcomes
    assert [(one.command, one.err) for one in outcomes if one.status] == []
