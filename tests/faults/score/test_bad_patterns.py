"""Row 32: evil, huge and lookaround patterns are refused at load or harmless; matching stays linear."""

from __future__ import annotations

import pytest

from nrdot.config.reading.load import examine
from nrdot.errors import ConfigError
from nrdot.score.lint import check_scoring
from nrdot.score.pattern_set import PatternSet, check_pattern
from nrdot.score.rules import ClassRule

REFUSED = [
    ("(?=x)y", "looks ahead", "RE2 has no lookaround"),
    ("(?!safe)x", "looks ahead", "a class of its own"),
    ("(?<=a)b", "looks behind", "RE2 has no lookaround"),
    ("(?<!a)b", "looks behind", "RE2 has no lookaround"),
    (r"(a)\1", "backreference", "write the text out"),
    ("(?>a+)b", "atomic group", "write a plain one"),
    ("a{1001}", "repeats too often", "at most 100"),
    ("((a{100}){100}){100}", "repeats too often", "at most 100"),
    ("(x{1,500}){1,500}", "repeats too often", "at most 100"),
    (".{0,900}.{0,900}", "too large once compiled", "counted repetitions"),
    ("a" * 1001, "has 1001 characters", "1000 are the limit"),
    ("(", "does not parse", "re2"),
    ("[z-a]", "does not parse", "re2"),
    ("a**", "repeats a repetition", "write one of the operators"),
    ("a)|(b", "does not parse", "re2"),
    ("", "is empty", "would match every process"),
    ("  ", "is empty", "would match every process"),
    ("^a\nb", "line break", "remove it"),
    ("a\0", "NUL", "remove it"),
]


@pytest.mark.parametrize(("pattern", "reason", "hint"), REFUSED)
def test_a_pattern_that_cannot_be_used_is_refused_with_its_class_reason_and_hint(
    pattern, reason, hint
) -> None:
    with pytest.raises(ConfigError) as refused:
        ClassRule("phi", 1.0, ("^fine", pattern))
    said = str(refused.value)
    assert said.startswith("process_classification.phi: pattern ")
    assert reason in said
    assert hint in said
    assert "\n" not in said
    assert len(said) < 250


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(.*)*x", "^(a?){60}a{60}$", r"(\w+\s*)+:", "([ab]*)*c"]
)
def test_what_hangs_a_backtracking_engine_is_matched_in_time_that_grows_with_the_text(pattern: str) -> None:
    """Far more letters than those on which Python's engine runs for years; the suite's limit is the guard."""
    check_pattern(pattern, "test")
    patterns = PatternSet([pattern])
    for number in range(200):
        patterns.match(b"a" * 5000 + b"b %d" % number)


def test_every_refused_pattern_of_a_file_is_told_with_its_line(tmp_path) -> None:
    path = tmp_path / "nrdot.yaml"
    path.write_text(
        "process_classification:\n"
        "  phi:\n"
        "    score: 1.0\n"
        "    patterns:\n"
        '      - "^fine"\n'
        '      - "(?=evil)"\n'
        "  other:\n"
        "    score: 0.5\n"
        '    patterns: ["((a{100}){100}){100}", "^fine"]\n'
        "overrides:\n"
        '  - {process: "x[b-a]", force_collect: true}\n'
        "label_based_scoring:\n"
        '  - {selector: "tier in frontend", score: 0.5}\n'
        "business_rules:\n"
        '  - {selector: "a=", unit: "y[b-a]", score: 0.5}\n',
        encoding="utf-8",
    )
    _, problems = examine(path, {}, [check_scoring])
    told = {(problem.line, problem.path): f"{problem.severity} {problem.message}" for problem in problems}
    assert "error this pattern looks ahead" in told[6, "process_classification.phi.patterns[1]"]
    assert "error this pattern repeats too often" in told[9, "process_classification.other.patterns[0]"]
    assert "warning class phi has the same pattern" in told[9, "process_classification.other.patterns[1]"]
    assert "error this name does not parse" in told[11, "overrides[0].process"]
    assert "expected '(' at column 9" in told[13, "label_based_scoring[0].selector"]
    assert "error this name does not parse" in told[15, "business_rules[0].unit"]


def test_patterns_that_are_too_large_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="patterns are too large together"):
        PatternSet([f"[ab]{{99}}{number}[cd]{{800}}" for number in range(1000)])
