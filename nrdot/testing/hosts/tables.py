"""Comparing tables: what two samplers that saw the same must agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nrdot.batch import Table

SAMPLED = (
    "alive",
    "dead",
    "changed",
    "pid",
    "parent",
    "start",
    "born_ns",
    "state",
    "found",
    "limited",
    "observations",
    "counters",
    "previous",
    "gauges",
    "cpu",
    "io",
)


def sampled(table: Table) -> dict[str, Any]:
    """Every column that sampling and identifying write; equal tables give equal dictionaries."""
    used = table.alive | table.dead
    columns = {name: getattr(table, name)[..., used].tolist() for name in SAMPLED}
    rows = used.nonzero()[0].tolist()
    words = {"identity": [table.identity[row] for row in rows], "cgroup": [table.cgroup[row] for row in rows]}
    return {"row": rows, **columns, **words}
