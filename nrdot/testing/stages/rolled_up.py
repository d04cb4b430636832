"""A host of invented processes under the aggregator, with verdicts and classes that the test gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nrdot.aggregate.aggregator import ExactAggregator
from nrdot.aggregate.groups import Groups
from nrdot.batch import Gauge
from nrdot.stages import Verdict
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.invented import InventedHost, InventedProcess

if TYPE_CHECKING:
    from nrdot.aggregate.quiet import Quiet
    from nrdot.batch import Rows
    from nrdot.stages import Frame

CLASSES = {1: "web", 2: "database"}
INTERVAL = 15.0


class RolledUp:
    """Everything is rolled up but what `kept` and `dropped` name by pid.

    `classes` gives pids one of CLASSES.
    """

    def __init__(
        self,
        *,
        limit: int = 16,
        hold: float = 120.0,
        chain: tuple[str, ...] = ("executable",),
        quiet: Quiet | None = None,
    ) -> None:
        self.host = InventedHost(interval=INTERVAL)
        self.clock = ManualClock()
        self.groups = Groups(chain, lambda number: CLASSES.get(number, ""), limit=limit, hold=hold)
        self.aggregator = ExactAggregator(self.groups, self.clock, quiet=quiet)
        self.kept: set[int] = set()
        self.dropped: set[int] = set()
        self.classes: dict[int, int] = {}

    def succeed(self, quiet: Quiet | None = None) -> None:
        """Another aggregator goes on, as when the configuration changes."""
        before = self.aggregator
        self.groups = Groups(
            before.groups.chain,
            lambda number: CLASSES.get(number, ""),
            limit=before.groups.limit,
            hold=before.groups.hold,
        )
        self.aggregator = ExactAggregator(self.groups, self.clock, quiet=quiet)
        self.aggregator.adopt(before)

    def begin(self, count: int, name: str, **words: object) -> list[InventedProcess]:
        first = 100 + len(self.host.processes)
        return [self.host.begin(first + number, name, **words) for number in range(count)]

    def baseline(self) -> None:
        self._sample(None)

    def export(self) -> Frame:
        """Of everything."""
        return self.urgent()

    def urgent(self, *rows: int) -> Frame:
        """Of these rows alone, which cannot wait."""
        frame = self._sample(np.array(rows, np.intp))
        assert frame is not None
        return frame

    def members(self) -> dict[str, int]:
        return {
            group.name: int(group.gauges[Gauge.PROCESSES])
            for group in self.export().groups
            if not group.ending
        }

    def _sample(self, due: Rows | None) -> Frame | None:
        self.clock.advance(INTERVAL)
        batch = self.host.sample()
        table = batch.table
        for process in self.host.processes:
            table.class_id[process.row] = self.classes.get(process.pid, 0)
            table.verdict[process.row] = self._verdict(process.pid)
        frame = self.aggregator.aggregate(batch, due)
        if frame is not None and frame.whole:
            table.release()
        return frame

    def _verdict(self, pid: int) -> Verdict:
        if pid in self.kept:
            return Verdict.KEEP
        return Verdict.DROP if pid in self.dropped else Verdict.ROLL_UP
