"""The five scenarios' samples: each loads with the words that are expected of it, and keeps its promises."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nrdot.checks import loading as checks_of_the_agent
from nrdot.checks.loading import CHECKS, load
from nrdot.cli.profiles.problems import problems_of
from nrdot.config.reading.expectations import holds_tests, load_tests
from nrdot.config.reading.load import lint
from nrdot.schedule.lint import check_schedules
from nrdot.simulate.expectations import REASONS, Runner

SAMPLES = Path(__file__).parents[3] / "samples"
SCENARIOS = ("bank", "saas", "factory", "hospital", "games")
FILES = [path for name in SCENARIOS for path in sorted((SAMPLES / name).glob("*.yaml"))]
TESTS = [path for path in FILES if path.name.endswith(".test.yaml")]
# Data that is overwritten may survive on flash, and the linter says so to everybody.
EXPECTED = {"bank/payments.yaml": ["files are overwritten before they are removed"]}


# A calendar grows old: what the linter says of holidays that are over is not what is looked at here.
NOW = datetime(2027, 2, 1, tzinfo=UTC).timestamp()


def problems_on(path, now):
    def check_time(configuration, report):
        check_schedules(configuration, report, now)

    if holds_tests(path):
        return problems_of(path)
    checks = tuple(check_time if check is checks_of_the_agent.check_time else check for check in CHECKS)
    return lint(path, os.environ, checks)


def identity(path):
    return f"{path.parent.name}/{path.name}"


@pytest.mark.parametrize("path", FILES, ids=identity)
def test_a_sample_loads_with_no_word_but_the_expected_ones(path):
    said = [problem.message for problem in problems_on(path, NOW)]
    wanted = EXPECTED.get(identity(path), [])
    assert len(said) == len(wanted), said
    assert all(one.startswith(words) for one, words in zip(said, wanted, strict=True))


@pytest.mark.parametrize("path", TESTS, ids=identity)
def test_a_sample_keeps_what_its_tests_promise(path):
    suite = load_tests(path, os.environ, REASONS)
    configuration = load(path.parent / suite.tests.configuration)
    results = Runner(suite, configuration, NOW).run()
    assert [(one.name, one.failures) for one in results if not one.passed] == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_has_a_configuration_tests_and_a_page_that_names_every_file(name):
    files = {path.name for path in (SAMPLES / name).glob("*.yaml")}
    page = (SAMPLES / name / "README.md").read_text()
    tests = {one for one in files if one.endswith(".test.yaml")}
    assert tests
    assert files - tests
    for file in files - tests:
        assert f"`{file}`" in page
    assert "`*.test.yaml`" in page or all(f"`{one}`" in page for one in tests)
