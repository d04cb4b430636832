"""What is said to match nothing matches nothing, whatever is tried."""

from __future__ import annotations

from itertools import product

import re2
from hypothesis import given
from hypothesis import strategies as st

from nrdot.score.never import contradiction, impossible
from nrdot.score.pattern_set import refusal
from nrdot.score.selector import parse_selector

PIECES = st.sampled_from(
    [
        *"ab-1^^$$()|*?+.",
        *("{0}", r"\b", r"\$", r"\Q", r"\E"),
        *("[ab]", "[^a]", "[]a^b]", "[^]a^b]", "[[:digit:]a^b]", r"[\]a^b]", r"[\\]"),
    ]
)
LINES = st.text(alphabet="ab-1^$", max_size=5)
VALUES = ("", "x", "y", "1", "2", "3")
REQUIREMENTS = st.builds(
    str.format,
    st.sampled_from(("{0}", "!{0}", "{0}={1}", "{0}!={1}", "{0} in ({1},{2})", "{0} notin ({1},{2})")),
    st.sampled_from("ab"),
    st.sampled_from(VALUES),
    st.sampled_from(VALUES),
) | st.builds("{}{}{}".format, st.sampled_from("ab"), st.sampled_from("<>"), st.integers(0, 4))


@given(st.lists(PIECES, max_size=7).map("".join), st.lists(LINES, max_size=3).map("\n".join))
def test_no_line_matches_a_pattern_that_is_called_impossible(pattern, text):
    if not refusal(pattern)[0] and impossible(pattern):
        assert re2.search(f"(?m:{pattern})", text) is None


@given(st.lists(REQUIREMENTS, min_size=1, max_size=4).map(",".join))
def test_no_labels_satisfy_a_selector_that_is_called_a_contradiction(text):
    selector = parse_selector(text)
    if contradiction(selector):
        for first, second in product((None, *VALUES), repeat=2):
            labels = {key: value for key, value in (("a", first), ("b", second)) if value is not None}
            assert not selector.matches(labels)
