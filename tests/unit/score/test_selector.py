from __future__ import annotations

import pytest

from nrdot.errors import ConfigError
from nrdot.score.selector import parse_selector

LABELS = {"tier": "frontend", "env": "production", "app.kubernetes.io/name": "shop", "shards": "5",
          "empty": "", "unit": "getty@tty1.service", "odd": "x y"}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("tier=frontend", True),
        ("tier==frontend", True),
        ("tier = backend", False),
        ("tier!=backend", True),
        ("tier!=frontend", False),
        ("absent!=x", True),
        ("tier in (backend, frontend)", True),
        ("tier in(backend)", False),
        ("tier notin (backend,cache)", True),
        ("tier notin (frontend)", False),
        ("absent notin (a)", True),
        ("absent in (a)", False),
        ("tier", True),
        ("absent", False),
        ("!tier", False),
        ("! absent", True),
        ("empty", True),
        ("empty=", True),
        ("tier=", False),
        ("empty in ()", True),
        ("empty in (a,)", True),
        ("shards>4", True),
        ("shards > 5", False),
        ("shards<6", True),
        ("tier>1", False),
        ("absent<1", False),
        ("app.kubernetes.io/name=shop", True),
        ("unit=getty@tty1.service", True),
        ("tier=frontend,env=production", True),
        (" tier = frontend , env in (staging) ", False),
        ("!absent,tier,shards>1,env notin (dev)", True),
        ("in in (a)", False),
        ("notin", False),
    ],
)
def test_a_selector_holds_as_kubectl_says(text: str, holds: bool) -> None:
    assert parse_selector(text).matches(LABELS) is holds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "selector is empty"),
        ("  ", "selector is empty"),
        ("tier=frontend,", "expected a label's key at column 15, found the end"),
        (",a", "expected a label's key at column 1, found ',a'"),
        ("tier in frontend", "expected '(' at column 9, found 'frontend'"),
        ("tier in (a", "expected ')' at column 11, found the end"),
        ("tier frontend", "expected =, ==, !=, in, notin, <, > or a comma at column 6"),
        ("tier=a b", "expected ',' at column 8, found 'b'"),
        ("=a", "expected a label's key at column 1"),
        ("tier==!a", "expected a value at column 7"),
        ("shards>many", "expected a whole number at column 8"),
        ("Example.COM/x=1", "expected a label's key at column 1"),
        ("-a=1", "expected a label's key at column 1"),
        ("a" * 64, "expected a label's key at column 1"),
        ("!", "expected a label's key at column 2, found the end"),
        ("a,!", "expected a label's key at column 4, found the end"),
        ("x" * 2001, "2000 are the limit"),
    ],
)
def test_a_selector_that_does_not_parse_says_where_and_what_was_expected(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_selector(text)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_long_selector_is_shortened_and_the_syntax_is_told() -> None:
    text = "tier " + "x" * 40 + " y" + "z" * 40
    with pytest.raises(ConfigError) as refused:
        parse_selector(text)
    assert str(refused.value) == (
        f"selector {text[:60]!r}: expected =, ==, !=, in, notin, <, > or a comma at column 6,"
        f" found {'x' * 30!r}; the syntax is kubectl's: a=b, a!=b, a in (b, c), a notin (b), a, !a"
    )
