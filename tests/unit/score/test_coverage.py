"""Whether one name pattern takes all that another takes: proven, or no answer."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from nrdot.score.coverage import MANY, Cover, as_glob, plain_glob, takes
from nrdot.score.names import glob_pattern

GLOBS = st.text(alphabet="ab*", min_size=1, max_size=6)
NAMES = st.text(alphabet="abc", max_size=6)
PATTERNS = st.text(alphabet="ab.*^$\\-", min_size=1, max_size=6)


@given(GLOBS, GLOBS, NAMES)
def test_a_wider_pattern_takes_every_name_that_the_narrower_takes(wide, narrow, name):
    if takes(wide, narrow) and re2.search(glob_pattern(narrow), name):
        assert re2.search(glob_pattern(wide), name)


@given(PATTERNS, NAMES)
def test_a_regular_expression_and_its_shell_pattern_take_the_same_names(pattern, name):
    glob = as_glob(pattern)
    try:
        found = re2.search(pattern, name) is not None
    except re2.error:
        return
    if glob is not None:
        assert found == (re2.search(glob_pattern(glob), name) is not None)


def test_what_a_plain_expression_means_as_a_shell_pattern():
    assert as_glob("^plc-") == "plc-*"
    assert as_glob("plc") == "*plc*"
    assert as_glob(r"^a\.b$") == "a.b"
    assert as_glob("^a.*b") == "a*b*"
    assert [as_glob(one) for one in ("a+", "(a|b)", "[ab]", "a{2}", "a-*", "(?i)a", r"a\d", "a.b")] == [
        None
    ] * 8


def test_patterns_with_classes_of_letters_are_never_compared():
    assert [plain_glob(one) for one in ("a?", "[ab]c", "a**b", "X-")] == [None, None, "a*b", "X-"]


def test_a_cover_finds_exact_names_prefixes_and_the_rest():
    cover = Cover()
    for glob in ("nginx", "pay*", "*sql*", "a*b", None):
        cover.add(glob, glob)
    assert list(cover.of("nginx")) == ["nginx"]
    assert list(cover.of("payment-*")) == ["pay*"]
    assert list(cover.of("mysqld")) == ["*sql*"]
    assert list(cover.of("a1b")) == ["a*b"]
    assert list(cover.of("pa*")) == []
    assert list(cover.of(None)) == []


@pytest.mark.parametrize(
    ("pattern", "glob"),
    [
        ("^a$", "a"),
        ("a$", "*a"),
        ("^$", ""),
        (".*", "*"),
        ("^a.*.*b", "a*b*"),
        ("^.*a$", "*a"),
        (r"^a\-\.b\ ", "a-.b *"),
        (r"^a\$", "a$*"),
        ("a$b", None),
        ("^a^b", None),
        ("^a?", None),
        ("^.*?a", None),
        ("^.**", None),
        ("^a*", None),
        ("^a{2}", None),
        (r"^\.+", None),
        (r"a\*b", None),
        ("a\\", None),
        (r"\w", None),
    ],
)
def test_an_expression_is_a_shell_pattern_or_nothing_is_claimed_of_it(pattern, glob):
    assert as_glob(pattern) == glob


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("ab", "ab"),
        ("*", ""),
        ("*", "a*b"),
        ("a*", "a"),
        ("a*", "a*b"),
        ("*b", "a*b"),
        ("a*a", "aba"),
        ("*b*", "abc"),
        ("a*b*c", "a1b2c"),
        ("*b*b*", "abbc"),
        ("*b*c*d*", "abxcxd"),
    ],
)
def test_a_wider_pattern_is_recognised(wide, narrow):
    assert takes(wide, narrow)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("ab", "a*"),
        ("a*", "b"),
        ("*a", "b"),
        ("a*a", "a"),
        ("*b*", "ac"),
        ("*b*b*", "abc"),
        ("*bc*cd*", "bcd"),
        ("a*b*c", "a1c"),
        ("a*b*b", "ab"),
    ],
)
def test_what_takes_less_is_not(wide, narrow):
    assert not takes(wide, narrow)


def test_a_cover_finds_every_owner_and_the_pattern_itself():
    cover = Cover()
    for owner, glob in enumerate(("nginx", "nginx", "*", "n*", "ng*", "n*x", "n*x", "nginxs*")):
        cover.add(glob, owner)
    assert sorted(cover.of("nginx")) == [0, 1, 2, 3, 4, 5, 6]
    assert sorted(cover.of("n*x")) == [2, 3, 5, 6]
    assert sorted(cover.of("ng*")) == [2, 3, 4]


def test_nothing_is_claimed_beyond_the_patterns_that_are_compared_one_by_one():
    cover = Cover()
    for number in range(MANY + 1):
        cover.add(f"*-{number}-", number)
    assert list(cover.of(f"a-{MANY - 1}-")) == [MANY - 1]
    assert list(cover.of(f"a-{MANY}-")) == []


def test_names_and_beginnings_are_found_however_many_there_are():
    cover = Cover()
    for number in range(MANY + 1):
        cover.add(f"-{number}-*", number)
        cover.add(f"-{number}", -number)
    assert list(cover.of(f"-{MANY}-x")) == [MANY]
    assert list(cover.of(f"-{MANY}")) == [-MANY]
