"""An agent without processes or endpoints: a pipeline that counts, a buffer in a list, a drain at will."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from threading import Event, Lock
from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Batch, Host, Table
from nrdot.export.journal import DestinationState
from nrdot.pipeline import Tick
from nrdot.stages import BufferStatistics, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nrdot.clock import Clock

HOST = Host(id="h1", name="host", boot="b1", cpus=2, memory=8_000_000_000, hz=100)


def tick_of(table: Table, *, time_ns: int = 0, vanished: int = 0, limited: int = 0) -> Tick:
    """A tick that exported nothing, over the living rows of `table`."""
    none = np.zeros(0, np.intp)
    batch = Batch(
        time_ns=time_ns,
        seconds=1.0,
        first=False,
        table=table,
        host=HOST,
        living=table.living(),
        moved=none,
        born=none,
        named=none,
        died=none,
        vanished=vanished,
        limited=limited,
    )
    return Tick(batch, None, ())


class CountingPipeline:
    """Notes the monotonic time of each tick and flush; each flush puts a record into each buffer.

    `during` is called in the middle of every tick and flush, for what happens meanwhile; `made` are the
    records that each tick says to have made.
    """

    def __init__(self, clock: Clock, buffers: Sequence[ListBuffer] = ()) -> None:
        self.ticks: list[float] = []
        self.flushes: list[float] = []
        self.glances: list[float] = []
        self.during: Callable[[], object] = lambda: None
        self.made: Sequence[Record] = ()
        self._clock = clock
        self._buffers = buffers

    def tick(self) -> Tick:
        self.ticks.append(self._clock.monotonic())
        self.during()
        return replace(tick_of(Table(1), time_ns=self._clock.wall_ns()), records=self.made)

    def glance(self) -> Tick | None:
        self.glances.append(self._clock.monotonic())
        return None

    def flush(self) -> Tick:
        self.flushes.append(self._clock.monotonic())
        for buffer in self._buffers:
            buffer.put(Record(b"last", 1, self._clock.wall_ns()))
        self.during()
        return tick_of(Table(1), time_ns=self._clock.wall_ns())


class ListBuffer:
    """`stages.Buffer` without bounds."""

    def __init__(self, records: Sequence[Record] = ()) -> None:
        self.closing = Event()
        self.produced = sum(record.points for record in records)
        self.delivered = 0
        self.rejected = 0
        self.dropped: dict[str, int] = {}
        self._lock = Lock()
        self._records = deque(enumerate(records))
        self._next = len(records)

    def put(self, record: Record) -> None:
        with self._lock:
            self._records.append((self._next, record))
            self._next += 1
            self.produced += record.points

    def peek(self, points: int, size: int) -> Sequence[tuple[int, Record]]:
        with self._lock:
            taken: list[tuple[int, Record]] = []
            for sequence, record in self._records:
                points -= record.points
                size -= len(record.payload)
                if taken and (points < 0 or size < 0):
                    break
                taken.append((sequence, record))
            return taken

    def acknowledge(self, sequences: Sequence[int], *, rejected_points: int = 0) -> None:
        self.delivered += self._remove(sequences) - rejected_points
        self.rejected += rejected_points

    def reject(self, sequences: Sequence[int], reason: str) -> None:  # noqa: ARG002 - the protocol's name
        self.rejected += self._remove(sequences)

    def drop(self, sequences: Sequence[int], reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + self._remove(sequences)

    def statistics(self) -> BufferStatistics:
        with self._lock:
            return BufferStatistics(
                records=len(self._records),
                bytes=sum(len(record.payload) for _, record in self._records),
                oldest_ns=self._records[0][1].time_ns if self._records else None,
                segments=1,
                produced=self.produced,
                delivered=self.delivered,
                rejected=self.rejected,
                dropped=dict(self.dropped),
            )

    @property
    def closed(self) -> bool:
        return self.closing.is_set()

    def close(self) -> None:
        self.closing.set()

    def _remove(self, sequences: Sequence[int]) -> int:
        with self._lock:
            gone = set(sequences)
            points = sum(record.points for sequence, record in self._records if sequence in gone)
            self._records = deque(pair for pair in self._records if pair[0] not in gone)
            return points


class SwitchedDrain:
    """Delivers what is in its buffer while `works` is set; hangs in the network while it is not."""

    def __init__(self, buffer: ListBuffer, *, works: bool = True) -> None:
        self.works = Event()
        self.requesting = Event()  # it has begun to deliver
        self.hurried = Event()
        self.woken = 0
        self.stopped = Event()
        self.deliveries: list[bytes] = []
        self._buffer = buffer
        if works:
            self.works.set()

    def run(self, stop: Event) -> None:
        while not stop.wait(0.01):
            self.requesting.set()
            self.works.wait()
            for sequence, record in self._buffer.peek(1, 1):
                self.deliveries.append(record.payload)
                self._buffer.acknowledge([sequence])
        self.stopped.set()

    def wake(self) -> None:
        self.woken += 1

    def hurry(self) -> None:
        self.hurried.set()

    @property
    def state(self) -> str:
        return str(self.status())

    def status(self) -> DestinationState:
        return DestinationState(
            circuit="closed",
            last_success_ns=None,
            last_error="" if self.works.is_set() else "no answer",
            last_refusal="",
            kept=True,
            alarm=False,
            overdue=False,
            requests={"delivered": len(self.deliveries), "held": 0, "refused": 0},
            payload_bytes=2 * sum(map(len, self.deliveries)),
            wire_bytes=sum(map(len, self.deliveries)),
        )
