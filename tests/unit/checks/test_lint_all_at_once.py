"""A slip of one kind hides no slip of another: types, patterns, selectors and schedules are told together."""

from __future__ import annotations

from textwrap import dedent

import pytest

from nrdot.checks.loading import lint


@pytest.fixture
def errors(tmp_path):
    def errors(text):
        file = tmp_path / "nrdot.yaml"
        file.write_text(dedent(text))
        return [f"{one.line}:{one.column}: {one.path}: {one.message.partition(';')[0]}" for one in lint(file)]

    return errors


def test_patterns_selectors_and_schedules_are_looked_at_beside_values_of_a_wrong_type(errors):
    assert errors("""\
        threshold: high
        process_classification:
          a: {score: 2, patterns: ["^a"]}
          b: {score: 0.5, patterns: ["(?=b)"]}
        label_based_scoring:
        - {selector: "tier=(", score: 0.5}
        time_based_rules:
        - {schedule: Sat, profile: balanced, reason: 7}
        - {schedule: Sun, profile: balanced}
        - {schedule: Mun, profile: balanced}
        """) == [
        "1:12: threshold: a number is wanted, not 'high'",
        "3:14: process_classification.a.score: must be 1 or less",
        "4:30: process_classification.b.patterns[0]: this pattern looks ahead",
        "6:14: label_based_scoring[0].selector: selector 'tier=(': expected a value at column 6, found '('",
        "8:46: time_based_rules[0].reason: text is wanted, and 7 is a whole number to YAML",
        "10:14: time_based_rules[2].schedule: 'Mun' is neither a day, a month nor a time zone",
    ]


def test_nothing_is_said_of_the_rest_that_the_whole_would_not_say(errors):
    """The override would stand alone without the class that is wrong, and the holidays without a rule."""
    (error,) = errors("""\
        threshold: 0
        holidays: [2020-01-01]
        process_classification: {a: {score: high, patterns: ["^a"]}}
        overrides: [{process: a, force_collect: true}]
        """)
    assert error.startswith("3:37: process_classification.a.score")


def test_what_cannot_be_left_out_ends_the_search(errors):
    (error,) = errors("profile: nowhere\nprofiles: {mine: {extends: theirs}}\n")[:1]
    assert "there is no profile 'nowhere'" in error
    assert errors("export: [{otlp: {}}]\nprocess_classification: {a: {score: 0.5, patterns: ['(?=b)']}}\n")
