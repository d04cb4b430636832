"""What lint says of labels, of worth, and of what cannot be used, word by word."""

from __future__ import annotations

import pytest

OFF = "is false, so this does nothing; remove it, or switch it on"
RANGE = "this name does not parse (invalid character class range: z-a); see github.com/google/re2/wiki/Syntax"
KUBECTL = "; the syntax is kubectl's: a=b, a!=b, a in (b, c), a notin (b), a, !a"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            "{selector: 'a=b,c', score: 0.5}, {selector: 'c,a=b', score: 0.5}",
            ["[1]: the same rule as label_based_scoring[0]; one says it all; keep one"],
        ),
        (
            (
                "{selector: a, score_modifier: 0.5}, {selector: a, score_modifier: 0.5},"
                " {selector: a, score_modifier: 0.4}"
            ),
            ["[1]: the same rule as label_based_scoring[0]; both modifiers are added; keep one"],
        ),
        (
            "{selector: a, score_modifier: 0}, {selector: b, score: 0.5, score_modifier: 0}",
            ["[0].score_modifier: adding 0 changes nothing; remove this rule"],
        ),
        (
            (
                "{selector: a=b, score: 0.5}, {selector: 'a=b,c', score: 0.4},"
                " {selector: 'a=b,d', score: 0.4, score_modifier: 0.1}, {selector: 'a=b,e', score: 0.5}"
            ),
            [
                (
                    "[1].score: never counts: a=b takes these too, and the highest score counts;"
                    " write a `score_modifier` instead"
                ),
            ],
        ),
        (
            "{selector: a=b, score: 0.5}, {selector: a=b, score: 0.9}, {selector: 'd,a=b,c', score: 0.6}",
            [
                f"[{at}].score: never counts: a=b takes these too, and the highest score counts;"
                " write a `score_modifier` instead"
                for at in (0, 2)
            ],
        ),
        (
            "{selector: a, score: 0.9}, {selector: a, score: 0.5}, {selector: 'a,b', score: 0.6}",
            [
                f"[{at}].score: never counts: a takes these too, and the highest score counts;"
                " write a `score_modifier` instead"
                for at in (1, 2)
            ],
        ),
        (
            (
                "{selector: 'a,b', score: 0.9}, {selector: 'b,a', score: 0.9, score_modifier: 0.1},"
                " {selector: 'a,b,c', score: 0.4}"
            ),
            [
                (
                    "[2].score: never counts: a,b takes these too, and the highest score counts;"
                    " write a `score_modifier` instead"
                ),
            ],
        ),
        ("{selector: a, score: 0.9}, {selector: 'a,b', score_modifier: 0.1}", []),
        (
            "{selector: a, score: 0.5}, {selector: a, score: 0.5}, {selector: b, score_modifier: 0}",
            [
                "[1]: the same rule as label_based_scoring[0]; one says it all; keep one",
                "[2].score_modifier: adding 0 changes nothing; remove this rule",
            ],
        ),
        (
            "{selector: 'a=b,!a', score: 0.5}, {selector: 'a=b,!a', score: 0.5}",
            [
                f"[{at}].selector: no labels can match: a is asked for and must be absent;"
                " requirements joined by commas must all hold"
                for at in (0, 1)
            ],
        ),
        ("{selector: g, score: 0.9}, {selector: 'a,b,c,d,e,f,g', score: 0.4}", []),
        (
            "{selector: f, score: 0.9}, {selector: 'a,a,a,b,c,d,e,f', score: 0.4}",
            [
                (
                    "[1].score: never counts: f takes these too, and the highest score counts;"
                    " write a `score_modifier` instead"
                ),
            ],
        ),
        ("{selector: a, score: 0.0}, {selector: 'a,b', score: 0.0}", []),
    ],
)
def test_what_is_said_of_label_rules(said, rules, expected):
    assert said(f"label_based_scoring: [{rules}]") == [f"label_based_scoring{one}" for one in expected]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            "{process: a, score: 0.2}, {process: a, score: 0.9}, {process: a, score: 0.9}",
            [
                "[0]: business_rules[1] has the same conditions, and the highest score counts; keep one",
                "[2]: business_rules[1] has the same conditions, with the same score; keep one",
            ],
        ),
        *(
            (f"{{{key}: a, score: 0.2}}, {{{key}: b, score: 0.9}}, {{user: z, {key}: a, score: 0.1}}", [])
            for key in ("process", "unit", "namespace", "selector")
        ),
        (
            "{selector: 'a,b', score: 0.2}, {selector: 'b,a', score: 0.1}",
            ["[1]: business_rules[0] has the same conditions, and the highest score counts; keep one"],
        ),
        ("{process: a, score: 0.9}, {process: a, score: 0.1, requirement: [SOX]}", []),
        (
            (
                "{process: a, selector: 'x,!x', score: 0.2}, {process: a, score: 0.1},"
                " {process: a, score: 0.1}"
            ),
            [
                (
                    "[0].selector: no labels can match: x is asked for and must be absent;"
                    " requirements joined by commas must all hold"
                ),
                "[2]: business_rules[1] has the same conditions, with the same score; keep one",
            ],
        ),
        ("{process: a, score: 0.5}, {process: b, score: 0.5}", []),
    ],
)
def test_what_is_said_of_business_rules(said, rules, expected):
    assert said(f"business_rules: [{rules}]") == [f"business_rules{one}" for one in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model: {enabled: false, file: m.json}", [f"model.file: `model.enabled` {OFF}"]),
        (
            "packs: {enabled: false, only: [databases], directories: [x]}",
            [f"packs.only: `packs.enabled` {OFF}", f"packs.directories: `packs.enabled` {OFF}"],
        ),
        (
            "command_line: {enabled: false, redact: ['a(b)']}",
            [f"command_line.redact: `command_line.enabled` {OFF}"],
        ),
        ("command_line: {enabled: true, redact: ['a(b)']}", []),
        ("packs: {enabled: false}\nmodel: {enabled: false}", []),
    ],
)
def test_what_is_said_of_settings_of_what_is_switched_off(said, text, expected):
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "process_classification: {a: {score: 0.5, patterns: ['(?=x)']}}",
            [
                (
                    "process_classification.a.patterns[0]: this pattern looks ahead; RE2 has no lookaround:"
                    " match what is there"
                ),
            ],
        ),
        (
            "process_classification: {a: {score: 1.0, patterns: ['a^b(?=x)']}}",
            [
                (
                    "process_classification.a.patterns[0]: this pattern looks ahead; RE2 has no lookaround:"
                    " match what is there"
                ),
            ],
        ),
        ("overrides: [{process: '[z-a]', force_collect: true}]", [f"overrides[0].process: {RANGE}"]),
        (
            "overrides: [{process: ' ', force_collect: true}]",
            ["overrides[0].process: this name is empty; name a process"],
        ),
        (
            "region: eu\nactive_region_handling: {overrides: [{process: '[z-a]', force_collect: true}]}",
            [f"active_region_handling.overrides[0].process: {RANGE}"],
        ),
        (
            (
                "business_rules: [{process: '[z-a]', unit: '[z-a]', namespace: '[z-a]', user: '[z-a]',"
                " selector:"
                " a b, score: 0.5}]"
            ),
            [
                *(f"business_rules[0].{key}: {RANGE}" for key in ("process", "unit", "namespace", "user")),
                (
                    "business_rules[0].selector: selector 'a b': expected =, ==, !=, in, notin, <, > or a"
                    " comma"
                    f" at column 3, found 'b'{KUBECTL}"
                ),
            ],
        ),
        (
            "command_line: {enabled: true, redact: ['(?=x)']}",
            [
                (
                    "command_line.redact[0]: this pattern looks ahead; RE2 has no lookaround: match what is"
                    " there"
                ),
            ],
        ),
        (
            "scopes: [{selector: 'a=b,,', profile: balanced}]",
            [
                "scopes[0].selector: selector 'a=b,,': expected a label's key at column 5, found ','"
                + KUBECTL,
            ],
        ),
        (
            "label_based_scoring: [{selector: 'a=b,', score: 0.5}]",
            [
                "label_based_scoring[0].selector: selector 'a=b,': expected a label's key at column 5, found"
                " the end" + KUBECTL,
            ],
        ),
    ],
)
def test_what_is_said_of_what_cannot_be_used(said, text, expected):
    assert said(text) == expected
