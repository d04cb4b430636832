"""Pages and rules speak of the agent's own metrics by names that it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nrdot.encode.catalogue import GROUP_SIZE
from nrdot.telemetry.instruments import INSTRUMENTS
from nrdot.telemetry.openmetrics import render
from nrdot.testing.documents.pages import prose

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "samples").rglob("*.md")])
RULES = sorted((ROOT / "samples/monitoring").iterdir())
OTHERS = {"nrdot_rollup", GROUP_SIZE.name.replace(".", "_"), "nrdot_gap_points"}
# Settings of a price list, modules, and the operator's own metrics.
NOT_METRICS = re.compile(r"nrdot\.(core_hour|monthly|introduction|rollup|io|yaml|service|[a-z]+\.[a-z_]+\()")


def scraped():
    page = render({}, [(one, [(1.0, {})]) for one in INSTRUMENTS.values()])
    return {line.split()[0].partition("{")[0] for line in page.splitlines() if line.startswith("nrdot_")}


def test_the_list_of_names_is_the_pages():
    assert {"nrdot_dropped_total", "nrdot_config_info", "nrdot_buffer_age_seconds"} <= scraped()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_names_of_a_page_exist(page):
    text = prose(page)
    for name in re.findall(r"`(nrdot_[a-z_]+)", text):
        assert name in scraped() | OTHERS
    if page.stem not in {"kubernetes", "CHANGELOG"} and page.parent.name != "decisions":
        for name in re.findall(r"`(nrdot\.[a-z_.]+)`", text):
            known = {*INSTRUMENTS, GROUP_SIZE.name, "nrdot.gap.points"}
            assert (
                name in known or NOT_METRICS.match(name) or (ROOT / f"{name.replace('.', '/')}.py").exists()
            )


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_names_of_rules_and_dashboards_exist(path):
    for name in set(re.findall(r"\bnrdot_[a-z_]+", path.read_text())):
        assert name in scraped() | OTHERS
