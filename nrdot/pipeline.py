"""THE MAP. `tick` runs from the processes to the buffer, `drain` from the buffer to an endpoint.

    sample ─► identify ─► score ─► decide ─► aggregate ─► encode ─► buffer ─► export

Two loops on two threads share nothing but the buffer, so sampling never waits for a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.batch import Batch
    from nrdot.stages import (
        Aggregator,
        Buffer,
        Decider,
        Encoder,
        Frame,
        Identifier,
        Record,
        Sampler,
        Scorer,
        SelfMetrics,
    )


@dataclass(slots=True)
class Pipeline:
    """The stages of one agent, in the order in which data flows."""

    sampler: Sampler
    identifier: Identifier
    scorer: Scorer
    decider: Decider
    aggregator: Aggregator
    encoder: Encoder
    buffers: Sequence[Buffer]  # one for each destination
    telemetry: SelfMetrics

    def tick(self) -> Tick:
        """One sample; at the ticks that export, up to the buffers."""
        batch = self.sampler.sample()
        self.identifier.identify(batch)
        self.scorer.score(batch)
        due = self.decider.decide(batch)
        frame = self.aggregator.aggregate(batch, due)
        if frame is None:
            return Tick(batch, None, ())
        records = [*self.encoder.encode(batch, frame), *self.telemetry.records(batch.time_ns)]
        for buffer in self.buffers:
            for record in records:
                buffer.put(record)
        if not due.size:
            batch.table.release()
        return Tick(batch, frame, records)


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick did, for the ledger, the self-metrics and whoever looks on."""

    batch: Batch
    frame: Frame | None
    records: Sequence[Record]
