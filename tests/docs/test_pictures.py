"""The README's pictures are small, need no network, and show what they say they show."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

PICTURES = sorted((Path(__file__).parents[2] / "docs/pictures").iterdir())


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_small(path):
    assert 1_000 < path.stat().st_size < 150_000


def test_the_terminal_is_text_and_fetches_nothing():
    (drawn,) = [path.read_text() for path in PICTURES if path.suffix == ".svg"]
    words = unescape(re.sub(r"<[^>]+>", "", drawn)).replace("\xa0", " ")
    assert re.search(r"nrdot demo -c samples/\S+ \\\s+--capture samples/captures/", words)
    assert "points an hour" in words
    covered = re.findall(r"(\d+)/(\d+)", words.partition("critical covered")[2].partition("CPU")[0])
    assert len(covered) == 3
    assert all(exported == seen != "0" for exported, seen in covered)
    assert not re.search(r"url\(['\"]?http|@import|href=", drawn)
