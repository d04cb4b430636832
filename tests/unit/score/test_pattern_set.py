from __future__ import annotations

import pytest

from nrdot.score.names import glob_pattern
from nrdot.score.pattern_set import CACHE_LIMIT, PatternSet, check_pattern


def test_all_patterns_that_match_anywhere_are_found_in_one_call() -> None:
    patterns = PatternSet(["^a", "b$", "zzz", "ab"])
    assert patterns.match(b"ab") == {0, 1, 3}
    assert patterns.match(b"x\nab") == {0, 1, 3}
    assert patterns.match(b"") == frozenset()


def test_a_set_without_patterns_matches_nothing() -> None:
    assert PatternSet([]).match(b"anything") == frozenset()


def test_texts_without_number_are_answered_from_bounded_memory() -> None:
    patterns = PatternSet(["7$"])
    for number in range(CACHE_LIMIT + 100):
        assert patterns.match(b"%d" % number) == ({0} if number % 10 == 7 else set())
    assert len(patterns._cache) <= CACHE_LIMIT


def test_an_automaton_that_outgrows_its_memory_still_finds_every_match() -> None:
    """RE2 answers "nothing" then; a critical process must not be lost over it."""

    class Exhausted:
        Match = staticmethod(lambda _text: None)

    patterns = PatternSet(["^a", "b$"])
    patterns._set = Exhausted()
    assert patterns.match(b"ab") == {0, 1}


@pytest.mark.parametrize(
    ("glob", "meets", "misses"),
    [
        (
            "payment-gateway-*",
            ["payment-gateway-1", "payment-gateway-"],
            ["payment-gateway", "my-payment-gateway-1"],
        ),
        ("game-server-?", ["game-server-7"], ["game-server-", "game-server-77"]),
        ("mongo[ds]", ["mongod", "mongos"], ["mongo", "mongox"]),
        ("db[!0-9]", ["dba"], ["db1"]),
        ("a.b+c", ["a.b+c"], ["axb+c", "a.bbc"]),
        ("[", ["["], ["x"]),
        ("*", ["", "x"], []),
        (r"a[\]b", ["a\\b"], ["ab"]),
    ],
)
def test_a_glob_covers_a_whole_name(glob: str, meets: list[str], misses: list[str]) -> None:
    pattern = glob_pattern(glob)
    check_pattern(pattern, "test")
    patterns = PatternSet([pattern])
    assert all(patterns.match(text.encode()) for text in meets)
    assert not any(patterns.match(text.encode()) for text in misses)
