"""The table in which agents tell what they used: written, read, added up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrdot.cluster.objects import Custom, Metadata
from nrdot.cluster.usage import LONGEST, NUMBERS, Line, Usage, document, read
from nrdot.kube.costs.usage import added_up
from nrdot.testing.clusters.nodes import node

NOW = 1_795_262_400.0
AT = "2026-11-21T12:00:00Z"


def _usage(*lines: Line, seconds: float = 3600.0, **more: object) -> Usage:
    said = {"since": "2026-11-21T11:00:00Z", "until": AT, "wire": 0.0, "copies": 0.0, "workloads": {}}
    return Usage(seconds=seconds, lines=lines, **{**said, **more})


def _node(name: str, usage: dict | None, at: str = AT) -> Custom:
    return Custom(Metadata(name), {}, {"reportedAt": at, **({"usage": usage} if usage else {})})


numbers = st.integers(0, 10**12).map(float)
names = st.from_regex(
    r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True, alphabet=st.characters(codec="ascii")
)
lines = st.builds(
    lambda kind, name, profile, numbers, would: Line(
        kind, name if kind == "namespace" else "", profile, numbers, would
    ),
    st.sampled_from(["namespace", "system", "groups"]),
    names,
    st.sampled_from(["", "balanced", "aggressive"]),
    st.fixed_dictionaries(dict.fromkeys(NUMBERS, numbers)),
    st.fixed_dictionaries({"aggressive": st.tuples(numbers, numbers)}),
)


@given(st.lists(lines, max_size=5))
def test_what_is_written_is_read_back(found: list[Line]) -> None:
    usage = _usage(*found, workloads={("shop", "Deployment/a"): (1.5, 2.0)}, wire=7.0, copies=1.0)
    assert read(document(usage)) == usage


def test_a_column_that_an_older_agent_does_not_have_is_nothing() -> None:
    said = document(_usage(Line("namespace", "shop", numbers={"points": 5.0})))
    said["columns"] = "kind name profile points"
    said["rows"] = ["namespace shop - 5"]
    usage = read(said)
    assert usage is not None
    assert (usage.lines[0].get("points"), usage.lines[0].get("bytes")) == (5.0, 0.0)


@pytest.mark.parametrize(
    "rows",
    [["namespace shop"], ["namespace shop - x"], ["namespace shop - -1"], ["namespace shop - nan"], "x"],
)
def test_what_cannot_be_read_is_nothing_rather_than_wrong(rows: object) -> None:
    said = document(_usage())
    assert read({**said, "columns": "kind name profile points", "rows": rows}) is None
    assert read({"rows": []}) is None


@pytest.mark.parametrize("name", ["*", "sh?p", "Shop", "-", "a" * 64, "[a-z]"])
def test_a_name_that_no_namespace_has_is_not_believed(name: str) -> None:
    said = document(_usage(Line("namespace", "shop", numbers={"points": 5.0})))
    rows = [row.replace("shop", name) for row in said["rows"]]
    assert read(said) is not None
    assert read({**said, "rows": rows}) is None


def test_a_row_keeps_within_what_a_status_takes() -> None:
    full = Line("namespace", "n" * 63, "p" * 63, dict.fromkeys(NUMBERS, 123_456_789_012.345))
    assert all(len(row) <= LONGEST for row in document(_usage(full))["rows"])
    assert read(document(_usage(full))) is not None


def test_nodes_are_added_up_and_those_that_say_nothing_are_named() -> None:
    line = Line("namespace", "shop", "balanced", {"points": 7200.0, "processes": 3.0, "cpu": 360.0})
    half = Line("namespace", "shop", "aggressive", {"points": 3600.0, "processes": 9.0, "cpu": 0.0})
    said = [
        _node("a", document(_usage(line, workloads={("shop", "Deployment/x"): (1.0, 10.0)}))),
        _node("b", document(_usage(half, seconds=1800.0, workloads={("shop", "Deployment/x"): (0.5, 5.0)}))),
        _node("c", document(_usage(line)), at="2026-11-21T11:40:00Z"),
        _node("d", document(_usage(line, seconds=299.0))),
        _node("e", None),
    ]
    fleet = added_up(said, [node(name) for name in "abcdef"], NOW)
    assert (fleet.nodes, fleet.missing) == (2, ("c", "d", "e", "f"))
    shop = fleet.namespaces()["shop"]
    assert shop.get("points") == pytest.approx(2.0 + 2.0), "points a second of each"
    assert shop.get("processes") == 12.0
    assert shop.profile == "aggressive"
    assert fleet.workloads[("shop", "Deployment/x")] == (1.5, 15.0)


def test_where_nobody_speaks_there_is_nothing_and_no_failure() -> None:
    fleet = added_up([], [node("a")], NOW)
    assert (fleet.nodes, fleet.missing, fleet.parts, fleet.since) == (0, ("a",), {}, "")
