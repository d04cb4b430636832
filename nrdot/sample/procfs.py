"""The Linux source: /proc into the table, at the price of what moved.

A sample lists /proc, asks the idle gate which processes ran, and reads stat and io of those alone. What
others can change while a process sleeps (its resident memory under reclaim, its control group) is refreshed
by a sweep: at each sample a fixed share of the sleepers is read all the same, so that no value is older than
`SWEEP_SECONDS`. A process whose parent ended is read at once, because it has a new parent.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Batch, Counter, Gauge, Table
from nrdot.errors import StartError
from nrdot.sample import parse
from nrdot.sample.children import Children
from nrdot.sample.files import Gone, ProcFiles, raise_descriptor_limit
from nrdot.sample.gate import IdleGate
from nrdot.sample.host import read_host, uptime_ns
from nrdot.sample.rates import update_rates
from nrdot.sample.readings import Readings
from nrdot.sample.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nrdot.batch import Host, Rows
    from nrdot.clock import Clock

SWEEP_SECONDS = 60.0
YOUNG = 2  # observations within which a process that moves may still exec or change its user
WORDS_EVERY = 5  # sweeps between two looks at words that can change without a change of name

_COUNTERS = [
    Counter.CPU_USER,
    Counter.CPU_SYSTEM,
    Counter.CPU_WAIT,
    Counter.FAULTS_MINOR,
    Counter.FAULTS_MAJOR,
]


@dataclass(slots=True)
class _Reading:
    """What one sample read, collected row by row and written into the columns at once."""

    rows: list[int] = field(default_factory=list)
    stats: list[parse.Stat] = field(default_factory=list)
    io_rows: list[int] = field(default_factory=list)
    io: list[tuple[int, int]] = field(default_factory=list)


class ProcfsSource:
    """Samples a host through /proc. `optional` names gauges and counters that cost a further file each."""

    def __init__(
        self,
        root: Path,
        clock: Clock,
        *,
        host: Host | None = None,
        optional: frozenset[Gauge | Counter] = frozenset(),
        descriptors: int | None = None,
    ) -> None:
        self.host = host or read_host(root)
        self.table = Table()
        self._clock = clock
        self._optional = optional
        budget = raise_descriptor_limit() if descriptors is None else descriptors
        self._files = ProcFiles(root, budget)
        self._root = root
        self.gate = IdleGate(self._files)
        self._readings = Readings(self._files)
        self._words = Words(self._files)
        self._children = Children(self.table)
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._boot_ns = clock.wall_ns() - uptime_ns(root)
        self._entries: list[str] = []
        self._rows: dict[str, int] = {}
        self._pids: dict[int, str] = {}
        self._heads: dict[int, bytes] = {}
        self._stale_words: set[int] = set()  # rows that moved since their words were read
        self._sweep_at = 0
        self._sweeps = 0
        self._last: float | None = None
        self._last_wall = 0
        self._vanished = 0

    def sample(self) -> Batch:
        table, now = self.table, self._clock.monotonic()
        first = self._last is None
        seconds = 0.0 if self._last is None else now - self._last
        self._last = now
        time_ns = self._clock.wall_ns()
        self._vanished = 0
        np.copyto(table.previous, table.counters)
        self._readings.expire()

        born_pids, died = self._listing()
        moved, gone = self.gate.moved()
        for row in gone:
            died.append(row)
            born_pids.append(self._end(row))
        reading = _Reading()
        named: set[int] = set()
        unguarded = [row for row in self._pids if not self.gate.guards(row)]
        swept = self._sweep(seconds)
        moving = dict.fromkeys([*moved, *unguarded])
        self._read(moving, reading, named, died, swept=swept, moving=True)
        self._read(sorted(swept.difference(moving)), reading, named, died, swept=swept, moving=False)
        born = self._births(born_pids, reading, first=first)
        self._inherit(died, reading, named)
        self._write(reading, named)
        named.update(born)
        found = self._array([row for row in born if table.found[row]])
        table.previous[:, found] = table.counters[:, found]
        update_rates(table, seconds, self.host.hz)
        self._children.end_sample()

        living = table.living()
        table.observations[living] += 1
        limited = int(np.count_nonzero(table.limited[living]))
        self._last_wall = time_ns
        return Batch(
            time_ns=time_ns,
            seconds=seconds,
            first=first,
            table=table,
            host=replace(self.host, busy=parse.busy_ticks(self._files.read("stat"))),
            living=living,
            moved=np.unique(self._array(reading.rows)),
            born=self._array(born),
            named=self._array(sorted(named)),
            died=self._array(died),
            vanished=self._vanished,
            limited=limited,
            unreadable=tuple(sorted(self._words.unreadable | ({"io"} if limited else set()))),
        )

    # births and deaths

    def _listing(self) -> tuple[list[str], list[int]]:
        """Pids that are new and rows that ended, by the listing of /proc."""
        try:
            entries = self._files.list()
        except OSError as error:
            raise StartError(f"{self._root}: cannot list processes: {error.strerror}; sampling stops") from error
        if entries == self._entries:
            return [], []
        self._entries = entries
        now = {entry for entry in entries if entry.isdecimal()}
        died = [self._rows[pid] for pid in self._rows.keys() - now]
        for row in died:
            self._end(row)
        return sorted(now - self._rows.keys(), key=int), died

    def _end(self, row: int) -> str:
        """The process of a row ended; the pid is returned because another may have it by now."""
        pid = self._pids.pop(row)
        del self._rows[pid]
        del self._heads[row]
        self._stale_words.discard(row)
        self.gate.remove(row)
        self._readings.forget(row)
        self.table.close_row(row)
        return pid

    def _births(self, pids: Iterable[str], reading: _Reading, *, first: bool) -> list[int]:
        born = []
        for pid in pids:
            try:
                born.append(self._birth(pid, reading, first=first))
            except (*Gone, ValueError):
                self._vanished += 1
        return born

    def _birth(self, pid: str, reading: _Reading, *, first: bool) -> int:
        data = self._files.read(f"{pid}/stat")
        end = parse.stat_head(data)
        stat = parse.stat_fields(data, end)
        identity = self._words.read(pid, parse.stat_name(data, end), stat.flags)
        cgroup = self._words.cgroup(pid)
        table = self.table
        row = table.open_row(int(pid), stat.start)
        self._children.fit(table.capacity)
        table.born_ns[row] = self._boot_ns + stat.start * 1_000_000_000 // self.host.hz
        table.identity[row] = identity
        table.cgroup[row] = cgroup
        self._rows[pid] = row
        self._pids[row] = pid
        self._heads[row] = data[:end]
        # A process that is older than the sample before was hidden from us then: it counts from now, like
        # those that the first sample finds.
        found = first or bool(table.born_ns[row] < self._last_wall - 1_000_000_000)
        table.found[row] = found
        self._children.begin(row, (stat.child_user, stat.child_system) if found else (0, 0))
        table.gauges[Gauge.SHARED :, row] = -1
        if stat.threads == 1:
            self.gate.add(row, pid)
        # Read after the gate was, so that nothing can move in between unseen.
        data, io = self._readings.read(row, pid, moving=False)
        self._collect(row, parse.stat_fields(data, parse.stat_head(data)), io, reading)
        self._read_optional(row, pid)
        return row

    # values

    def _read(
        self,
        rows: Iterable[int],
        reading: _Reading,
        named: set[int],
        died: list[int],
        *,
        swept: set[int],
        moving: bool,
    ) -> None:
        for row in rows:
            pid = self._pids[row]
            try:
                data, io = self._readings.read(row, pid, moving=moving)
                end = parse.stat_head(data)
                stat = parse.stat_fields(data, end)
                if stat.start != self.table.start[row]:
                    raise ProcessLookupError  # another process has the pid
                if moving:
                    self._stale_words.add(row)
                self._collect(row, stat, io, reading)
                self._refresh(row, pid, data[:end], stat, named, swept=row in swept)
            except (*Gone, ValueError):
                self._vanished += 1
                died.append(row)
                self._entries = []  # the next sample looks at the listing anew: the pid may be in use again
                self._end(row)

    def _collect(self, row: int, stat: parse.Stat, io: bytes, reading: _Reading) -> None:
        reading.rows.append(row)
        reading.stats.append(stat)
        if io:
            reading.io_rows.append(row)
            reading.io.append(parse.io_bytes(io))
        self.table.limited[row] = self._readings.limited(row)

    def _refresh(
        self, row: int, pid: str, head: bytes, stat: parse.Stat, named: set[int], *, swept: bool
    ) -> None:
        """Words, gate and parent of a process that was read."""
        table = self.table
        if (stat.threads == 1) != self.gate.guards(row):
            if stat.threads == 1:
                self.gate.add(row, pid)
            else:
                self.gate.remove(row)
        if stat.parent != table.parent[row]:
            named.add(row)
        due = swept and (row + self._sweeps) % WORDS_EVERY == 0
        young = row in self._stale_words and table.observations[row] < YOUNG
        if head != self._heads[row] or young or (due and row in self._stale_words):
            self._heads[row] = head
            self._stale_words.discard(row)
            self._reread_words(row, pid, head, stat.flags, named)
        elif due and (cgroup := self._words.cgroup(pid)) != table.cgroup[row]:
            table.cgroup[row] = cgroup
            named.add(row)
        if self._optional:
            self._read_optional(row, pid)

    def _reread_words(self, row: int, pid: str, head: bytes, flags: int, named: set[int]) -> None:
        table = self.table
        new = self._words.read(pid, head[head.index(b"(") + 1 :], flags)
        old = table.identity[row]
        self._readings.retry_refused(row)
        cgroup = self._words.cgroup(pid)
        if cgroup != table.cgroup[row] or (new.name, new.command_line, new.executable, new.uid) != (
            old.name,
            old.command_line,
            old.executable,
            old.uid,
        ):
            table.cgroup[row] = cgroup
            table.identity[row] = new
            named.add(row)

    def _read_optional(self, row: int, pid: str) -> None:
        """Gauges and counters that cost a file each, for who asked for them."""
        table, wanted = self.table, self._optional
        if not wanted:
            return
        if Gauge.SHARED in wanted:
            table.gauges[Gauge.SHARED, row] = parse.statm_shared(self._files.read(f"{pid}/statm")) * self._page
        if Gauge.DESCRIPTORS in wanted:
            try:
                table.gauges[Gauge.DESCRIPTORS, row] = self._files.count(f"{pid}/fd")
            except PermissionError:
                self._words.unreadable.add("fd")
        if wanted & {Gauge.SWAP, Counter.SWITCHES_VOLUNTARY, Counter.SWITCHES_INVOLUNTARY}:
            status = parse.status_fields(self._files.read(f"{pid}/status", 4096))
            table.gauges[Gauge.SWAP, row] = status.swap
            table.counters[Counter.SWITCHES_VOLUNTARY, row] = status.switches_voluntary
            table.counters[Counter.SWITCHES_INVOLUNTARY, row] = status.switches_involuntary

    def _sweep(self, seconds: float) -> set[int]:
        """This sample's share of all processes, in turn."""
        rows = list(self._pids)
        share = min(math.ceil(len(rows) * seconds / SWEEP_SECONDS), len(rows))
        if self._sweep_at >= len(rows):
            self._sweep_at = 0
            self._sweeps += 1
        chosen = rows[self._sweep_at : self._sweep_at + share]
        self._sweep_at += share
        return set(chosen)

    def _inherit(self, died: list[int], reading: _Reading, named: set[int]) -> None:
        """Children of the dead have a new parent, and who reaped the dead is charged with their CPU."""
        if not died:
            return
        table = self.table
        parents = {int(table.pid[row]): int(table.parent[row]) for row in died}
        orphans = [
            row
            for row in np.flatnonzero(table.alive & np.isin(table.parent, list(parents))).tolist()
            if row in self._pids
        ]
        known = set(reading.rows)
        self._read(
            [row for row in orphans if row not in known], reading, named, [], swept=set(), moving=False
        )
        for row in died:
            heir = int(table.parent[row])
            while heir in parents and str(heir) not in self._rows:
                heir = parents[heir]
            if (heir_row := self._rows.get(str(heir))) is not None:
                self._children.died(table, row, heir_row)

    def _write(self, reading: _Reading, named: set[int]) -> None:
        """Everything that was read, into the columns."""
        if not reading.rows:
            return
        table = self.table
        rows = self._array(reading.rows)
        alive = table.alive[rows]
        values = np.array(reading.stats, np.int64)[alive]
        rows = rows[alive]
        index = parse.Stat._fields.index
        for counter, name in zip(
            _COUNTERS, ("user", "system", "wait", "faults_minor", "faults_major"), strict=True
        ):
            table.counters[counter, rows] = values[:, index(name)]
        table.gauges[Gauge.RSS, rows] = values[:, index("resident_pages")] * self._page
        table.gauges[Gauge.VIRTUAL, rows] = values[:, index("virtual")]
        table.gauges[Gauge.THREADS, rows] = values[:, index("threads")]
        table.parent[rows] = values[:, index("parent")]
        table.state[rows] = values[:, index("state")]
        table.changed[self._array(sorted(named))] = True
        self._children.charge(table, rows, values[:, [index("child_user"), index("child_system")]].T)
        if reading.io_rows:
            io = np.array(reading.io, np.int64)
            io_rows = self._array(reading.io_rows)
            table.counters[Counter.READ, io_rows] = io[:, 0]
            table.counters[Counter.WRITTEN, io_rows] = io[:, 1]

    def _array(self, rows: list[int]) -> Rows:
        return np.array(rows, np.intp)
