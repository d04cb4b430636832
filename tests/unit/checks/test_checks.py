"""Patterns and selectors that cannot be used are told with their line."""

from __future__ import annotations

import pytest

from nrdot.checks.loading import lint, load
from nrdot.errors import ConfigError

CLASS = """\
process_classification:
  odd:
    score: 0.5
    patterns:
      - "^fine"
      - "{pattern}"
"""


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?=ahead)", "look"),
        ("(unclosed", "pattern"),
        (r"(a)\\1", "back"),
        ("(a{1000}){1000}", "pattern"),
        ("", "empty"),
    ],
)
def test_a_pattern_that_re2_refuses_is_named_by_line_and_path(tmp_path, pattern, said):
    file = tmp_path / "c.yaml"
    file.write_text(CLASS.format(pattern=pattern))
    with pytest.raises(ConfigError) as raised:
        load(file)
    text = str(raised.value)
    assert text.startswith(f"{file}:6:9: process_classification.odd.patterns[1]:")
    assert said in text.lower()
    assert "\n" not in text


@pytest.mark.parametrize("key", ["label_based_scoring", "business_rules", "scopes"])
def test_a_selector_that_does_not_parse_is_named_by_line_and_path(tmp_path, key):
    file = tmp_path / "c.yaml"
    extra = "profile: balanced" if key == "scopes" else "score: 0.5"
    file.write_text(f'{key}:\n  - selector: "tier in frontend"\n    {extra}\n')
    (problem,) = lint(file)
    assert (problem.line, problem.severity.value) == (2, "error")
    assert "selector" in problem.message


def test_all_of_them_are_told_at_once(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(CLASS.format(pattern="(?=x)") + 'label_based_scoring:\n  - {selector: "=", score: 0.1}\n')
    assert [problem.line for problem in lint(file)] == [6, 8]


def test_an_override_of_the_active_region_is_checked_before_the_region_is_active(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text('active_region_handling:\n  overrides:\n    - {process: " ", importance: 1}\n')
    (problem,) = [one for one in lint(file) if one.severity == "error"]
    assert (problem.line, problem.message) == (3, "this name is empty")
