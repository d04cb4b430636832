"""What one sample read, into the table's columns.

Counters only grow. Two things could make one jump or step back: files of I/O that our rights reach at one
time and not at another, and kernels that take a tick of CPU back. Storage counters therefore go on from where
they stood once they are readable (again): what was read and written unseen stays unmeasured, and is never
taken for an increment.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Counter, Gauge
from nrdot.sample import parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from nrdot.batch import Ints, Rows, Table
    from nrdot.sample.readings import Files

    Known = tuple[int, int, int, int]  # start, parent, threads, observations

_COUNTERS = {
    Counter.CPU_USER: "user",
    Counter.CPU_SYSTEM: "system",
    Counter.CPU_WAIT: "wait",
    Counter.FAULTS_MINOR: "faults_minor",
    Counter.FAULTS_MAJOR: "faults_major",
}
_PLACES = [parse.Stat._fields.index(name) for name in _COUNTERS.values()]
_CHILDREN = [parse.Stat._fields.index(name) for name in ("child_user", "child_system")]
_CPU = np.array(list(_COUNTERS), np.intp)[:, None]
_IO = np.array([Counter.READ, Counter.WRITTEN], np.intp)[:, None]
_MEMORY = np.array([Gauge.VIRTUAL, Gauge.RSS, Gauge.SHARED], np.intp)[:, None]


class Looks:
    """Files of processes, collected one by one. No row comes twice."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.stats: list[parse.Stat] = []
        self.memory: list[tuple[int, int, int]] = []
        self.limited: list[bool] = []
        self.io_rows: list[int] = []
        self.io: list[tuple[int, int]] = []

    def add(self, row: int, stat: parse.Stat, files: Files, *, limited: bool) -> None:
        """Nothing is added where a file does not parse."""
        memory = parse.memory_pages(files.statm)
        io = parse.io_bytes(files.io) if files.io else None
        self.rows.append(row)
        self.stats.append(stat)
        self.memory.append(memory)
        self.limited.append(limited)
        if io is not None:
            self.io_rows.append(row)
            self.io.append(io)


class Columns:
    """Writes what was collected, all rows at once."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._unseen = np.zeros((2, table.capacity), np.int64)  # bytes of I/O that nobody measured

    def begin(self, row: int) -> None:
        """A process gets this row."""
        if self._unseen.shape[1] < self._table.capacity:
            more = self._table.capacity - self._unseen.shape[1]
            self._unseen = np.pad(self._unseen, ((0, 0), (0, more)))
        self._unseen[:, row] = 0

    def known(self, rows: Collection[int]) -> Iterable[Known]:
        """What the table says of each; a column asked for one number at a time takes five times as long."""
        table, at = self._table, np.fromiter(rows, np.intp, len(rows))
        columns = (table.start, table.parent, table.gauges[Gauge.THREADS], table.observations)
        return zip(*(column[at].tolist() for column in columns), strict=True)

    def write(self, looks: Looks) -> tuple[Rows, Ints]:
        """The rows written, and what each has reaped: cutime and cstime."""
        table = self._table
        rows = np.array(looks.rows, np.intp)
        if not looks.rows:
            return rows, np.zeros((2, 0), np.int64)
        values = np.array(looks.stats, np.int64).T
        table.counters[_CPU, rows] = np.maximum(values[_PLACES], table.counters[_CPU, rows])
        self.write_memory(rows, looks.memory)
        table.gauges[Gauge.THREADS, rows] = values[parse.Stat._fields.index("threads")]
        table.parent[rows] = values[parse.Stat._fields.index("parent")]
        table.state[rows] = values[parse.Stat._fields.index("state")]
        self._write_io(looks)
        table.limited[rows] = looks.limited
        return rows, values[_CHILDREN]

    def write_memory(self, rows: Rows, pages: list[tuple[int, int, int]]) -> None:
        """Virtual, resident and shared pages of each row; no row twice."""
        if pages:
            self._table.gauges[_MEMORY, rows] = np.array(pages, np.int64).T * self._page

    def _write_io(self, looks: Looks) -> None:
        if not looks.io_rows:
            return
        table, rows = self._table, np.array(looks.io_rows, np.intp)
        values = np.array(looks.io, np.int64).T
        before = table.counters[_IO, rows]
        # `limited` still says how it was at the look before.
        self._unseen[:, rows] = np.where(table.limited[rows], values - before, self._unseen[:, rows])
        table.counters[_IO, rows] = np.maximum(values - self._unseen[:, rows], before)
