"""What the model sees of a process: the same numbers in training and in the agent.

`FEATURES` names the columns of the matrix in their order; a model file carries the names it was trained on.
Means and deviations forget with a time constant and are kept for each row as sums of a few numbers. A row
that did not move used no CPU and did no I/O since, so its sums are brought up to date when it moves again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from nrdot.batch import CHILDREN, Counter, Gauge
from nrdot.score.patterns import owner_kind
from nrdot.score.rules import OwnerKind

if TYPE_CHECKING:
    from nrdot.batch import Batch, Floats, Host, Ints, Rows, Table

_SPENT: Final = slice(Counter.CPU_USER, Counter.CPU_SYSTEM + 1)
_FAULTS: Final = slice(Counter.FAULTS_MINOR, Counter.FAULTS_MAJOR + 1)
_SWITCHES: Final = slice(Counter.SWITCHES_VOLUNTARY, Counter.SWITCHES_INVOLUNTARY + 1)
_LEVELS: Final = np.array([Gauge.RSS, Gauge.THREADS], np.intp)[:, None]

MEMORY: Final = 300.0  # seconds after which an observation counts a third

OWNERS: Final = (OwnerKind.KERNEL, OwnerKind.POD, OwnerKind.CONTAINER, OwnerKind.SERVICE, OwnerKind.SESSION)
_MEANS: Final = ("cpu_mean", "active", "rss_growth", "threads_growth")
_LOGS: Final = (
    "io",  # bytes a second
    "io_mean",
    "io_deviation",
    "rss",  # bytes
    "threads",
    "faults",  # page faults a second
    "switches",  # context switches a second
    "age",  # seconds
)
_PLAIN: Final = (
    "cpu",  # cores over the last interval
    "cpu_deviation",
    "cpu_share",  # of the host's processors
    "cpu_rank",  # share of the living processes that use less
    "cpu_lifetime",  # cores over its whole life
    "io_wait",  # cores that waited for block devices
    "rss_share",  # of the host's memory
    "rss_rank",
    "children",  # cores that its reaped children used
    "class_known",
    "class_score",
)
# Growth is a log ratio a minute, `active` the share of the time in which it used any CPU.
FEATURES: Final = (*_MEANS, *_LOGS, *_PLAIN, *(f"owner_{kind.value}" for kind in OWNERS))
_AFTER_LOGS: Final = len(_MEANS) + len(_LOGS)
_AFTER_PLAIN: Final = _AFTER_LOGS + len(_PLAIN)
_OWNER_NUMBERS: Final = np.arange(len(OWNERS))[:, None]

# Rows of `Features._sums`: exponentially forgetting sums, all over the same weight. The first are `_MEANS`.
_CPU, _ACTIVE, _RSS_GROWTH, _THREADS_GROWTH, _IO, _CPU_SQUARED, _IO_SQUARED, _WEIGHT = range(8)


class Features:
    """Call `observe` once for each batch, then `matrix` for rows of its table."""

    def __init__(self, class_scores: Floats) -> None:
        """`class_scores` by class id, NaN where there is no class."""
        self._class_scores = class_scores
        self._sums = np.zeros((8, 0))
        self._last = np.zeros((2, 0))  # log of rss and of threads when the row was last looked at
        self._seen = np.zeros(0)  # seconds since the start of this object, at the row's last look
        self._owner = np.zeros(0, np.int8)
        self._now = 0.0
        # of the last batch
        self._seconds = 0.0
        self._time_ns = 0
        self._host: Host | None = None
        self._cpu_sorted = self._rss_sorted = np.zeros(0)

    def observe(self, batch: Batch) -> None:
        """Take in the rows that moved."""
        table, rows = batch.table, batch.moved
        self._widen(table.capacity)
        self._now += batch.seconds
        first = self._host is None  # after a reload the table is older than we are
        self._seconds, self._time_ns, self._host = batch.seconds, batch.time_ns, batch.host
        self._cpu_sorted = np.sort(table.cpu[batch.living])
        self._rss_sorted = np.sort(table.gauges[Gauge.RSS, batch.living])
        born, named = (batch.living, batch.living) if first else (batch.born, batch.named)
        self._sums[:, born] = 0.0
        self._last[:, born] = _levels(table, born)
        self._seen[born] = self._now - batch.seconds
        for row in named.tolist():
            self._owner[row] = _owner_index(table, row)
        if batch.seconds > 0.0 and rows.size:
            self._absorb(table, rows, batch.seconds)

    def matrix(self, table: Table, rows: Rows) -> Floats:
        """One line for each of `rows`, every number finite. Zeros before the first batch."""
        columns = np.zeros((len(FEATURES), rows.size))
        host = self._host
        if host is None:
            return columns.T
        sums = self._sums[:, rows]
        mean = sums / np.maximum(sums[_WEIGHT], 1e-9)
        squares = mean[[_CPU_SQUARED, _IO_SQUARED]] - mean[[_CPU, _IO]] ** 2
        deviation = np.sqrt(np.maximum(squares, 0.0))
        counters = table.counters[:, rows]
        rates = (counters - table.previous[:, rows]) / (self._seconds or np.inf)
        ticks = max(host.hz, 1)
        cpu, rss = table.cpu[rows], table.gauges[Gauge.RSS, rows]
        age = (self._time_ns - table.born_ns[rows]) / 1e9
        known = self._class_scores[table.class_id[rows]]
        nameless = np.isnan(known)
        columns[: len(_MEANS)] = mean[: len(_MEANS)]
        logs = columns[len(_MEANS) : _AFTER_LOGS]
        logs[:] = (
            table.io[rows],
            mean[_IO],
            deviation[1],
            rss,
            table.gauges[Gauge.THREADS, rows],
            rates[_FAULTS].sum(axis=0),
            rates[_SWITCHES].sum(axis=0),
            age,
        )
        np.log1p(np.maximum(logs, 0.0, out=logs), out=logs)
        columns[_AFTER_LOGS:_AFTER_PLAIN] = (
            cpu,
            deviation[0],
            cpu / max(host.cpus, 1),
            _rank(self._cpu_sorted, cpu),
            counters[_SPENT].sum(axis=0) / ticks / np.maximum(age, 1.0),
            rates[Counter.CPU_WAIT] / ticks,
            rss / max(host.memory, 1),
            _rank(self._rss_sorted, rss),
            rates[CHILDREN].sum(axis=0) / ticks,
            ~nameless,
            np.where(nameless, 0.0, known),
        )
        columns[_AFTER_PLAIN:] = self._owner[rows] == _OWNER_NUMBERS
        return columns.T

    def _absorb(self, table: Table, rows: Rows, seconds: float) -> None:
        """Forget what is old, count the silence since the last look as zeros, add the last interval."""
        idle = np.maximum(self._now - self._seen[rows] - seconds, 0.0)
        fade = np.exp(-idle / MEMORY)
        keep = np.exp(-seconds / MEMORY)
        cpu, io = table.cpu[rows], table.io[rows]
        levels = _levels(table, rows)
        growth = (levels - self._last[:, rows]) * (60.0 / (idle + seconds))
        sums = self._sums[:, rows] * fade
        sums[_WEIGHT] += 1.0 - fade
        news = np.array((cpu, cpu > 0.0, growth[0], growth[1], io, cpu * cpu, io * io, np.ones_like(cpu)))
        self._sums[:, rows] = sums * keep + news * (1.0 - keep)
        self._last[:, rows] = levels
        self._seen[rows] = self._now

    def _widen(self, capacity: int) -> None:
        missing = capacity - self._seen.size
        if missing > 0:
            self._sums = np.pad(self._sums, ((0, 0), (0, missing)))
            self._last = np.pad(self._last, ((0, 0), (0, missing)))
            self._seen = np.pad(self._seen, (0, missing))
            self._owner = np.pad(self._owner, (0, missing))


def _levels(table: Table, rows: Rows) -> Floats:
    levels: Floats = np.log1p(np.maximum(table.gauges[_LEVELS, rows], 0))
    return levels


def _owner_index(table: Table, row: int) -> int:
    kind = owner_kind(table.identity[row])
    return OWNERS.index(kind) if kind in OWNERS else -1


def _rank(everybody: Floats | Ints, values: Floats) -> Floats:
    """The share of all, which come sorted, that lies below each value."""
    below = np.searchsorted(everybody, values, side="left")
    rank: Floats = below / max(everybody.size, 1)
    return rank
