"""What the model sees of a process: the same numbers in training and in the agent.

`FEATURES` names the columns of the matrix in their order; a model file carries the names it was trained on.
Rates are means of the last minute, and means and deviations of the last five, so neither the length of a
sample nor the moment of a look makes a difference. Both forget with a time constant and are kept for each row
as sums of a few numbers. A row that did not move used nothing since: its sums are brought up to date at the
next look at it, which is when it moves, and at the latest after a minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from nrdot.batch import CHILDREN, Counter, Gauge, distinct
from nrdot.score.patterns import owner_kind
from nrdot.score.rules import OwnerKind

if TYPE_CHECKING:
    from nrdot.batch import Batch, Floats, Host, Ints, Rows, Table

_SPENT: Final = slice(Counter.CPU_USER, Counter.CPU_SYSTEM + 1)
_FAULTS: Final = slice(Counter.FAULTS_MINOR, Counter.FAULTS_MAJOR + 1)
_SWITCHES: Final = slice(Counter.SWITCHES_VOLUNTARY, Counter.SWITCHES_INVOLUNTARY + 1)
_LEVELS: Final = (Gauge.RSS, Gauge.THREADS)

MEMORY: Final = 300.0  # seconds after which an observation counts a third in means and deviations
LATELY: Final = 60.0  # and in rates
# Seconds after which a sleeper is looked at anew. The sampler reads each as often, so on a live host this
# names nobody.
LOOK_AGAIN: Final = 60.0

OWNERS: Final = (OwnerKind.KERNEL, OwnerKind.POD, OwnerKind.CONTAINER, OwnerKind.SERVICE, OwnerKind.SESSION)
_MEANS: Final = ("cpu_mean", "active", "rss_growth", "threads_growth")
_LOGS: Final = (
    "io_lately",  # bytes a second
    "io_mean",
    "io_deviation",
    "rss",  # bytes
    "threads",
    "faults_lately",  # page faults a second
    "switches_lately",  # context switches a second
    "age",  # seconds
)
_PLAIN: Final = (
    "cpu_lately",  # cores
    "cpu_deviation",
    "cpu_share",  # of the host's processors
    "cpu_rank",  # share of the living processes that used less lately
    "cpu_lifetime",  # cores over its whole life
    "io_wait_lately",  # cores that waited for block devices
    "rss_share",  # of the host's memory
    "rss_rank",
    "children_lately",  # cores that its reaped children used
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
# Rows of `Features._recent`, which forgets sooner.
_RATES: Final = 6
_CPU_RATE, _IO_RATE, _FAULTS_RATE, _SWITCHES_RATE, _WAIT_RATE, _CHILDREN_RATE, _RECENT_WEIGHT = range(
    _RATES + 1
)


class Features:
    """Call `observe` once for each batch, then `matrix` for the rows that it names."""

    def __init__(self, class_scores: Floats) -> None:
        """`class_scores` by class id, NaN where there is no class."""
        self._class_scores = class_scores
        self._sums = np.zeros((_WEIGHT + 1, 0))
        self._recent = np.zeros((_RECENT_WEIGHT + 1, 0))
        self._last = np.zeros((2, 0))  # log of rss and of threads when the row was last looked at
        self._seen = np.zeros(0)  # seconds since the start of this object, at the row's last look
        self._owner = np.zeros(0, np.int8)
        self._now = 0.0
        # of the last batch
        self._seconds = 0.0
        self._time_ns = 0
        self._host: Host | None = None
        self._cpu_sorted = self._rss_sorted = np.zeros(0)

    def observe(self, batch: Batch) -> Rows:
        """Take in the sample; rows whose line is another than at the last look at them."""
        table = batch.table
        self._widen(table.capacity)
        self._now += batch.seconds
        first = self._host is None  # after a reload the table is older than we are
        rows = batch.living if first or not self._seconds else self._due(batch)
        self._seconds, self._time_ns, self._host = batch.seconds, batch.time_ns, batch.host
        self._rss_sorted = np.sort(table.gauges[Gauge.RSS][batch.living])
        born, named = (batch.living, batch.living) if first else (batch.born, batch.named)
        if born.size:
            self._sums[:, born] = self._recent[:, born] = 0.0
            self._last[:, born] = _levels(table, born)
            self._seen[born] = self._now - batch.seconds
        for row in named.tolist():
            self._owner[row] = _owner_index(table, row)
        if batch.seconds > 0.0 and rows.size:
            self._absorb(table, rows, batch.seconds)
        self._cpu_sorted = self._sorted_cpu(batch.living)
        return rows

    def _due(self, batch: Batch) -> Rows:
        """Who moved or has other words, and who was not looked at for a while."""
        table = batch.table
        waiting = ((self._now - self._seen > LOOK_AGAIN) & table.alive).nonzero()[0]
        return distinct(table.capacity, np.concatenate([batch.moved, batch.named, waiting]))

    def _sorted_cpu(self, living: Rows) -> Floats:
        """What everybody used lately, sleepers too, in order. Most of them used nothing for long."""
        used, weight = self._recent[_CPU_RATE], self._recent[_RECENT_WEIGHT]
        users = living[used[living] > 0.0]
        fade = np.exp((self._seen[users] - self._now) / LATELY)
        cpu = np.zeros(living.size)
        if users.size:
            cpu[-users.size :] = np.sort(used[users] * fade / (weight[users] * fade + (1.0 - fade)))
        return cpu

    def matrix(self, table: Table, rows: Rows) -> Floats:
        """One line for each of `rows`, every number finite. Zeros before the first batch."""
        columns = np.zeros((len(FEATURES), rows.size))
        host = self._host
        if host is None:
            return columns.T
        mean = self._sums.take(rows, axis=1)
        mean /= np.maximum(mean[_WEIGHT], 1e-9)
        cpu_deviation = np.sqrt(np.maximum(mean[_CPU_SQUARED] - mean[_CPU] ** 2, 0.0))
        io_deviation = np.sqrt(np.maximum(mean[_IO_SQUARED] - mean[_IO] ** 2, 0.0))
        recent = self._recent.take(rows, axis=1)
        rates = recent[:_RATES] / np.maximum(recent[_RECENT_WEIGHT], 1e-9)
        ticks = max(host.hz, 1)
        cpu, rss = rates[_CPU_RATE], table.gauges[Gauge.RSS][rows]
        age = (self._time_ns - table.born_ns[rows]) / 1e9
        known = self._class_scores[table.class_id[rows]]
        nameless = np.isnan(known)
        user, system = table.counters[_SPENT]
        columns[: len(_MEANS)] = mean[: len(_MEANS)]
        logs = columns[len(_MEANS) : _AFTER_LOGS]
        logs[:] = (
            rates[_IO_RATE],
            mean[_IO],
            io_deviation,
            rss,
            table.gauges[Gauge.THREADS][rows],
            rates[_FAULTS_RATE],
            rates[_SWITCHES_RATE],
            age,
        )
        np.log1p(np.maximum(logs, 0.0, out=logs), out=logs)
        columns[_AFTER_LOGS:_AFTER_PLAIN] = (
            cpu,
            cpu_deviation,
            cpu / max(host.cpus, 1),
            _rank(self._cpu_sorted, cpu),
            (user[rows] + system[rows]) / ticks / np.maximum(age, 1.0),
            rates[_WAIT_RATE] / ticks,
            rss / max(host.memory, 1),
            _rank(self._rss_sorted, rss),
            rates[_CHILDREN_RATE] / ticks,
            ~nameless,
            np.where(nameless, 0.0, known),
        )
        columns[_AFTER_PLAIN:] = self._owner[rows] == _OWNER_NUMBERS
        return columns.T

    def _absorb(self, table: Table, rows: Rows, seconds: float) -> None:
        """Forget what is old, count the silence since the last look as zeros, add the last interval."""
        idle = np.maximum(self._now - self._seen[rows] - seconds, 0.0)
        cpu, io = table.cpu[rows], table.io[rows]
        levels = _levels(table, rows)
        growth = levels - self._last.take(rows, axis=1)
        growth *= 60.0 / (idle + seconds)
        one = np.ones_like(cpu)
        means = np.array((cpu, cpu > 0.0, growth[0], growth[1], io, cpu * cpu, io * io, one))
        self._sums[:, rows] = _blended(self._sums.take(rows, axis=1), means, idle, seconds, MEMORY)
        grown = (table.counters.take(rows, axis=1) - table.previous.take(rows, axis=1)) / seconds
        faults, switches, children = (np.add(*grown[pair]) for pair in (_FAULTS, _SWITCHES, CHILDREN))
        rates = np.array((cpu, io, faults, switches, grown[Counter.CPU_WAIT], children, one))
        self._recent[:, rows] = _blended(self._recent.take(rows, axis=1), rates, idle, seconds, LATELY)
        self._last[:, rows] = levels
        self._seen[rows] = self._now

    def _widen(self, capacity: int) -> None:
        missing = capacity - self._seen.size
        if missing > 0:
            self._sums = np.pad(self._sums, ((0, 0), (0, missing)))
            self._recent = np.pad(self._recent, ((0, 0), (0, missing)))
            self._last = np.pad(self._last, ((0, 0), (0, missing)))
            self._seen = np.pad(self._seen, (0, missing))
            self._owner = np.pad(self._owner, (0, missing))


def _blended(sums: Floats, news: Floats, idle: Floats, seconds: float, memory: float) -> Floats:
    """Sums whose last is their weight: silence since the last look, then what was in the last interval."""
    fade, keep = np.exp(-idle / memory), np.exp(-seconds / memory)
    sums *= fade
    sums[-1] += 1.0 - fade
    sums *= keep
    news *= 1.0 - keep
    sums += news
    return sums


def _levels(table: Table, rows: Rows) -> Floats:
    levels = np.array([table.gauges[gauge][rows] for gauge in _LEVELS], np.float64)
    levels[levels < 0.0] = 0.0
    np.log1p(levels, out=levels)
    return levels


def _owner_index(table: Table, row: int) -> int:
    kind = owner_kind(table.identity[row])
    return OWNERS.index(kind) if kind in OWNERS else -1


def _rank(everybody: Floats | Ints, values: Floats) -> Floats:
    """The share of all, which come sorted, that lies below each value."""
    below = np.searchsorted(everybody, values, side="left")
    rank: Floats = below / max(everybody.size, 1)
    return rank
