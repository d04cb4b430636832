"""The table of processes and the batch that the stages hand on.

One table lives as long as the agent. A process has a row from its birth until the export after its death;
then the row is used again. Sampling rewrites only the rows that moved; the other stages work on whole
columns or on the rows that a batch names, never in a Python loop over all processes.

Counters are whole numbers in the kernel's own units (clock ticks, bytes), so sums of them are exact; they
become seconds only while they are encoded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Rows = NDArray[np.intp]
    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


class Column(IntEnum):
    """A number that indexes rows of one array, and equals no other array's row of the same number.

    So sets and comparisons may mix counters and gauges.
    """

    def __eq__(self, other: object) -> bool:
        return self is other if isinstance(other, Column) else int(self) == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return int(self)


class Counter(Column):
    """Row of `Table.counters`: what only ever grows while a process lives."""

    CPU_USER = 0  # clock ticks
    CPU_SYSTEM = 1  # clock ticks
    CPU_WAIT = 2  # clock ticks waiting for block devices
    READ = 3  # bytes fetched from storage
    WRITTEN = 4  # bytes sent to storage
    FAULTS_MINOR = 5
    FAULTS_MAJOR = 6
    SWITCHES_VOLUNTARY = 7
    SWITCHES_INVOLUNTARY = 8
    CHILD_USER = 9  # clock ticks of reaped children that no sample ever saw
    CHILD_SYSTEM = 10


class Gauge(Column):
    """Row of `Table.gauges`: what goes up and down."""

    RSS = 0  # bytes
    VIRTUAL = 1  # bytes
    SHARED = 2  # bytes, the part of RSS that is file-backed or shared memory; -1 where unknown
    THREADS = 3
    DESCRIPTORS = 4  # -1 where nobody asked or the kernel refused
    SWAP = 5  # bytes; -1 where nobody asked
    # From here on of groups alone: the table has no rows for them.
    PRIVATE = 6  # bytes, RSS less SHARED; on the wire processes have it too
    PROCESSES = 7  # members


CHILDREN = slice(Counter.CHILD_USER, Counter.CHILD_SYSTEM + 1)


@dataclass(frozen=True, slots=True)
class Owner:
    """What a cgroup path says about a process. One object for each distinct path, shared by its processes."""

    container: str = ""
    runtime: str = ""  # docker, containerd, cri-o, podman
    pod_uid: str = ""
    unit: str = ""  # systemd service or scope
    slice: str = ""
    pod: str = ""
    namespace: str = ""
    workload: str = ""  # what owns the pod, for example Deployment/checkout
    labels: tuple[tuple[str, str], ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()  # further resource attributes, for example k8s.node.name
    cpu_limit: float = 0.0  # cores that the pod may use; 0 where that is not known
    memory_limit: int = 0  # bytes
    pod_born_ns: int = 0  # Unix time at which the pod was made; 0 where that is not known


NOBODY = Owner()


@dataclass(frozen=True, slots=True)
class Identity:
    """The words that a process is known by. A new object means that something in it changed.

    All text is valid UTF-8 and cut at a length; `command_line` is as the kernel shows it, unredacted, and
    leaves the process only through `encode`, which redacts.
    """

    name: str
    command: str = ""  # argv[0]
    command_line: str = ""
    executable: str = ""
    uid: int = -1
    user: str = ""
    kernel: bool = False  # a kernel thread
    owner: Owner = NOBODY


UNKNOWN = Identity("")


class Table:
    """Columns of equal length, one row for each process. Who writes a column stands beside it."""

    def __init__(self, capacity: int = 512) -> None:
        self.capacity = capacity
        # sample: identity
        self.alive: Flags = np.zeros(capacity, np.bool_)
        self.dead: Flags = np.zeros(capacity, np.bool_)  # ended since the last export, row still held
        self.changed: Flags = np.zeros(capacity, np.bool_)  # identity or parent differs from the last export
        self.pid: Ints = np.zeros(capacity, np.int64)
        self.parent: Ints = np.zeros(capacity, np.int64)  # pid of the parent
        self.start: Ints = np.zeros(capacity, np.int64)  # clock ticks since boot, as the kernel counts
        self.born_ns: Ints = np.zeros(capacity, np.int64)  # Unix time of the start
        self.state = np.zeros(capacity, np.uint8)  # ASCII letter of the state
        self.found: Flags = np.zeros(capacity, np.bool_)  # counts from our first look, not from birth
        self.limited: Flags = np.zeros(capacity, np.bool_)  # I/O not readable with our rights
        self.observations: Ints = np.zeros(capacity, np.int64)  # samples that saw the process
        self.identity: list[Identity] = [UNKNOWN] * capacity
        self.cgroup: list[str] = [""] * capacity  # content of the cgroup file, read by `identify`
        # sample: values
        self.counters = np.zeros((len(Counter), capacity), np.int64)
        self.previous = np.zeros((len(Counter), capacity), np.int64)  # counters at the sample before
        self.gauges = np.zeros((Gauge.PRIVATE, capacity), np.int64)  # without those of groups alone
        self.cpu: Floats = np.zeros(capacity)  # cores, over the last sample interval
        self.io: Floats = np.zeros(capacity)  # bytes a second, over the last sample interval
        # score
        self.class_id = np.zeros(capacity, np.int32)  # index into the classifier's classes, 0 is none
        self.score: Floats = np.zeros(capacity)
        self.never_filtered: Flags = np.zeros(capacity, np.bool_)
        # decide
        self.verdict = np.zeros(capacity, np.uint8)
        self.reason = np.zeros(capacity, np.uint8)
        # aggregate
        self.accounted = np.zeros((len(Counter), capacity), np.int64)  # counters given to a series or group
        self.accounted_ns: Ints = np.zeros(capacity, np.int64)  # until when they are
        self.base = np.zeros((len(Counter), capacity), np.int64)  # counters at the start of the own series
        self.since_ns: Ints = np.zeros(capacity, np.int64)  # start of the own series
        self.series: Flags = np.zeros(capacity, np.bool_)  # has its own series at the backend
        self._free = list(range(capacity - 1, -1, -1))

    def open_row(self, pid: int, start: int) -> int:
        """A row for a process that was just found, zeroed."""
        if not self._free:
            self.reserve(1)
        row = self._free.pop()
        self.alive[row] = True
        self.changed[row] = True
        self.pid[row] = pid
        self.start[row] = start
        return row

    def close_row(self, row: int) -> None:
        """The process ended. Its row keeps its last values until `release`."""
        self.alive[row] = False
        self.dead[row] = True
        self.cpu[row] = 0.0
        self.io[row] = 0.0

    def release(self) -> None:
        """After an export: rows of dead processes may be used again, and changes are known downstream."""
        self._clear(np.flatnonzero(self.dead))
        self.changed[:] = False

    def discard(self, row: int) -> None:
        """The process was gone before it could be read: nobody ever saw the row."""
        self._clear(np.array([row], np.intp))

    def _clear(self, rows: Rows) -> None:
        """Free rows, zeroed for whoever gets them next."""
        if not rows.size:
            return
        which = int(rows[0]) if rows.size == 1 else rows  # one place is written many times as fast as a list
        for column in self._columns():
            column[..., which] = 0
        for row in rows.tolist():
            self.identity[row] = UNKNOWN
            self.cgroup[row] = ""
            self._free.append(row)

    def living(self) -> Rows:
        return np.flatnonzero(self.alive)

    def _columns(self) -> Iterable[NDArray[Any]]:
        return (value for value in vars(self).values() if isinstance(value, np.ndarray))

    def reserve(self, rows: int) -> None:
        """Make room for so many newcomers, at once: a column that grows in steps leaves a hole at each."""
        if (missing := rows - len(self._free)) <= 0:
            return
        # An eighth to spare: all columns together take a kilobyte a row, and most hosts stay as they are.
        old, self.capacity = self.capacity, self.capacity + missing + max(self.capacity + missing, 8) // 8
        for name, value in list(vars(self).items()):
            if isinstance(value, np.ndarray):
                wider = np.zeros((*value.shape[:-1], self.capacity), value.dtype)
                wider[..., :old] = value
                setattr(self, name, wider)
        self.identity.extend([UNKNOWN] * (self.capacity - old))
        self.cgroup.extend([""] * (self.capacity - old))
        self._free.extend(range(self.capacity - 1, old - 1, -1))


def distinct(capacity: int, rows: Rows) -> Rows:
    """Each of `rows` once, in order. np.unique would load numpy.ma first: 2 MB to ask for masks."""
    flags = np.zeros(capacity, np.bool_)
    flags[rows] = True
    found: Rows = flags.nonzero()[0]
    return found


@dataclass(frozen=True, slots=True)
class Host:
    """The machine as one sample saw it."""

    id: str
    name: str
    boot: str
    cpus: int
    memory: int  # bytes
    hz: int  # clock ticks a second
    os: str = "linux"
    busy: int = 0  # clock ticks that all processors spent on processes since boot, from /proc/stat
    attributes: tuple[tuple[str, str], ...] = ()  # further resource attributes of every resource


@dataclass(frozen=True, slots=True)
class Batch:
    """One sample of the host. The table belongs to the pipeline's thread; nobody keeps a batch."""

    time_ns: int  # wall clock, stamped on what is exported
    seconds: float  # since the sample before, on the monotonic clock; 0 at the first
    first: bool  # only the baseline: nothing is exported
    table: Table
    host: Host
    living: Rows  # every process alive at this sample
    moved: Rows  # alive and rewritten at this sample, births included
    born: Rows  # first seen at this sample
    named: Rows  # identity or parent differs from the sample before, births included
    died: Rows  # ended since the sample before
    vanished: int = 0  # went away while being read
    limited: int = 0  # permission-limited processes
    short: int = 0  # times that there was no descriptor left to read with
    unreadable: tuple[str, ...] = field(default=())  # files that our rights do not reach
