"""What docs/report.md and others tell people to type about reports works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from nrdot.cli.output import console, errors
from nrdot.cli.run import run
from nrdot.pricing.prices import QUANTITIES, load_pricing
from nrdot.testing.documents.pages import blocks
from nrdot.testing.recordings import ledger

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs/report.md"
HERE = "tests/unit/report/test_page_of_the_docs.py::test_each_command_works"
DAY, HOUR = 86400, 3600
RULES = "process_classification: {database: {score: 1.0, patterns: ['^p'], requirement: [SOX]}}\n"


def commands():
    """Those of docs/report.md, and of every other block that names this test."""
    pages = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("samples/**/*.md")]
    ours = [block for page in sorted(pages) for block in blocks(page) if block.covered_by == HERE]
    lines = [line.partition("#")[0].strip() for block in ours for line in block.text.splitlines()]
    return [line for line in lines if line]


@pytest.fixture
def folder(tmp_path, hours, monkeypatch):
    ledger.write(tmp_path / "srv", hours(72, ledger.NOON - 10 * DAY))
    (tmp_path / "nrdot.yaml").write_text(RULES)
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    (tmp_path / "hosts.csv").write_text("region,environment,hosts\neu,production,50\n")
    (tmp_path / "prices.yaml").write_text("meters: {new_relic: {prices: {free: 0}}}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_commands():
    assert len(commands()) >= 12


@pytest.mark.parametrize("line", commands())
def test_each_command_works(line, folder, capsys):
    words = shlex.split(line.partition(" > ")[0])
    assert words.pop(0) == "nrdot"
    if "--ledger" in words:
        words[words.index("--ledger") + 1] = str(folder / "srv")
    elif "--kind" not in words or "rollout" not in words:
        words += ["--ledger", str(folder / "srv")]
    if "--since" not in words:
        words += ["--since", "30d"]
    console.cache_clear()
    errors.cache_clear()
    status = run(words)
    captured = capsys.readouterr()
    assert status == 0, captured.err


def test_the_example_of_a_price_list_is_one(tmp_path):
    example = re.search(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)[1]
    (tmp_path / "prices.yaml").write_text(example)
    pricing = load_pricing(tmp_path / "prices.yaml")
    assert set(pricing.meters) == {"new_relic", "ours"}
    assert pricing.meter("new_relic").prices == {"free": 0.0, "price": 0.25}


def test_every_quantity_is_described():
    text = DOCS.read_text()
    assert [name for name in QUANTITIES if f"`{name}`" not in text] == []
