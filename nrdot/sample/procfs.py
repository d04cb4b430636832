"""The Linux source: /proc into the table, at the price of what moved.

A sample lists /proc, asks the idle gate which processes ran, and reads stat, statm and io of those alone.
What others can change while a process sleeps (its resident memory under reclaim) is refreshed by a sweep once
in `SWEEP_SECONDS`; at every `WORDS_EVERY`th sweep its control group has its turn, the state of who may be
frozen, and its words where it ran since. Whoever has a new parent, as the old one ended, is read at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from nrdot.batch import Counter, Gauge, Table
from nrdot.sample import parse
from nrdot.sample.census import Census
from nrdot.sample.children import Children
from nrdot.sample.columns import Columns, Looks
from nrdot.sample.files import Gone, ProcFiles, is_short, raise_descriptor_limit
from nrdot.sample.gate import choose_gate
from nrdot.sample.glance import Glances
from nrdot.sample.host import read_host
from nrdot.sample.host_files import HostFiles
from nrdot.sample.members import HIDDEN_NS, close_sample, glanced
from nrdot.sample.readings import REAPED, Readings
from nrdot.sample.sweep import Sweep
from nrdot.sample.words import Words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from nrdot.batch import Batch, Host, Rows
    from nrdot.clock import Clock
    from nrdot.sample.columns import Known

YOUNG = 2  # observations within which a process that moves may still exec or change its user
CLOCK_STEP_NS = 1_000_000_000  # by how much the wall clock must have been set before starts are told anew
_ZOMBIE = ord("Z")
_Unreadable = (*Gone, ValueError, LookupError)  # it ended, be it in the middle of a line


@dataclass(slots=True)
class _Round:
    """What one sample finds."""

    swept: set[int]
    looks: Looks = field(default_factory=Looks)
    named: set[int] = field(default_factory=set)
    exported: set[int] = field(default_factory=set)  # rows whose exported words differ
    died: list[int] = field(default_factory=list)
    reborn: dict[str, None] = field(default_factory=dict)  # pids of the dead: perhaps in use again
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
        self._host_files = HostFiles(self._files)
        self._readings = Readings(self._files)
        self._words = Words(self._files)
        self._children = Children(self.table)
        self._columns = Columns(self.table)
        self._glances = Glances(self.table, self._readings, self._columns)
        self._sweep = Sweep()
        self._boot_ns = 0  # Unix time of the boot
        self._uptime_ns = 0  # at the last sample
        self._census = Census(self._files, self.gate.processes)
        self._rows: dict[str, int] = {}
        self._pids: list[str] = []  # by row, as the names that stat has are; empty without a process
        self._names: list[bytes] = []
        self._unguarded: set[int] = set()
        self._stale_words: set[int] = set()  # rows that moved since their words were read
        self._missed: set[int] = set()  # rows that moved and could not be read for want of a descriptor
        self._last: float | None = None

    def sample(self) -> Batch:
        table, now = self.table, self._clock.monotonic()
        first = self._last is None
        seconds = 0.0 if self._last is None else now - self._last
        time_ns = self._clock.wall_ns()
        np.copyto(table.previous, table.counters)
        short = self._files.short
        self._glances.settle()
        self._readings.expire()

        round_ = _Round(self._sweep.begin(now, table.alive))
        host_stat, uptime_ns = self._host_files.read()
        if abs(time_ns - uptime_ns - self._boot_ns) > CLOCK_STEP_NS:
            self._boot_ns = time_ns - uptime_ns
        born_pids = self._listing(parse.forks(host_stat), round_)
        moved, gone = self.gate.moved()
        for row in gone:
            self._lose(row, round_)
        moving = dict.fromkeys([*moved, *self._unguarded, *self._missed])
        self._missed.clear()
        self._read(moving, round_, moving=True)
        swept = {row for row in round_.swept.difference(moving) if self._pids[row]}  # some of them just ended
        whole = {row for row in swept if self._takes_all(row)}
        self._read(sorted(whole), round_, moving=False)
        slept = self._read_memory(sorted(swept - whole), round_)
        born = self._births([*born_pids, *round_.reborn], round_, first=first)
        read = np.concatenate([self._write(round_), slept])
        self._children.end_sample()

        self._last, self._uptime_ns = now, uptime_ns
        unreadable = set(self._words.unreadable)
        batch = close_sample(
            table,
            replace(self.host, busy=parse.busy_ticks(host_stat)),
            time_ns=time_ns,
            seconds=seconds,
            first=first,
            moved=read[table.alive[read]],
            born=born,
            named=[*(row for row in round_.named if self._pids[row]), *born],
            died=round_.died,
            vanished=round_.vanished,
        )
        if batch.limited:
            unreadable.add("io")
        if self._census.hidden:
            unreadable.add("stat")
        return replace(
            batch,
            limited=batch.limited + len(self._census.hidden),
            unreadable=tuple(sorted(unreadable)),
            short=self._files.short - short,
        )

    def glance(self, rows: Rows) -> Batch:
        known = [(row, self._pids[row], self._names[row]) for row in rows.tolist() if self._pids[row]]
        return glanced(self.table, self.host, self._clock.wall_ns(), self._glances.look(known))

    # births and deaths

    def _listing(self, forks: int, round_: _Round) -> list[str]:
        """Pids that are new; the rows of those that are found to be gone end."""
        if self._sweep.wrapped:
            self._census.begin_anew()
        new, gone = self._census.call(forks, self._rows.keys(), always=bool(self._unguarded))
        for pid in gone:
            row = self._rows[pid]
            self._end(row)
            round_.died.append(row)
        return new

    def _lose(self, row: int, round_: _Round) -> None:
        """A listed process turned out to be gone; its pid may have a new process already."""
        round_.died.append(row)
        round_.reborn[self._end(row)] = None
        self._census.look_again()

    def _end(self, row: int) -> str:
        pid, self._pids[row], self._names[row] = self._pids[row], "", b""
        del self._rows[pid]
        self._stale_words.discard(row)
        self._missed.discard(row)
        self._unguarded.discard(row)
        self.gate.remove(row)
        self._readings.forget(row)
        self.table.close_row(row)
        return pid

    def _births(self, pids: list[str], round_: _Round, *, first: bool) -> list[int]:
        self.table.reserve(len(pids))
        for pid in pids:
            try:
                row = self._birth(pid, first=first)
                # Read once more behind the gate, so that nothing can move in between unseen.
                files = self._readings.read(row, pid, moving=False)
                stat = parse.stat_fields(files.stat, parse.stat_head(files.stat))
                if stat.start != self.table.start[row] or stat.state == REAPED:
                    raise ProcessLookupError  # it ended, and its parent or the next one has what is its
                self._words.count(self.table, self._optional, row, pid)
                round_.looks.add(row, stat, files, limited=self._readings.limited(row))
            except (OSError, *_Unreadable) as error:
                self._unborn(pid, error, round_)
        return [self._rows[pid] for pid in pids if pid in self._rows]

    def _unborn(self, pid: str, error: Exception, round_: _Round) -> None:
        if isinstance(error, PermissionError):
            self._census.hidden.add(pid)
        elif isinstance(error, OSError) and is_short(error):
            self._census.begin_anew()  # whoever could not be read is found again
        elif not isinstance(error, _Unreadable):
            raise error
        elif pid not in round_.reborn:
            round_.vanished += 1
            self._census.look_again()
        if pid in self._rows:
            self._end(self._rows[pid])

    def _birth(self, pid: str, *, first: bool) -> int:
        data = self._files.read(f"{pid}/stat")
        end = parse.stat_head(data)
        stat = parse.stat_fields(data, end)
        identity = self._words.read(pid, parse.stat_name(data, end), stat.flags)
        cgroup = self._words.cgroup(pid)
        table = self.table
        row = table.open_row(int(pid), stat.start)
        self._children.fit(table.capacity)
        self._columns.begin(row)
        table.born_ns[row] = self._boot_ns + stat.start * 1_000_000_000 // self.host.hz
        table.identity[row] = identity
        table.cgroup[row] = cgroup
        table.parent[row] = stat.parent
        table.gauges[Gauge.THREADS, row] = stat.threads
        table.gauges[[Gauge.DESCRIPTORS, Gauge.SWAP], row] = -1
        self._rows[pid] = row
        if (more := table.capacity - len(self._pids)) > 0:
            self._pids += [""] * more
            self._names += [b""] * more
        self._pids[row] = pid
        self._names[row] = self._words.once(parse.stat_name(data, end))
        # A process that is older than the sample before was hidden from us then: it counts from now, like
        # those that the first sample finds. By the uptime: the wall clock may have been set since.
        found = first or stat.start * 1_000_000_000 // self.host.hz < self._uptime_ns - HIDDEN_NS
        table.found[row] = found
        self._children.begin(row, (stat.child_user, stat.child_system) if found else (0, 0))
        self.gate.watch(row, pid, stat.threads)
        if not self.gate.guards(row):
            self._unguarded.add(row)
        return row

    # values

    def _read(self, rows: Collection[int], round_: _Round, *, moving: bool) -> None:
        looks, limited = round_.looks, self._readings.limited
        ahead = self._readings.read_ahead(rows, moving=moving)
        for row, known in zip(rows, self._columns.known(rows), strict=True):
            pid = self._pids[row]
            try:
                files = ahead.get(row) or self._readings.read(row, pid, moving=moving)
                end = parse.stat_head(files.stat)
                stat = parse.stat_fields(files.stat, end)
                if stat.start != known[0]:
                    raise ProcessLookupError  # another process has the pid
                if moving:
                    self._stale_words.add(row)
                refused = limited(row)
                self._refresh(row, parse.stat_name(files.stat, end), stat, known, round_)
                looks.add(row, stat, files, limited=refused)
            except (OSError, *_Unreadable) as error:
                self._unread(row, error, round_)

    def _unread(self, row: int, error: Exception, round_: _Round) -> None:
        """Without a descriptor a row has its turn at the next sample; whatever else fails has ended."""
        if isinstance(error, OSError) and is_short(error):
            self._missed.add(row)
            return
        if isinstance(error, _Unreadable):
            round_.vanished += 1
        elif not isinstance(error, PermissionError):
            raise error
        self._lose(row, round_)

    def _takes_all(self, row: int) -> bool:
        """Whether a sleeper may have changed in more than its memory and its control group."""
        parent = int(self.table.parent[row])
        unknown = parent > 0 and str(parent) not in self._rows  # so nobody tells when that ends
        old = row in self._stale_words or self.table.limited[row]  # rights may reach its I/O by now
        return unknown or bool(self._optional) or bool(old and self._sweep.words_due(row))

    def _read_memory(self, rows: Iterable[int], round_: _Round) -> Rows:
        """Refresh what others can change while a process sleeps. Rows that were written."""
        pages: dict[int, tuple[int, int, int]] = {}
        for row in rows:
            pid = self._pids[row]
            try:
                memory = parse.memory_pages(self._readings.read_memory(row, pid))
                if self._sweep.words_due(row):
                    self._reread_cgroup(row, pid, round_)
                    self._readings.refresh_state(self.table, row, pid)
                pages[row] = memory
            except (OSError, *_Unreadable) as error:
                self._unread(row, error, round_)
        written = np.fromiter(pages, np.intp)
        self._columns.write_memory(written, list(pages.values()))
        return written

    def _refresh(self, row: int, name: bytes, stat: parse.Stat, known: Known, round_: _Round) -> None:
        """Gate, parent and words of a process that was read."""
        pid, (_, parent, threads, seen) = self._pids[row], known
        if row in self._unguarded or stat.threads != threads:
            self._guard(row, pid, stat.threads)
        if stat.parent != parent:
            round_.named.add(row)
            round_.exported.add(row)
        if name != self._names[row] or stat.state != _ZOMBIE:  # the kernel forgets the words of a zombie
            self._refresh_words(row, name, stat.flags, round_, young=seen < YOUNG)
        if self._optional:
            self._words.count(self.table, self._optional, row, pid)

    def _refresh_words(self, row: int, name: bytes, flags: int, round_: _Round, *, young: bool) -> None:
        due = row in round_.swept and self._sweep.words_due(row)
        stale, pid = row in self._stale_words, self._pids[row]
        if name != self._names[row] or (stale and (young or due)):
            self._reread_words(row, pid, name, flags, round_)
            self._names[row] = self._words.once(name)
            self._stale_words.discard(row)
        elif due:
            self._reread_cgroup(row, pid, round_)

    def _guard(self, row: int, pid: str, threads: int) -> None:
        """Let the gate watch a process that was read before: until it is read again it may have moved."""
        guarded = self.gate.guards(row)
        self.gate.watch(row, pid, threads)
        if guarded and self.gate.guards(row):
            self._unguarded.discard(row)
        else:
            self._unguarded.add(row)

    def _reread_words(self, row: int, pid: str, name: bytes, flags: int, round_: _Round) -> None:
        table = self.table
        new = self._words.read(pid, name, flags)
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

    # into the table

    def _write(self, round_: _Round) -> Rows:
        """Write what was read, and settle who reaped the dead. Rows that were written.

        A parent may have reaped a child between the listing and its own reading. So the children of those
        that reaped are asked once more, or what we know of such a child would count twice.
        """
        table = self.table
        rows, reaped = self._columns.write(round_.looks)
        reapers = self._children.grown(rows, reaped)
        if reapers.size:
            known = table.alive & (table.observations > 0)
            suspects = np.flatnonzero(known & np.isin(table.parent, table.pid[reapers]))
            over = np.isin(table.state[suspects], (_ZOMBIE, REAPED))
            for row in [*suspects[over].tolist(), *self.gate.stirred(suspects[~over].tolist())]:
                if self._readings.is_reaped(self._pids[row], int(table.start[row])):
                    self._lose(row, round_)
        late = self._read_orphans(round_)
        late_rows, late_reaped = self._columns.write(late)
        self._children.inherit(table, round_.died, self._row_of_pid)
        for charged, times in ((rows, reaped), (late_rows, late_reaped)):
            alive = table.alive[charged]  # what the dead had reaped is their heir's
            self._children.charge(table, charged[alive], times[:, alive])
        changed = [row for row in round_.exported if self._pids[row]]
        table.changed[changed] = True
        return np.concatenate([rows, late_rows])

    def _read_orphans(self, round_: _Round) -> Looks:
        """Read the children of the dead, which have a new parent, and of those that turn out to be dead."""
        table, looks = self.table, Looks()
        known = table.observations > 0
        round_.looks = looks
        asked = 0
        while asked < len(round_.died):
            dead = table.pid[round_.died[asked:]]
            asked = len(round_.died)
            orphans = np.flatnonzero(known & table.alive & np.isin(table.parent, dead))
            self._read([row for row in orphans.tolist() if row not in looks.rows], round_, moving=False)
        return looks

    def _row_of_pid(self, pid: int) -> int | None:
        return self._rows.get(str(pid))
