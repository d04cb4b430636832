"""What is legal and can never count is told, with the mend; what may count is never accused."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from nrdot.checks.loading import lint


@pytest.fixture
def said(tmp_path):
    """Warnings of a document as `LINE: path: message`; it must have no errors."""

    def said(text):
        file = tmp_path / "rules.yaml"
        file.write_text(dedent(text))
        problems = lint(file)
        assert {problem.severity.value for problem in problems} <= {"warning"}, [str(one) for one in problems]
        return [f"{one.line}: {one.path}: {one.message}" for one in problems]

    return said


def only(found, *parts):
    (line,) = found
    for part in parts:
        assert part in line
    return True


NEVER = "process_classification: {crown: {score: 1.0, patterns: ['^crown-']}}\n"


def test_an_override_that_a_never_filter_class_makes_pointless(said):
    found = said(NEVER + "overrides: [{process: 'crown-jewel-*', force_collect: true}]\n")
    assert only(found, "2: overrides[0]: `force_collect` changes nothing", "class crown")
    found = said(NEVER + "overrides: [{process: crown-jewel, importance: 0.2}]\n")
    assert only(found, "`importance` changes nothing")


def test_an_override_that_also_marks_a_requirement_or_reaches_further_is_left_alone(said):
    assert said(NEVER + "overrides: [{process: 'crown-*', force_collect: true, requirement: [SOX]}]\n") == []
    assert said(NEVER + "overrides: [{process: 'crow*', force_collect: true}]\n") == []


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ("{process: a, force_collect: true}, {process: a, force_collect: true}", "says this already"),
        ("{process: 'a*', force_collect: true}, {process: a-b, force_collect: true}", "says this already"),
        ("{process: 'a*', importance: 0.9}, {process: ab, importance: 0.4}", "highest importance counts"),
        ("{process: a, force_collect: true, importance: 0.5}", "decides nothing beside `force_collect`"),
        ("{process: '*', force_collect: true}", "keeps every process"),
        ("{process: '*', importance: 0.5}", "same score"),
        ("{process: '^payment-.*', force_collect: true}", "this is a shell pattern"),
    ],
)
def test_overrides_that_say_nothing_of_their_own_or_too_much(said, overrides, words):
    assert only(said(f"overrides: [{overrides}]\n"), words)


@pytest.mark.parametrize(
    "overrides",
    [
        "{process: 'a*', importance: 0.4}, {process: ab, importance: 0.9}",
        "{process: 'a*', force_collect: true, expires: 2099-01-01}, {process: ab, force_collect: true}",
        "{process: 'a*', importance: 0.9}, {process: ab, force_collect: true}",
        "{process: com.example.*, force_collect: true}",
        "{process: 'a?', force_collect: true}, {process: 'a[b]', force_collect: true}",
    ],
)
def test_overrides_that_each_have_a_say_are_left_alone(said, overrides):
    assert said(f"overrides: [{overrides}]\n") == []


def classes(**rules):
    lines = ["process_classification:"]
    for name, (score, patterns) in rules.items():
        lines += [f"  {name}:", f"    score: {score}", f"    patterns: {json.dumps(patterns)}"]
    return "\n".join(lines) + "\n"


def test_a_class_whose_patterns_another_class_takes_first(said):
    assert only(
        said(classes(wide=(0.8, ["^pay"]), narrow=(0.5, ["^payment-", "^paypal"]))), "5: ", "wide takes all"
    )
    assert only(said(classes(first=(0.5, ["pay"]), second=(0.5, ["^payment"]))), "first takes all")
    assert said(classes(narrow=(0.9, ["^payment-"]), wide=(0.5, ["^pay"]))) == []
    assert said(classes(wide=(0.8, ["^pay"]), half=(0.5, ["^payment-", "^other"]))) == []


@pytest.mark.parametrize(
    ("score", "pattern", "words"),
    [
        (1.0, ".*", "takes every process"),
        (1.0, "a*", "takes every process"),
        (0.5, "foo^bar", "no process can match: `^` stands after o"),
        (0.5, "foo$bar", "no process can match: b stands after `$`"),
        (0.5, "^payment-*", "any number of `-`"),
    ],
)
def test_patterns_that_match_nothing_everything_or_something_else(said, score, pattern, words):
    assert only(said(classes(one=(score, [pattern]))), "patterns[0]", words)


@pytest.mark.parametrize(
    "pattern", ["(^a|b)", "(?i)^a", "a|^b", "a?^b", r"a\$b", "[$]b", "^a$", "a$|b", "x*$y?", "^.*$", "foo.*"]
)
def test_patterns_that_may_match_are_left_alone(said, pattern):
    assert said(classes(one=(0.5, [pattern]))) == []


def test_a_pattern_twice_in_a_class(said):
    assert only(said(classes(one=(0.5, ["^a", "^a"]))), "patterns[1]: this class has the pattern already")


def labels(*rules):
    return "label_based_scoring:\n" + "".join(f"  - {rule}\n" for rule in rules)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (["{selector: 'tier=a,tier=b', score: 0.5}"], "no value of tier"),
        (["{selector: 'tier,!tier', score: 0.5}"], "must be absent"),
        (["{selector: 'tier in (a),tier notin (a)', score: 0.5}"], "no value of tier"),
        (["{selector: 'n>5,n<6', score: 0.5}"], "no whole number"),
        (["{selector: 'a=b', score_modifier: 0}"], "adding 0"),
        (["{selector: 'a=b', score: 0.9}", "{selector: 'a=b,c=d', score: 0.5}"], "never counts"),
        (["{selector: 'a=b', score_modifier: 0.1}"] * 2, "both modifiers are added"),
    ],
)
def test_label_rules_that_can_never_count(said, rules, words):
    assert only(said(labels(*rules)), words)


@pytest.mark.parametrize(
    "rules",
    [
        ["{selector: 'tier in (a,b),tier notin (a)', score: 0.5}"],
        ["{selector: 'n>5,n<7', score: 0.5}"],
        ["{selector: 'a=b', score: 0.5}", "{selector: 'a=b,c=d', score: 0.9}"],
        ["{selector: 'a=b', score: 0.9}", "{selector: 'a=c', score: 0.5}"],
        ["{selector: 'a!=b', score: 0.9}", "{selector: '!a', score: 0.5}"],
    ],
)
def test_label_rules_that_may_count_are_left_alone(said, rules):
    assert said(labels(*rules)) == []


def test_business_rules_with_the_same_conditions(said):
    rules = "business_rules:\n  - {process: a, unit: b, score: 0.9}\n  - {process: a, unit: b, score: 0.2}\n"
    assert only(said(rules), "business_rules[0] has the same conditions, and the highest score counts")
    assert (
        said("business_rules:\n  - {process: a, score: 0.9}\n  - {process: a, user: c, score: 0.2}\n") == []
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: {enabled: false, file: m.json}", "`model.enabled` is false"),
        ("packs: {enabled: false, only: [databases]}", "`packs.enabled` is false"),
        ("command_line: {redact: ['secret=(.*)']}", "`command_line.enabled` is false"),
    ],
)
def test_settings_of_what_is_switched_off(said, text, words):
    assert only(said(text + "\n"), words)


def test_overrides_of_the_active_region_are_looked_at_too(said):
    rules = NEVER + "active_region_handling: {overrides: [{process: crown-1, importance: 0.5}]}\n"
    assert any(
        "active_region_handling.overrides[0]: `importance` changes nothing" in one for one in said(rules)
    )
