"""Whatever nodes say: parts of a bill add up to it as they are shown, and nobody pays less than nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nrdot.cluster.objects import Custom, Metadata
from nrdot.cluster.usage import NUMBERS, Line, Usage, document
from nrdot.kube.costs.allocation import bill
from nrdot.kube.costs.requests import Requests
from nrdot.kube.costs.status import figures
from nrdot.kube.costs.usage import added_up
from nrdot.pricing.prices import load_pricing
from nrdot.testing.clusters.nodes import node

NOW = 1_795_262_400.0
AT = "2026-11-21T12:00:00Z"
PRICING = load_pricing()
METERS = sorted(name for name, meter in PRICING.meters.items() if not meter.missing)
KINDS = ["namespace", "namespace", "namespace", "other", "unknown", "system", "groups", "own"]
counts = st.one_of(st.just(0.0), st.integers(0, 10**8).map(float))


@st.composite
def lines(draw: st.DrawFn) -> Line:
    kind = draw(st.sampled_from(KINDS))
    name = draw(st.sampled_from(["shop", "lab", "batch"])) if kind == "namespace" else ""
    return Line(kind, name, "", draw(st.fixed_dictionaries(dict.fromkeys(NUMBERS, counts))))


def _fleet(*nodes: list[Line]):
    said = []
    for number, found in enumerate(nodes):
        unique = {(line.kind, line.name): line for line in found}
        usage = Usage(AT, AT, 3600.0, 1e6, 1.0, tuple(unique.values()), {})
        said.append(Custom(Metadata(f"n{number}"), {}, {"reportedAt": AT, "usage": document(usage)}))
    return added_up(said, [node(one.metadata.name) for one in said], NOW)


@settings(max_examples=150)
@given(
    st.lists(st.lists(lines(), max_size=8), min_size=1, max_size=3),
    st.sampled_from(METERS),
    st.integers(1, 4),
)
def test_what_is_shown_adds_up_to_the_last_digit(nodes: list[list[Line]], meter: str, most: int) -> None:
    fleet = _fleet(*nodes)
    made = bill(fleet, PRICING, PRICING.meter(meter))
    shown = figures(fleet, made, Requests(), most)
    parts = [*shown["namespaces"], shown["unallocated"], *([shown["others"]] if "others" in shown else [])]
    for name in ("cost", "unoptimized", "saved"):
        total = sum(_units(part[name]) for part in parts)
        assert total == _units(shown[name]), name
    for part in parts:
        assert _units(part["direct"]) + _units(part["shared"]) == _units(part["cost"])
        assert min(_units(part[name]) for name in ("cost", "direct", "shared", "unoptimized")) >= 0
    assert len(shown["namespaces"]) <= most


def _units(money: str) -> int:
    """Money in ten-thousandths, so that sums of it are exact."""
    whole, _, rest = money.partition(".")
    assert len(rest) == 4
    return int(whole + rest)


def _line(kind: str, name: str = "", **numbers: float) -> Line:
    return Line(kind, name, "", numbers)


def test_groups_go_to_whom_they_hide_and_the_nodes_own_to_whoever_sends() -> None:
    fleet = _fleet(
        [
            _line("namespace", "shop", points=800e6, points_sent=300e6, points_hidden=100e6, processes=5.0),
            _line("namespace", "lab", points=400e6, points_sent=100e6, points_hidden=300e6, processes=9.0),
            _line("groups", points_sent=200e6),
            _line("system", points=400e6, points_sent=100e6, points_hidden=400e6),
            _line("own", points_sent=50e6),
        ]
    )
    made = bill(fleet, PRICING, PRICING.meter("google_prometheus"))
    shop, lab = made.namespaces["shop"], made.namespaces["lab"]
    unit = made.cost / 750.0
    assert shop.direct == pytest.approx(300 * unit, rel=1e-4)
    assert lab.direct == pytest.approx(100 * unit, rel=1e-4)
    # Groups: an eighth for shop, three for lab; the system's half is shared with what else is the nodes' own.
    of_nodes = (100 + 100 + 50) * unit
    assert shop.shared == pytest.approx(25 * unit + of_nodes * 325 / 500, rel=1e-4)
    assert lab.shared == pytest.approx(75 * unit + of_nodes * 175 / 500, rel=1e-4)
    assert made.unallocated.cost == 0.0


def test_containers_that_nobody_knows_are_unallocated_and_carry_their_share() -> None:
    fleet = _fleet(
        [
            _line("namespace", "shop", bytes=4e12, bytes_sent=3e12, processes=1.0),
            _line("unknown", bytes=4e12, bytes_sent=1e12, processes=1.0),
            _line("system", bytes_sent=4e12),
        ]
    )
    made = bill(fleet, PRICING, PRICING.meter("new_relic"))
    assert made.unallocated.cost == pytest.approx(made.cost / 4, rel=1e-4)
    assert made.namespaces["shop"].cost == pytest.approx(made.cost * 3 / 4, rel=1e-4)


def test_without_any_pod_everything_is_unallocated() -> None:
    fleet = _fleet([_line("system", bytes=4e12, bytes_sent=4e12)])
    made = bill(fleet, PRICING, PRICING.meter("new_relic"))
    assert made.cost > 0
    assert made.unallocated.cost == made.cost
