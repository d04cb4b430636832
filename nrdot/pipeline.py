"""THE MAP. `tick` runs from the processes to the buffer, `drain` from the buffer to an endpoint.

    sample ─► identify ─► score ─► decide ─► aggregate ─► encode ─► buffer ─► export

Two loops on two threads share nothing but the buffer, so sampling never waits for a network.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Event
from typing import TYPE_CHECKING

from nrdot.errors import Permanent, Retryable
from nrdot.export.protobuf import halves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.batch import Batch
    from nrdot.clock import Clock
    from nrdot.export.journal import DestinationState, Journal
    from nrdot.stages import (
        Aggregator,
        Buffer,
        Decider,
        Encoder,
        Exporter,
        Frame,
        Identifier,
        Ledger,
        Pace,
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
    ledger: Ledger | None = None
    fresh: bool = False  # after a reload: rules are new, so every process is looked at anew

    def flush(self) -> Tick:
        """A tick at which everything is due, whatever the schedule says."""
        self.decider.demand()
        return self.tick()

    def tick(self) -> Tick:
        """One sample; at the ticks that export, up to the buffers."""
        batch = self.sampler.sample()
        if self.fresh:
            batch, self.fresh = replace(batch, named=batch.living), False
        batch = self.identifier.identify(batch)
        self.scorer.score(batch)
        due = self.decider.decide(batch)
        frame = self.aggregator.aggregate(batch, due)
        if frame is None or due is None:
            if self.ledger is not None:
                self.ledger.enter(batch, None, ())
            return Tick(batch, None, ())
        if due.size:  # what cannot wait goes out alone
            return self._export(batch, frame, ())
        tick = self._export(batch, frame, self.telemetry.records(batch.time_ns))
        batch.table.release()
        return tick

    def glance(self) -> Tick | None:
        """In the place of a tick that is shed: those alone that want to be exported at each.

        None where there are none, or where the source cannot look at some alone.
        """
        rows = self.decider.steadfast(self.sampler.table)
        batch = self.sampler.glance(rows) if rows.size else None
        if batch is None or not batch.moved.size:
            return None
        frame = self.aggregator.aggregate(batch, batch.moved)
        return None if frame is None else self._export(batch, frame, ())

    def _export(self, batch: Batch, frame: Frame, own: Sequence[Record]) -> Tick:
        encoded = self.encoder.encode(batch, frame)
        self.decider.sent(sum(record.points for record in encoded))
        records = [*encoded, *own]
        for buffer in self.buffers:
            for record in records:
                buffer.put(record)
        if self.ledger is not None:
            self.ledger.enter(batch, frame, records)
        return Tick(batch, frame, records)


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick did, for the ledger, the self-metrics and whoever looks on."""

    batch: Batch
    frame: Frame | None
    records: Sequence[Record]


LOOK = 5.0  # seconds between looks into a buffer that has nothing due, unless somebody wakes the drain
_SMALLEST = 64 * 1024  # bytes; no endpoint makes requests smaller than this


@dataclass(slots=True)
class Drain:
    """From one buffer to one destination, on a thread of its own.

    Records leave as one request of at most `points` points and `size` bytes, once that many wait or the first
    has waited `fill` seconds. What is refused as a whole is tried in halves, so that one record that is
    poisoned or too large takes no other with it. Nothing older than `accepts_late` seconds is sent, and what
    has waited `alarm_after` seconds longer than it should is worth an alarm.
    """

    buffer: Buffer
    exporter: Exporter
    pace: Pace
    journal: Journal
    clock: Clock
    points: int = 10_000
    size: int = 4 * 1024 * 1024
    fill: float = 0.0
    retry: bool = True  # False: what is not taken at the first attempt is dropped
    accepts_late: float | None = None
    alarm_after: float | None = None
    _began: tuple[float, int] = field(init=False)  # both clocks when this drain began
    _since: float | None = field(default=None, init=False)  # when something was first seen to wait
    _flowing: bool = field(default=False, init=False)  # that has waited long enough: everything goes
    _awake: Event = field(default_factory=Event, init=False)

    def __post_init__(self) -> None:
        self._began = self.clock.monotonic(), self.clock.wall_ns()

    def run(self, stop: Event) -> None:
        """Deliver until `stop` is set, then close the exporter. What is left stays in the buffer.

        Who sets `stop` calls `wake` afterwards.
        """
        while not stop.is_set():
            self.clock.wait(self._awake, min(self.drain_once(), LOOK))
            self._awake.clear()
        self.exporter.close()

    def wake(self) -> None:
        """Something came into the buffer, or the end is near: look now. From any thread."""
        self._awake.set()

    def hurry(self) -> None:
        """The agent ends: send what is there at once, but keep backing off from what fails now."""
        self.fill = 0.0
        self.pace.hurry()
        self.wake()

    @property
    def state(self) -> str:
        return str(self.status())

    def status(self) -> DestinationState:
        return self.journal.state(self.pace.circuit)

    def drain_once(self) -> float:
        """One request where one is due; returns the seconds until the next may be."""
        wait = max(self.pace.wait(), self._filling())
        if wait > 0:
            return wait
        return self.pace.wait() if self._send() else LOOK

    def _filling(self) -> float:
        """Seconds to wait for more to send; 0 when what waits is due."""
        seen = self.buffer.statistics()
        self._watch(seen.oldest_ns)
        if not seen.records:
            self._since, self._flowing = None, False
            return LOOK
        now = self.clock.monotonic()
        if self._since is None:
            self._since = now
        left = self._since + self.fill - now
        self._flowing = self._flowing or left <= 0
        waiting = seen.produced - seen.delivered - seen.rejected - sum(seen.dropped.values())
        return 0.0 if self._flowing or waiting >= self.points else left

    def _watch(self, oldest_ns: int | None) -> None:
        if self.alarm_after is not None:
            waited = 0 if oldest_ns is None else self._now_ns() - oldest_ns
            self.journal.waits(waited / 1e9, self.fill + self.alarm_after)

    def _now_ns(self) -> int:
        """The wall clock, but no further than the steady one has gone: a jump makes nothing old."""
        monotonic, wall_ns = self._began
        steady_ns = wall_ns + round((self.clock.monotonic() - monotonic) * 1e9)
        return min(self.clock.wall_ns(), steady_ns)

    def _send(self) -> bool:
        """One request; False where the buffer hands out nothing."""
        seen = self.buffer.peek(self.pace.share(self.points), self.size)
        if taken := self._timely(seen):
            try:
                self._deliver(taken)
            except Retryable as error:
                self.pace.failed(error.delay)
                self.journal.held(error, kept=self.retry)
        return bool(seen)

    def _timely(self, taken: Sequence[tuple[int, Record]]) -> Sequence[tuple[int, Record]]:
        """Without what the destination takes no more."""
        if self.accepts_late is None:
            return taken
        horizon = self._now_ns() - round(self.accepts_late * 1e9)
        late = [sequence for sequence, record in taken if record.time_ns < horizon]
        if late:
            self.buffer.drop(late, "too_old")
        return [(sequence, record) for sequence, record in taken if record.time_ns >= horizon]

    def _deliver(self, taken: Sequence[tuple[int, Record]]) -> None:
        """All of `taken` in one request, or in halves where it is refused. Raises Retryable."""
        sequences = [sequence for sequence, _ in taken]
        points = sum(record.points for _, record in taken)
        payload = b"".join(record.payload for _, record in taken)
        try:
            rejected = self._request(payload, points, cut=len(taken) == 1)
        except Retryable:
            if not self.retry:
                self.buffer.drop(sequences, "not_retried")
            raise
        except Permanent as error:
            if len(taken) > 1:
                middle = len(taken) // 2
                self._deliver(taken[:middle])
                self._deliver(taken[middle:])
                return
            self.journal.refused(error, points)
            self.buffer.reject(sequences, str(error))
        else:
            self.buffer.acknowledge(sequences, rejected_points=rejected)

    def _request(self, payload: bytes, points: int, *, cut: bool) -> int:
        """How many points were refused for good of a payload that was taken.

        With `cut`, one that is too large goes between its resources; all parts must be taken.
        """
        try:
            delivery = self.exporter.export(payload, points)
        except Permanent as error:
            self.pace.succeeded(points)
            if not error.too_large:
                raise
            self.size = max(min(self.size, len(payload) // 2), _SMALLEST)
            parts = halves(payload) if cut else None
            if parts is None:
                raise
            return sum(self._request(part, points, cut=True) for part in parts)
        self.pace.succeeded(points)
        self.journal.delivered(delivery, len(payload))
        return delivery.rejected_points
