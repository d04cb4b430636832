"""The points that every process alone would have been."""

from __future__ import annotations

from nrdot.agent.beside.unoptimized import UnoptimizedPoints
from nrdot.agent.telling.status import Status
from nrdot.pipeline import Tick
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.invented import InventedHost


def test_every_process_counts_once_at_each_interval_of_the_baseline():
    host, status = InventedHost(interval=15.0), Status(ManualClock())
    for pid in range(10, 15):
        host.begin(pid, "worker")
    watcher = UnoptimizedPoints(status, points=7, interval=60.0)
    counts = []
    for _ in range(9):
        watcher(Tick(host.sample(), None, ()))
        counts.append(status.unoptimized)
    assert counts == [0, 0, 0, 0, 35, 35, 35, 35, 70]
