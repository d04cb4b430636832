import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = ROOT / "packaging" / "locks"


def pins(path):
    """Versions by name, and the names that have no hash."""
    text = path.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    versions = dict(re.match(r"([\w.-]+)==(\S+)", line).groups() for line in lines)
    return versions, [line for line in lines if "--hash=sha256:" not in line]


@pytest.mark.parametrize("kind", ["agent", "all", "operator"])
def test_users_are_given_what_the_tests_ran_with(kind):
    tested, _ = pins(ROOT / "requirements.lock")
    given, _ = pins(LOCKS / f"{kind}.txt")

    assert given
    assert {name: tested.get(name) for name in given} == given


@pytest.mark.parametrize("kind", ["agent", "all", "operator", "sbom"])
def test_every_version_is_pinned_by_a_hash(kind):
    _, bare = pins(LOCKS / f"{kind}.txt")

    assert bare == []


def test_the_agent_is_locked_without_what_only_extras_need():
    given, _ = pins(LOCKS / "agent.txt")

    assert not {"duckdb", "scikit-learn", "kubernetes", "minio", "promql-parser", "pytest"} & set(given)
