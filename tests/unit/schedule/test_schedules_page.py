"""The page on schedules says what is so: its forms are read, its fragments load, its strip is drawn."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nrdot.config.reading.load import examine
from nrdot.schedule.lint import check_schedules
from nrdot.schedule.words import parse

PAGE = (Path(__file__).parents[3] / "docs/schedules.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`.+?`) \| ", PAGE, re.MULTILINE)
FORMS = [form for row in ROWS for form in re.findall(r"`([^`]+)`", row)]
BLOCKS = re.findall(r"^```yaml[^\n]*\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_read(form):
    assert parse(form).clauses


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.strip().partition("\n")[0])
def test_each_fragment_loads_without_a_complaint_but_those_it_speaks_of(block, tmp_path):
    file = tmp_path / "nrdot.yaml"
    file.write_text(block)
    checks = [lambda configuration, report: check_schedules(configuration, report, now=0)]
    configuration, problems = examine(file, {"REGION": "asia"}, checks)
    assert configuration is not None, [str(one) for one in problems]
    assert [one.message for one in problems if "taken to be Dec 24-26" not in one.message] == []


def test_the_page_shows_every_kind_of_form_and_fragment():
    assert len(FORMS) > 10
    assert len(BLOCKS) == 4
