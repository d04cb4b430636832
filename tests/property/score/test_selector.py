from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nrdot.errors import ConfigError
from nrdot.score.selector import parse_selector

KEYS = ("env", "tier", "app.kubernetes.io/name", "in", "a")
words = st.sampled_from(("production", "db", "", "x-1", "7"))
spaces = st.sampled_from(("", " ", "  "))


@st.composite
def requirements(draw):
    """A requirement as text, and what it means."""
    key = draw(st.sampled_from(KEYS))
    gap, other = draw(spaces), draw(spaces)
    kind = draw(st.sampled_from(("=", "==", "!=", "in", "notin", "exists", "absent")))
    if kind == "exists":
        return key, lambda labels: key in labels
    if kind == "absent":
        return f"!{gap}{key}", lambda labels: key not in labels
    if kind in {"=", "=="}:
        word = draw(words)
        return f"{key}{gap}{kind}{other}{word}", lambda labels: labels.get(key) == word
    if kind == "!=":
        word = draw(words)
        return f"{key}{gap}!={other}{word}", lambda labels: labels.get(key) != word
    several = draw(st.lists(words, min_size=1, max_size=3))
    text = f"{key} {kind}{gap}({other}{f'{gap},{other}'.join(several)}{gap})"
    if kind == "in":
        return text, lambda labels: key in labels and labels[key] in several
    return text, lambda labels: labels.get(key) not in several


@settings(max_examples=300, deadline=None)
@given(
    st.lists(requirements(), min_size=1, max_size=4), spaces, st.dictionaries(st.sampled_from(KEYS), words)
)
def test_a_selector_means_what_its_requirements_mean_together(parts, gap, labels) -> None:
    selector = parse_selector(f"{gap},{gap}".join(text for text, _ in parts))
    assert selector.matches(labels) == all(meaning(labels) for _, meaning in parts)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab=!,()<> in/.\n\t\0é", max_size=30))
def test_any_text_is_a_selector_or_one_line_of_complaint(text: str) -> None:
    said = ""
    try:
        parse_selector(text).matches({"a": "b"})
    except ConfigError as error:
        said = str(error)
    assert "\n" not in said
