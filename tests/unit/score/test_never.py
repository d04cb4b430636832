"""Which selectors and patterns are told to match nothing, and in which words."""

from __future__ import annotations

import pytest

from nrdot.config.problem import render
from nrdot.score.never import contradiction, impossible
from nrdot.score.selector import parse_selector


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a^b", "`^` stands after a"),
        ("ab^", "`^` stands after b"),
        ("5^b", "`^` stands after 5"),
        ("a_^b", "`^` stands after _"),
        ("a$b", "b stands after `$`"),
        ("a$-b", "- stands after `$`"),
        ("a$b+", "b stands after `$`"),
        ("a$$b", "b stands after `$`"),
        ("x*$y", "y stands after `$`"),
        ("[ab]c^d", "`^` stands after c"),
        ("x[ab]c^d", "`^` stands after c"),
        ("[]a]c^d", "`^` stands after c"),
        ("[^]a]c^d", "`^` stands after c"),
        ("[[:digit:]]c^d", "`^` stands after c"),
        (r"[\\]c^d", "`^` stands after c"),
        (r"[a\]b]c^d", "`^` stands after c"),
        (r"[a\]b\]c]d^e", "`^` stands after d"),
        (r"\.c^d", "`^` stands after c"),
        ("(x)a^b", "`^` stands after a"),
        ("((x)y)a^b", "`^` stands after a"),
    ],
)
def test_a_pattern_that_no_line_can_match_is_told_by_what_stands_where_it_cannot(pattern, why):
    assert render(impossible(pattern), {}) == why


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^a",
        "a$",
        "^^a$$",
        "^a-b_c$",
        "a?^b",
        "a*^b",
        "a{0}^b",
        "a^*b",
        "a^?b",
        "a^{0}b",
        "a$*b",
        "a$b?",
        "a$b*",
        "a$b{0}",
        "(a)^b",
        "(a?)^b",
        "(a^b)?",
        "((a)b^c)?",
        "a^b|c",
        ".^a",
        "[ab]^c",
        "[]a^]b",
        "[^a]b",
        "[^]a^b]c",
        "[[:digit:]a^b]c",
        r"[a\]^b]c",
        r"[\\](]a^b)?",
        r"\Qa^b\E",
        "[a^b",
        r"\n^a",
        r"\$a",
        r"a\^b",
        r"a\\\^b",
        r"a$\z",
    ],
)
def test_a_pattern_that_some_line_may_match_is_not_accused(pattern):
    assert impossible(pattern) == ""


@pytest.mark.parametrize(
    ("selector", "why"),
    [
        ("a,!a", "a is asked for and must be absent"),
        ("a=b,!a", "a is asked for and must be absent"),
        ("a in (b,c),!a", "a is asked for and must be absent"),
        ("!a,a>1", "a is asked for and must be absent"),
        ("!a,a<1", "a is asked for and must be absent"),
        ("a=b,a=c", "no value of a satisfies all that is asked of it"),
        ("a in (b,c),a notin (b,c)", "no value of a satisfies all that is asked of it"),
        ("a in (1,2),a>2", "no value of a satisfies all that is asked of it"),
        ("a=b,a>1", "no value of a satisfies all that is asked of it"),
        ("x,y=1,a=b,a=c", "no value of a satisfies all that is asked of it"),
        ("n>5,n<6", "no whole number is above 5 and below 6"),
        ("n>6,n<5", "no whole number is above 6 and below 5"),
        ("n>1,n>5,n<9,n<6", "no whole number is above 5 and below 6"),
        ("a=b,a!=b,c=d,c=e", "no value of a satisfies all that is asked of it"),
    ],
)
def test_a_selector_that_no_labels_satisfy_is_told_by_the_key_that_is_asked_too_much_of(selector, why):
    assert render(contradiction(parse_selector(selector)), {}) == why


@pytest.mark.parametrize(
    "selector",
    [
        "a",
        "!a",
        "!a,a!=b",
        "!a,a notin (b,c)",
        "a,a!=b",
        "a=b,c=d",
        "a in (b,c),a in (c,d)",
        "a in (b,c),a notin (b)",
        "a in (1,2),a>1",
        "n>5",
        "n<5",
        "n>5,n<7",
        "n>5,m<5",
        "a=b,!c",
    ],
)
def test_a_selector_that_some_labels_satisfy_is_not_accused(selector):
    assert contradiction(parse_selector(selector)) == ""
