"""What a stage is, one method each. `pipeline.py` calls them in this order.

All stages up to the buffer run on the pipeline's thread, one after the other, and share the batch's table
without locks; a stage writes only the columns that `batch.Table` gives to it. The buffer is the one object
that two threads share. A stage raises nothing at run time but what its docstring names: a vanished process,
an unreadable file or a full disk is counted, not raised. Implementations do not inherit from these
protocols; they are checked where `agent/wire.py` puts them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nrdot.batch import Batch, Host, Rows, Table


class Sampler(Protocol):
    @property
    def host(self) -> Host: ...

    @property
    def table(self) -> Table: ...

    def sample(self) -> Batch:
        """Look at every process once and write what moved into the table.

        Raises StartError when the source itself is gone (no /proc), CaptureError when a capture is broken,
        StopIteration when a capture has ended.
        """

    def glance(self, rows: Rows) -> Batch | None:
        """Look at these processes alone, between two samples.

        The batch has moved rows and no births, deaths or names, and lasts no time: rates stay as they were.
        What is odd about a process waits for the next sample. None where a source sees all or nothing.
        """


class Identifier(Protocol):
    def identify(self, batch: Batch) -> Batch:
        """Complete the identities of `batch.named` with what the cgroup, the pod and the host know.

        The batch that comes back is for the stages behind: its `named` also holds the rows of which something
        became known only now.
        """


class Scorer(Protocol):
    def score(self, batch: Batch) -> None:
        """Write class, score and never-filtered for the rows whose score may have changed."""


class Verdict(IntEnum):
    """What happens to a process at an export."""

    ROLL_UP = 0  # into its group's sums
    KEEP = 1  # its own series
    DROP = 2  # into the group `dropped`


class Reason(IntEnum):
    """Why a verdict is what it is: the closed list that people see, by its name in lower case."""

    BELOW = 0  # nothing speaks for a series of its own
    NEVER_FILTERED = 1  # a class of score 1.0 or force_collect
    SCORE = 2  # at or above the threshold
    TOP_CPU = 3
    TOP_MEMORY = 4
    TOP_IO = 5
    ANOMALY = 6  # left the band of its own history
    LIMIT = 7  # near the limit of its container
    NEW = 8  # young, within its grace
    HOLD = 9  # had one of the reasons above a moment ago
    VISIBLE = 10  # the profile keeps every process, or the agent only observes
    FEW = 11  # a group for so few would cost more than it saves
    BUDGET = 12  # would be kept, but the budget of series is spent
    DROPPED = 13  # a rule of the profile gives its detail up


class Decider(Protocol):
    def decide(self, batch: Batch) -> Rows | None:
        """Write verdict and reason, and name what is exported at this tick.

        None: nothing is due, as always at the first sample. An empty array: everything is due. Otherwise
        the rows that cannot wait for the next export; they go out alone, with their groups.
        """

    def sent(self, points: int) -> None:
        """What was decided came to so many points, the agent's own metrics aside."""

    def demand(self) -> None:
        """At the next sample everything is due."""

    def steadfast(self, table: Table) -> Rows:
        """Rows with series of their own that are exported at every sample, even at those that are shed."""


@dataclass(frozen=True, slots=True)
class GroupFrame:
    """One roll-up at one export. Values are since `since_ns`."""

    key: int  # stable for the life of the group
    name: str
    kind: str  # executable, class, namespace, ... or dropped
    since_ns: int
    counters: NDArray[np.int64]  # one value for each Counter
    gauges: NDArray[np.int64]  # one value for each Gauge; -1 where unknown
    limited: bool  # I/O of no member is readable
    opening: bool  # first export: counters begin with a zero point
    ending: bool  # last export: every point says that no value was recorded


@dataclass(frozen=True, slots=True)
class Frame:
    """What one export sends, before it is bytes. Rows index the batch's table."""

    time_ns: int
    steady: Rows  # series that the backend knows
    opening: Rows  # series that begin: counters start with a zero point
    ending: Rows  # series that end: under the attributes that they had
    groups: tuple[GroupFrame, ...]
    whole: bool = True  # everything that is due; else what could not wait for the next export


class Aggregator(Protocol):
    def aggregate(self, batch: Batch, due: Rows | None) -> Frame | None:
        """Give every increment since the last export to a series or a group, exactly once.

        None where nothing is due.
        """


class Priority(IntEnum):
    """What the buffer drops first when it must: the lowest."""

    OPTIONAL = 0  # groups, the agent's own metrics
    NORMAL = 1  # kept processes
    CRITICAL = 2  # never-filtered processes


@dataclass(frozen=True, slots=True)
class Record:
    """A piece of OTLP that stands alone.

    `payload` is a serialized ExportMetricsServiceRequest. Payloads joined end to end are again one, which is
    how requests are merged and how a request that is too large is cut.
    """

    payload: bytes
    points: int
    time_ns: int
    priority: Priority = Priority.NORMAL


class Encoder(Protocol):
    def encode(self, batch: Batch, frame: Frame) -> Sequence[Record]:
        """The frame as OTLP, in records of bounded size."""


class Buffer(Protocol):
    """Between the tick and the network, shared by two threads.

    `put` never blocks on the network and never raises: what cannot be kept is dropped with a named reason
    and counted. Records leave only by `acknowledge`, `reject` or eviction, so that
    produced = delivered + buffered + rejected + dropped by reason at every moment.
    """

    def put(self, record: Record) -> None: ...

    def peek(self, points: int, size: int) -> Sequence[tuple[int, Record]]:
        """The next records with their sequence numbers, up to `points` points and `size` bytes of payload.

        At least one record where there is any. They stay in the buffer.
        """

    def acknowledge(self, sequences: Sequence[int], *, rejected_points: int = 0) -> None:
        """The endpoint has them; `rejected_points` of theirs it refused for good."""

    def reject(self, sequences: Sequence[int], reason: str) -> None:
        """The endpoint will never take them; they go to the dead letters."""

    def drop(self, sequences: Sequence[int], reason: str) -> None:
        """We will not send them: too old for the destination, for example."""

    def statistics(self) -> BufferStatistics: ...

    def close(self) -> None:
        """Make durable what is not; idempotent."""


@dataclass(frozen=True, slots=True)
class BufferStatistics:
    """All counts are points since the buffer was created, but for the first four."""

    records: int
    bytes: int
    oldest_ns: int | None  # time of the oldest record that waits
    segments: int
    produced: int
    delivered: int
    rejected: int
    dropped: dict[str, int]
    alarm: str = ""  # why records wait in memory that should wait on disk


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a destination said of one request."""

    rejected_points: int = 0  # partial success: counted, never sent again
    message: str = ""
    wire_bytes: int = 0


class Exporter(Protocol):
    def export(self, payload: bytes, points: int) -> Delivery:
        """Deliver one request and return only when the endpoint has it.

        Raises Retryable or Permanent, and decides between them alone.
        """

    def close(self) -> None: ...


class Pace(Protocol):
    """When the next request to one destination may go, and how much it may carry."""

    @property
    def circuit(self) -> str:
        """closed, open or half-open."""

    def wait(self) -> float:
        """Seconds until the next request may go; 0 when it may go now."""

    def hurry(self) -> None:
        """The agent ends: the next request may go at once. Called from another thread."""

    def share(self, points: int) -> int:
        """How many of `points` the next request may carry."""

    def succeeded(self, points: int) -> None:
        """The destination answered a request with `points` points, be it that it refused what was in it."""

    def failed(self, delay: float | None) -> None:
        """It took nothing; `delay` is what it asked for in seconds."""


class Ledger(Protocol):
    def enter(self, batch: Batch, frame: Frame | None, records: Sequence[Record]) -> None:
        """Write down what this tick saw, kept and would have cost; `records` were put into every buffer.

        Rows of processes that ended since the last export are still in the table.
        """


class SelfMetrics(Protocol):
    def records(self, time_ns: int) -> Sequence[Record]:
        """The agent's own metrics as OTLP, to travel beside the processes."""
