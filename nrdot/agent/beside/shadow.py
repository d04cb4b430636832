"""`mode: observe`: what the profile would have sent, decided beside what is sent.

A second policy, aggregator and encoder work on the same samples and scores, on columns of their own for all
that verdicts change. Nothing of theirs is put anywhere: the ledger reads what it would have cost.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nrdot.agent.wire import build_stages
from nrdot.batch import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nrdot.agent.wire import Stages
    from nrdot.batch import Batch, Rows
    from nrdot.clock import Clock
    from nrdot.config.settled.configuration import Configuration
    from nrdot.stages import Frame, Record

# Columns that verdicts change; all others are those of the table that is sampled.
_OWN = ("changed", "verdict", "reason", "accounted", "accounted_ns", "base", "since_ns", "series")


class Shadow:
    """Belongs to the pipeline's thread, as the stages that it stands beside."""

    def __init__(self, configuration: Configuration, stages: Stages, clock: Clock) -> None:
        settings = msgspec.structs.replace(configuration.settings, mode="optimize")
        self.stages = build_stages(
            replace(configuration, settings=settings),
            clock,
            stages.pipeline.sampler,
            scorer=stages.scorer,
        )
        self._table = Table(1)
        self._sent = stages.encoder.costs  # of what is really sent

    def enter(
        self, batch: Batch, frame: Frame | None, sent: Sequence[Record]
    ) -> tuple[Batch, Frame | None, list[Record]]:
        """The same tick as the profile would have had it; `frame` and `sent` are what went out.

        The agent's own metrics are the same under every profile, so those that went out come back as well.
        """
        self._follow(batch.table, batch.named)
        policy, aggregator, encoder = self.stages.policy, self.stages.aggregator, self.stages.encoder
        if frame is not None and frame.whole:
            policy.demand()
        own = replace(batch, table=self._table)
        due = policy.decide(own)
        would = aggregator.aggregate(own, due)
        records = [] if would is None else list(encoder.encode(own, would))
        policy.sent(sum(record.points for record in records))
        if would is not None:
            records += self._about_itself(sent)
        return own, would, records

    def _about_itself(self, sent: Sequence[Record]) -> Iterator[Record]:
        """They stand behind the records of processes and groups, whose points are known."""
        left = int(self._sent.points.sum()) + sum(cost.points for cost in self._sent.groups)
        for record in sent:
            left -= record.points
            if left < 0:
                yield record

    def release(self, frame: Frame | None) -> None:
        """After the tick is entered: rows of the dead are given away with those of the real table."""
        if frame is None or not frame.whole:
            return
        table = self._table
        table.changed[:] = False
        gone = np.flatnonzero(table.dead)
        for name in _OWN:
            getattr(table, name)[..., gone] = 0

    def _follow(self, real: Table, named: Rows) -> None:
        """Share what was sampled and scored; columns of our own grow with the table."""
        table = self._table
        more = real.capacity - table.capacity
        for name, value in vars(real).items():
            if name not in _OWN:
                setattr(table, name, value)
            elif more > 0:
                own = getattr(table, name)
                setattr(table, name, np.pad(own, [(0, 0)] * (own.ndim - 1) + [(0, more)]))
        # Since our own last export: the other stages clear their flag at theirs.
        table.changed[named] |= real.changed[named]
