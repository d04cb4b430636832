"""docs/profiles.md: its commands work as they are written, and its examples load."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from nrdot.config.expectations import examine_tests
from nrdot.config.load import lint
from nrdot.simulate.expectations import REASONS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/profiles.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
EXAMPLES = [text for kind, text in BLOCKS if kind == "yaml"]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_works_as_it_is_written(command, monkeypatch, line):
    monkeypatch.chdir(ROOT)
    words = shlex.split(re.sub(r"\s*(>\S+|\|\| true)", "", line))
    assert words.pop(0) == "nrdot"
    arguments = [
        path for word in words for path in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]
    status, out, err = command(*arguments)
    assert out
    assert not err
    assert status in ({0, 1} if {"diff", "--dashboards"} & set(arguments) else {0})


def test_the_examples_of_the_page_load(tmp_path):
    profile, tests = EXAMPLES
    path = tmp_path / "mine.yaml"
    path.write_text(profile)
    assert lint(path, {}) == []
    folder = ROOT / "samples/bank"
    path = tmp_path / "mine.test.yaml"
    path.write_text(
        tests.replace("general.yaml", str(folder / "general.yaml")).replace(
            "../captures", str(folder / "../captures")
        )
    )
    suite, problems = examine_tests(path, {}, REASONS)
    assert problems == []
    assert len(suite.tests.expect) == len(yaml.safe_load(tests)["expect"])
