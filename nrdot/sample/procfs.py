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
from nrdot.sample.gate import choose_gate
from nrdot.sample.host import read_host, uptime_ns
from nrdot.sample.rates import update_rates
from nrdot.sample.readings import Readings
from nrdot.sample.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nrdot.batch import Host, Rows
    from nrdot.clock import Clock
    from nrdot.sample.readings import Files

SWEEP_SECONDS = 60.0
YOUNG = 2  # observations within which a process that moves may still exec or change its user
WORDS_EVERY = 5  # sweeps between two looks at words that can change without a change of name
HIDDEN_NS = 1_000_000_000  # how much older than the sample before a new process must be to have been hidden
STAT_SIZE = 1 << 20  # /proc/stat has a line for each processor and a number for each interrupt

_COUNTERS = (
    (Counter.CPU_USER, "user"),
    (Counter.CPU_SYSTEM, "system"),
    (Counter.CPU_WAIT, "wait"),
    (Counter.FAULTS_MINOR, "faults_minor"),
    (Counter.FAULTS_MAJOR, "faults_major"),
)


@dataclass(slots=True)
class _Round:
    """What one sample finds, collected row by row and written into the columns at once."""

    rows: list[int] = field(default_factory=list)
    stats: list[parse.Stat] = field(default_factory=list)
    memory: list[tuple[int, int, int]] = field(default_factory=list)
    io_rows: list[int] = field(default_factory=list)
    io: list[tuple[int, int]] = field(default_factory=list)
    named: set[int] = field(default_factory=set)
    exported: set[int] = field(default_factory=set)  # rows whose exported words differ
    died: list[int] = field(default_factory=list)
    reborn: list[str] = field(default_factory=list)  # pids of the dead that another process may have by now
    swept: set[int] = field(default_factory=set)
    vanished: int = 0


class ProcfsSource:
    """Samples a host through /proc.

    `optional` names gauges and counters that cost a further file each; `command_lines` says that they are
    exported, so that a change of them begins a new series.
    """

    def __init__(
        self,
        root: Path,
        clock: Clock,
        *,
        host: Host | None = None,
        optional: frozenset[Gauge | Counter] = frozenset(),
        command_lines: bool = False,
        descriptors: int | None = None,
    ) -> None:
        self.host = host or read_host(root)
        self.table = Table()
        self._clock = clock
        self._optional = optional
        self._command_lines = command_lines
        self._files = ProcFiles(root, raise_descriptor_limit() if descriptors is None else descriptors)
        self.gate = choose_gate(self._files)
        self._readings = Readings(self._files)
        self._words = Words(self._files)
        self._children = Children(self.table)
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._boot_ns = clock.wall_ns() - uptime_ns(root)
        self._entries: list[str] = []
        self._forks = -1  # processes ever made, read before the last listing
        self._rows: dict[str, int] = {}
        self._pids: dict[int, str] = {}
        self._heads: dict[int, bytes] = {}
        self._unguarded: set[int] = set()
        self._stale_words: set[int] = set()  # rows that moved since their words were read
        self._sweep_at = 0
        self._sweeps = 0
        self._last: float | None = None
        self._last_wall = 0

    def sample(self) -> Batch:
        table, now = self.table, self._clock.monotonic()
        first = self._last is None
        seconds = 0.0 if self._last is None else now - self._last
        time_ns = self._clock.wall_ns()
        np.copyto(table.previous, table.counters)
        self._readings.expire()

        round_ = _Round(swept=self._sweep(seconds))
        host_stat = self._host_stat()
        born_pids = self._listing(parse.forks(host_stat), round_)
        moved, gone = self.gate.moved()
        for row in gone:
            self._lose(row, round_)
        moving = dict.fromkeys([*moved, *self._unguarded])
        self._read(moving, round_, moving=True)
        swept = round_.swept.intersection(self._pids).difference(moving)  # some of them just ended
        self._read(sorted(swept), round_, moving=False)
        born = self._births([*born_pids, *round_.reborn], round_, first=first)
        self._inherit(round_)
        self._write(round_)
        found = self._array([row for row in born if table.found[row]])
        table.previous[:, found] = table.counters[:, found]
        update_rates(table, seconds, self.host.hz)
        self._children.end_sample()

        living = table.living()
        table.observations[living] += 1
        limited = int(np.count_nonzero(table.limited[living]))
        self._last, self._last_wall = now, time_ns
        return Batch(
            time_ns=time_ns,
            seconds=seconds,
            first=first,
            table=table,
            host=replace(self.host, busy=parse.busy_ticks(host_stat)),
            living=living,
            moved=np.unique(self._array(round_.rows)),
            born=self._array(born),
            named=self._array(sorted(round_.named.union(born))),
            died=self._array(round_.died),
            vanished=round_.vanished,
            limited=limited,
            unreadable=tuple(sorted(self._words.unreadable | ({"io"} if limited else set()))),
        )

    # births and deaths

    def _host_stat(self) -> bytes:
        try:
            return self._files.read("stat", STAT_SIZE)
        except OSError as error:
            raise StartError(
                f"{self._files.root}: cannot read processes any more: {error.strerror}; the agent ends"
            ) from error

    def _listing(self, forks: int, round_: _Round) -> list[str]:
        """Pids that are new, by the listing of /proc; the rows of those that are no longer listed end.

        Where the kernel has made no process since before the last listing there is nothing new to list, and
        the gate tells who ended.
        """
        if forks == self._forks and not self._unguarded and not round_.swept:
            return []
        self._forks = forks
        entries = self._files.list()
        if entries == self._entries:
            return []
        self._entries = entries
        now = {entry for entry in entries if entry.isdecimal()}
        for pid in self._rows.keys() - now:
            row = self._rows[pid]
            self._end(row)
            round_.died.append(row)
        return sorted(now - self._rows.keys(), key=int)

    def _lose(self, row: int, round_: _Round) -> None:
        """A listed process turned out to be gone; its pid may have a new process already."""
        round_.died.append(row)
        round_.reborn.append(self._end(row))
        self._entries = []

    def _end(self, row: int) -> str:
        pid = self._pids.pop(row)
        del self._rows[pid]
        del self._heads[row]
        self._stale_words.discard(row)
        self._unguarded.discard(row)
        self.gate.remove(row)
        self._readings.forget(row)
        self.table.close_row(row)
        return pid

    def _births(self, pids: list[str], round_: _Round, *, first: bool) -> list[int]:
        born = []
        for pid in pids:
            try:
                row = self._birth(pid, first=first)
                born.append(row)
                # Read once more behind the gate, so that nothing can move in between unseen.
                files = self._readings.read(row, pid, moving=False)
                self._collect(row, parse.stat_fields(files.stat, parse.stat_head(files.stat)), files, round_)
                self._read_optional(row, pid)
            except (*Gone, ValueError):
                round_.vanished += 1
                if pid in self._rows:
                    born.remove(self._rows[pid])
                    round_.died.append(self._rows[pid])
                    self._end(self._rows[pid])
        return born

    def _birth(self, pid: str, *, first: bool) -> int:
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
        table.parent[row] = stat.parent
        table.gauges[Gauge.THREADS, row] = stat.threads
        table.gauges[[Gauge.DESCRIPTORS, Gauge.SWAP], row] = -1
        self._rows[pid] = row
        self._pids[row] = pid
        self._heads[row] = data[:end]
        # A process that is older than the sample before was hidden from us then: it counts from now, like
        # those that the first sample finds.
        found = first or bool(table.born_ns[row] < self._last_wall - HIDDEN_NS)
        table.found[row] = found
        self._children.begin(row, (stat.child_user, stat.child_system) if found else (0, 0))
        self._guard(row, pid, stat.threads)
        return row

    # values

    def _read(self, rows: Iterable[int], round_: _Round, *, moving: bool) -> None:
        starts = self.table.start
        for row in rows:
            pid = self._pids[row]
            try:
                files = self._readings.read(row, pid, moving=moving)
                end = parse.stat_head(files.stat)
                stat = parse.stat_fields(files.stat, end)
                if stat.start != starts[row]:
                    raise ProcessLookupError  # another process has the pid
                if moving:
                    self._stale_words.add(row)
                self._collect(row, stat, files, round_)
                self._refresh(row, pid, files.stat[:end], stat, round_)
            except (*Gone, ValueError):
                round_.vanished += 1
                self._lose(row, round_)

    def _collect(self, row: int, stat: parse.Stat, files: Files, round_: _Round) -> None:
        round_.rows.append(row)
        round_.stats.append(stat)
        round_.memory.append(parse.memory_pages(files.statm))
        if files.io:
            round_.io_rows.append(row)
            round_.io.append(parse.io_bytes(files.io))
        self.table.limited[row] = self._readings.limited(row)

    def _refresh(self, row: int, pid: str, head: bytes, stat: parse.Stat, round_: _Round) -> None:
        """Gate, parent and words of a process that was read."""
        table = self.table
        if stat.threads != table.gauges[Gauge.THREADS, row]:
            self._guard(row, pid, stat.threads)
        if stat.parent != table.parent[row]:
            round_.named.add(row)
            round_.exported.add(row)
        due = row in round_.swept and (row + self._sweeps) % WORDS_EVERY == 0
        young = row in self._stale_words and table.observations[row] < YOUNG
        if head != self._heads[row] or young or (due and row in self._stale_words):
            self._heads[row] = head
            self._stale_words.discard(row)
            self._reread_words(row, pid, head, stat.flags, round_)
        elif due:
            self._reread_cgroup(row, pid, round_)
        if self._optional:
            self._read_optional(row, pid)

    def _guard(self, row: int, pid: str, threads: int) -> None:
        self.gate.watch(row, pid, threads)
        if self.gate.guards(row):
            self._unguarded.discard(row)
        else:
            self._unguarded.add(row)

    def _reread_words(self, row: int, pid: str, head: bytes, flags: int, round_: _Round) -> None:
        table = self.table
        new = self._words.read(pid, head[head.index(b"(") + 1 :], flags)
        old = table.identity[row]
        self._readings.forget(row)
        self._reread_cgroup(row, pid, round_)
        new = replace(new, owner=old.owner)
        if new == old:
            return
        round_.named.add(row)
        if self._command_lines or new != replace(old, command_line=new.command_line):
            round_.exported.add(row)
        table.identity[row] = new

    def _reread_cgroup(self, row: int, pid: str, round_: _Round) -> None:
        """Somebody else may have moved it into another control group. `identify` finds the owner anew."""
        cgroup = self._words.cgroup(pid)
        if cgroup != self.table.cgroup[row]:
            self.table.cgroup[row] = cgroup
            round_.named.add(row)

    def _read_optional(self, row: int, pid: str) -> None:
        """Gauges and counters that cost a file each, for who asked for them."""
        table, wanted = self.table, self._optional
        if Gauge.DESCRIPTORS in wanted:
            table.gauges[Gauge.DESCRIPTORS, row] = self._words.descriptors(pid)
        if wanted & {Gauge.SWAP, Counter.SWITCHES_VOLUNTARY, Counter.SWITCHES_INVOLUNTARY}:
            status = self._words.status(pid)
            table.gauges[Gauge.SWAP, row] = status.swap
            table.counters[Counter.SWITCHES_VOLUNTARY, row] = status.switches_voluntary
            table.counters[Counter.SWITCHES_INVOLUNTARY, row] = status.switches_involuntary

    def _sweep(self, seconds: float) -> set[int]:
        """This sample's share of all processes, in turn."""
        rows = list(self._pids)
        if not rows:
            return set()
        share = min(math.ceil(len(rows) * seconds / SWEEP_SECONDS), len(rows))
        if self._sweep_at >= len(rows):
            self._sweep_at = 0
            self._sweeps += 1
        chosen = rows[self._sweep_at : self._sweep_at + share]
        self._sweep_at += share
        return set(chosen)

    def _inherit(self, round_: _Round) -> None:
        """Children of the dead have a new parent, and who reaped the dead is charged with their CPU."""
        if not round_.died:
            return
        table = self.table
        parents = {int(table.pid[row]): int(table.parent[row]) for row in round_.died}
        orphans = np.flatnonzero(table.alive & np.isin(table.parent, list(parents)))
        known = set(round_.rows)
        self._read([row for row in orphans.tolist() if row not in known], round_, moving=False)
        for row in round_.died:
            heir = int(table.parent[row])
            seen = set()
            while heir in parents and str(heir) not in self._rows and heir not in seen:
                seen.add(heir)
                heir = parents[heir]
            if (heir_row := self._rows.get(str(heir))) is not None:
                self._children.died(table, row, heir_row)

    def _write(self, round_: _Round) -> None:
        """Everything that was read, into the columns."""
        if not round_.rows:
            return
        table = self.table
        rows = self._array(round_.rows)
        values = np.array(round_.stats, np.int64).T
        column = dict(zip(parse.Stat._fields, values, strict=True))
        for counter, name in _COUNTERS:
            table.counters[counter, rows] = column[name]
        memory = np.array(round_.memory, np.int64).T * self._page
        table.gauges[Gauge.VIRTUAL, rows], table.gauges[Gauge.RSS, rows], table.gauges[Gauge.SHARED, rows] = (
            memory
        )
        table.gauges[Gauge.THREADS, rows] = column["threads"]
        table.parent[rows] = column["parent"]
        table.state[rows] = column["state"]
        table.changed[self._array(sorted(round_.exported))] = True
        self._children.charge(table, rows, np.stack([column["child_user"], column["child_system"]]))
        if round_.io_rows:
            io_rows = self._array(round_.io_rows)
            read, written = np.array(round_.io, np.int64).T
            table.counters[Counter.READ, io_rows] = read
            table.counters[Counter.WRITTEN, io_rows] = written

    def _array(self, rows: list[int]) -> Rows:
        return np.array(rows, np.intp)
