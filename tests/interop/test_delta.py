"""`delta_encoding` at a real Collector: fewer points, and the same view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from parts.agent import Agent
from parts.collector import Collector
from parts.fleet import FakeHost

if TYPE_CHECKING:
    from pathlib import Path

    from parts.points import Attributes, Point

View = dict[tuple["Attributes", str, "Attributes"], int | float | None]


def view(points: list[Point]) -> View:
    """What a backend shows: of each series the latest value, which of a counter is all that it counted."""
    shown: View = {}
    for point in sorted(points, key=lambda point: point.time_ns):
        if not point.metric.startswith("nrdot.") and not point.ends:
            shown[point.series] = point.value
    return shown


def test_a_collector_sees_the_same_with_unchanged_points_left_out(tmp_path: Path) -> None:
    host = FakeHost(tmp_path / "proc", "quiet", workers=30)
    with Collector(tmp_path, name="every") as every, Collector(tmp_path, name="changed") as changed:
        agents = [
            Agent(
                tmp_path,
                otlp={"endpoint": collector.endpoint},
                name=f"agent-{collector.name}",
                mode="observe",
                agent={"procfs": str(host.proc.root)},
                delta_encoding=collector is changed,
            )
            for collector in (every, changed)
        ]
        with agents[0], agents[1]:
            for round_ in range(4):
                agents[0].wait_for_exports(2)  # it beats time for both: the other may have nothing to send
                for pid in host.workers[:: round_ + 2]:
                    host.run(pid, user=pid + round_, system=3, read=4096 * round_, written=512)
            agents[0].wait_for_exports(3)
    sent, received = every.points(), changed.points()
    assert view(received) == view(sent)
    assert len(view(sent)) > 200
    assert len(received) < len(sent) / 2
    # And what it sees is what the processes did.
    used = sum(
        value or 0
        for (_, metric, words), value in view(received).items()
        if metric == "process.cpu.time" and ("state", "user") in words
    )
    assert used == pytest.approx(host.did["process.cpu.time", "user"] / 100)
