"""What lint says of rules, word by word: the place, what is wrong, and the mend."""

from __future__ import annotations

import pytest

SHADOWED = "the higher score wins, then the class that is written first"
SHELL = "this is a shell pattern, in which `^` and `$` are letters of the name"
ALREADY = "says this already; remove one of them"
HIGHEST = "takes these too, and the highest importance counts; remove one of them"


def classes(text):
    return f"process_classification: {{{text}}}"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            "a: {score: 0.5, patterns: ['^x', '^x']}",
            ["a.patterns[1]: this class has the pattern already; keep one"],
        ),
        (
            "a: {score: 0.5, patterns: ['a^x']}",
            [
                "a.patterns[0]: no process can match: `^` stands after a; `^` begins and `$` ends a pattern",
            ],
        ),
        (
            "a: {score: 1.0, patterns: ['^$|.']}",
            [
                (
                    "a.patterns[0]: this pattern takes every process, and score 1.0 never filters one:"
                    " nothing is saved; name the programs, for example ^payment-"
                ),
            ],
        ),
        ("a: {score: 1.0, patterns: ['z', '^$', '.']}", []),
        ("a: {score: 0.99, patterns: ['.*']}", []),
        (
            "a: {score: 0.5, patterns: ['^pay-*']}",
            ["a.patterns[0]: in a pattern `-*` is any number of `-`, not what follows one; write ^pay-"],
        ),
        (
            "a: {score: 0.5, patterns: ['^pay_*']}",
            ["a.patterns[0]: in a pattern `_*` is any number of `_`, not what follows one; write ^pay_"],
        ),
        ("a: {score: 0.5, patterns: ['^pay-*x', '^pay.*', '^pay-']}", []),
    ],
)
def test_what_is_said_of_patterns(said, rules, expected):
    assert said(classes(rules)) == [f"process_classification.{one}" for one in expected]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            "a: {score: 0.9, patterns: ['^pay']}, b: {score: 0.5, patterns: ['^pay']}",
            [
                f"b: this class never counts: a takes all that its patterns match; {SHADOWED}",
                f"b.patterns[0]: class a has the same pattern; {SHADOWED}",
            ],
        ),
        (
            (
                "b: {score: 0.5, patterns: ['^v1', '^w1']}, a: {score: 0.9, patterns: ['^v', '^w']},"
                " c: {score: 0.8, patterns: ['^w']}"
            ),
            [
                f"b: this class never counts: a takes all that its patterns match; {SHADOWED}",
                f"c: this class never counts: a takes all that its patterns match; {SHADOWED}",
                f"c.patterns[0]: class a has the same pattern; {SHADOWED}",
            ],
        ),
        (
            (
                "a: {score: 0.9, patterns: ['^x']}, d: {score: 0.9, patterns: ['^y']},"
                " e: {score: 0.9, patterns: ['^v']}, b: {score: 0.5, patterns: ['^v1', '^x1', '^y1']}"
            ),
            [f"b: this class never counts: a, d, e take all that its patterns match; {SHADOWED}"],
        ),
        (
            (
                "a: {score: 0.9, patterns: ['^x']}, d: {score: 0.9, patterns: ['^y']},"
                " e: {score: 0.9, patterns: ['^v']}, f: {score: 0.9, patterns: ['^w']},"
                " b: {score: 0.5, patterns: ['^w1', '^v1', '^x1', '^y1']}"
            ),
            [f"b: this class never counts: a, d, e and 1 more take all that its patterns match; {SHADOWED}"],
        ),
        ("a: {score: 0.9, patterns: ['^x']}, b: {score: 0.5, patterns: ['^xx'], requirement: [SOX]}", []),
        *(
            (
                (
                    "a: {score: 0.9, patterns: ['^x']},"
                    f" b: {{score: 0.5, patterns: ['^xx'], special_handling: {{{handling}: true}}}}"
                ),
                [],
            )
            for handling in ("no_sampling", "full_audit_trail")
        ),
        (
            (
                "a: {score: 0.9, patterns: ['^x']},"
                " b: {score: 0.5, patterns: ['^xx'], special_handling: {no_sampling: false}}"
            ),
            [f"b: this class never counts: a takes all that its patterns match; {SHADOWED}"],
        ),
        (
            (
                "a: {score: 0.9, patterns: ['^x']},"
                " b: {score: 0.5, patterns: ['^xx'], special_handling: {encrypted_storage: true}}"
            ),
            [
                (
                    "b.special_handling: encrypted_storage needs a key, and the agent does not start without"
                    " one;"
                    " add `encryption: {key_file: PATH}`"
                ),
            ],
        ),
        ("a: {score: 0.5, patterns: ['^x']}, b: {score: 0.5, patterns: ['^y', '^x1']}", []),
    ],
)
def test_what_is_said_of_classes_beside_one_another(said, rules, expected):
    assert said(classes(rules)) == [f"process_classification.{one}" for one in expected]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            "{process: a, force_collect: true, importance: 0.5}",
            [
                (
                    "[0].importance: `importance` decides nothing beside `force_collect`, which keeps"
                    " whatever the score; keep one of them"
                ),
            ],
        ),
        (
            "{process: a, force_collect: true}, {process: a, force_collect: true}",
            [f"[1]: the override of a {ALREADY}"],
        ),
        (
            "{process: a-b, force_collect: true}, {process: 'a*', force_collect: true}",
            [f"[0]: the override of a* {ALREADY}"],
        ),
        ("{process: 'a*', importance: 0.9}, {process: ab, importance: 0.4}", [f"[1]: a* {HIGHEST}"]),
        ("{process: ab, importance: 0.5}, {process: ab, importance: 0.9}", [f"[0]: ab {HIGHEST}"]),
        (
            "{process: ab, importance: 0.5}, {process: 'a*', importance: 0.5}",
            [f"[0]: the override of a* {ALREADY}"],
        ),
        (
            "{process: ab, importance: 0.5}, {process: ab, importance: 0.4, expires: 2099-01-01}",
            [f"[1]: ab {HIGHEST}"],
        ),
        ("{process: ab, importance: 0.5, expires: 2099-01-01}, {process: ab, importance: 0.4}", []),
        ("{process: ab, force_collect: true}, {process: ab, importance: 0.5}", []),
        (
            (
                "{process: c, importance: 0.9, requirement: [SOX]}, {process: '*', importance: 0.5,"
                " requirement: [SOX]}, {process: a, importance: 0.5}, {process: a, importance: 0.4}"
            ),
            [
                (
                    "[1].process: this gives every process the same score, so the threshold keeps all or"
                    " none; name processes"
                ),
                f"[2]: the override of * {ALREADY}",
                f"[3]: * {HIGHEST}",
            ],
        ),
        (
            (
                "{process: 'a*', force_collect: true}, {process: ab, importance: 0.9},"
                " {process: ab, importance: 0.4}"
            ),
            [f"[2]: ab {HIGHEST}"],
        ),
        (
            (
                "{process: ab, importance: 0.5, requirement: [SOX]},"
                " {process: ab, importance: 0.4, requirement: [SOX]}"
            ),
            [],
        ),
        (
            "{process: '**', force_collect: true}",
            [
                (
                    "[0].process: this keeps every process, so nothing is saved; name processes, or write"
                    " `mode: observe` if that is meant"
                ),
            ],
        ),
        (
            "{process: '*', importance: 0.5}",
            [
                (
                    "[0].process: this gives every process the same score, so the threshold keeps all or"
                    " none;"
                    " name processes"
                ),
            ],
        ),
        ("{process: '^pay.*$', force_collect: true}", [f"[0].process: {SHELL}; write pay*"]),
        ("{process: '^pay', force_collect: true}", [f"[0].process: {SHELL}; write pay*"]),
        ("{process: 'pay$', force_collect: true}", [f"[0].process: {SHELL}; write *pay"]),
        ("{process: 'p$', force_collect: true}", [f"[0].process: {SHELL}; write *p"]),
        (
            "{process: '^pay[12]', force_collect: true}",
            [f"[0].process: {SHELL}; write the name, with `*` for whatever may stand there"],
        ),
        ("{process: $, force_collect: true}", []),
        ("{process: a^b, force_collect: true}", []),
    ],
)
def test_what_is_said_of_overrides(said, rules, expected):
    assert said(f"overrides: [{rules}]") == [f"overrides{one}" for one in expected]


def test_what_is_said_of_overrides_of_a_class_that_is_never_filtered(said):
    overrides = "{process: c-1, force_collect: true}, {process: c-2, importance: 0.5}"
    why = "changes nothing: the class c has score 1.0 and is never filtered"
    mend = "remove this override, or lower the score of the class"
    assert said(classes("c: {score: 1.0, patterns: ['^c-']}") + f"\noverrides: [{overrides}]") == [
        f"overrides[0]: `force_collect` {why}; {mend}",
        f"overrides[1]: `importance` {why}; {mend}",
    ]
    assert (
        said(classes("c: {score: 0.9, patterns: ['^c-']}") + "\noverrides: [{process: c-2, importance: 1.0}]")
        == []
    )
