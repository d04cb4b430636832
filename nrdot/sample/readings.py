"""stat, statm and io of the processes that moved, through descriptors kept for as long as they keep moving.

Resident memory comes from statm: since Linux 6.2 stat prints a count that may lack tens of megabytes on a
machine of many processors, while statm adds up what each processor still holds back.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from nrdot.sample import parse
from nrdot.sample.files import READ_SIZE, Gone, read_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nrdot.batch import Table
    from nrdot.sample.files import ProcFiles

REAPED = ord("X")  # the state of a process whose parent has asked for its end
KEEP_FOR = 20  # ticks without movement after which a process's descriptors are closed


class Files(NamedTuple):
    """What was read of one process."""

    stat: bytes
    statm: bytes
    io: bytes  # empty where it is not readable


class _Kept(NamedTuple):
    stat: int
    statm: int
    io: int  # -1 where our rights do not reach it
    until: int  # the tick after which they are closed unless the process moves


class Readings:
    """Reads processes and knows which descriptors are worth keeping."""

    def __init__(self, files: ProcFiles) -> None:
        self._files = files
        self._kept: dict[int, _Kept] = {}
        self._refused: set[int] = set()  # rows whose io our rights do not reach
        self._tick = 0

    def __del__(self) -> None:
        for row in [*self._kept]:
            self._close(row)

    def read(self, row: int, pid: str, *, moving: bool) -> Files:
        """Gone errors mean that the process ended."""
        kept = self._kept.get(row) or (self._keep(row, pid) if moving else None)
        if kept is None:
            read = self._files.read
            return Files(read(f"{pid}/stat"), read(f"{pid}/statm"), self._read_io(row, pid))
        stat = os.pread(kept.stat, READ_SIZE, 0)
        statm = os.pread(kept.statm, READ_SIZE, 0)
        if not stat or not statm:
            raise ProcessLookupError
        if moving:
            self._extend(row, kept)
        if kept.io >= 0:
            return Files(stat, statm, self._pread_io(row, kept))
        return Files(stat, statm, self._read_io(row, pid))

    def read_ahead(self, rows: Iterable[int], *, moving: bool) -> dict[int, Files]:
        """Of those whose descriptors are all kept what they read now, one kind of file after the other.

        The kernel and the interpreter do one thing many times then: a third cheaper than process by process.
        Whoever is missing here, for whatever reason, is for `read`.
        """
        known = [
            (row, kept)
            for row in rows
            if (kept := self._kept.get(row)) is not None and (kept.io >= 0 or row in self._refused)
        ]
        stats, statms, ios = (
            read_all([kept[place] for _, kept in known], READ_SIZE) for place in range(len(Files._fields))
        )
        found: dict[int, Files] = {}
        for (row, kept), files in zip(known, map(Files, stats, statms, ios), strict=True):
            if files.stat and files.statm and (files.io or kept.io < 0):
                found[row] = files
                if moving:
                    self._extend(row, kept)
        return found

    def read_memory(self, row: int, pid: str) -> bytes:
        """Only statm. Gone errors mean that the process ended."""
        kept = self._kept.get(row)
        statm = self._files.read(f"{pid}/statm") if kept is None else os.pread(kept.statm, READ_SIZE, 0)
        if not statm:
            raise ProcessLookupError
        return statm

    def refresh_state(self, table: Table, row: int, pid: str) -> None:
        """Of a sleeper. Gone errors mean that the process ended.

        Signals and the freezer of cgroup v2 make a process run, so its state is read with the rest. That of
        v1 stops it in its sleep.
        """
        if not parse.may_be_frozen(table.cgroup[row]):
            return
        kept = self._kept.get(row)
        data = self._files.read(f"{pid}/stat") if kept is None else os.pread(kept.stat, READ_SIZE, 0)
        stat = parse.stat_fields(data, parse.stat_head(data))
        if stat.start != table.start[row]:
            raise ProcessLookupError
        table.state[row] = stat.state

    def is_reaped(self, pid: str, start: int) -> bool:
        """Whether the parent has the CPU of its child: it is charged a moment before that leaves /proc."""
        try:
            data = self._files.read(f"{pid}/stat")
            stat = parse.stat_fields(data, parse.stat_head(data))
        except (*Gone, PermissionError, ValueError, LookupError):
            return True
        return stat.state == REAPED or stat.start != start

    def limited(self, row: int) -> bool:
        return row in self._refused

    def forget(self, row: int) -> None:
        """The process ended, or its rights changed: what is kept is opened anew."""
        self._refused.discard(row)
        self._close(row)

    def expire(self) -> None:
        """Close what has not moved for a while, and what the budget no longer allows; called once a tick."""
        self._tick += 1
        rows = iter(list(self._kept))
        while self._files.kept > self._files.budget and (row := next(rows, None)) is not None:
            self._close(row)
        if self._tick % (KEEP_FOR // 2) == 0:
            for row in [row for row, kept in self._kept.items() if kept.until < self._tick]:
                self._close(row)

    def _extend(self, row: int, kept: _Kept) -> None:
        if kept.until < self._tick + KEEP_FOR // 2:
            self._kept[row] = kept._replace(until=self._tick + KEEP_FOR)

    def _keep(self, row: int, pid: str) -> _Kept | None:
        files = self._files
        if files.kept + len(Files._fields) > files.budget:
            return None
        stat = files.keep(pid, "stat")
        try:
            statm = files.keep(pid, "statm")
        except OSError:
            files.drop(stat)
            raise
        if statm < 0:  # there are none left
            files.drop(stat)
            return None
        kept = self._kept[row] = _Kept(stat, statm, self._keep_io(row, pid), self._tick + KEEP_FOR)
        return kept

    def _keep_io(self, row: int, pid: str) -> int:
        try:
            return self._files.keep(pid, "io")
        except PermissionError:
            self._refused.add(row)
        except Gone:
            self._missing(row, pid)
        return -1

    def _missing(self, row: int, pid: str) -> None:
        """No file: the process ended, or the kernel keeps no account of I/O, which is not to say 0."""
        if self._files.exists(f"{pid}/stat"):
            self._refused.add(row)

    def _pread_io(self, row: int, kept: _Kept) -> bytes:
        try:
            return os.pread(kept.io, READ_SIZE, 0)
        except PermissionError:  # it changed its user since: the kernel asks at each read
            self._refused.add(row)
            self._files.drop(kept.io)
            self._kept[row] = kept._replace(io=-1)
            return b""

    def _read_io(self, row: int, pid: str) -> bytes:
        if row in self._refused:
            return b""
        try:
            return self._files.read(f"{pid}/io")
        except PermissionError:
            self._refused.add(row)
        except Gone:
            self._missing(row, pid)
        return b""

    def _close(self, row: int) -> None:
        kept = self._kept.pop(row, None)
        if kept is not None:
            for descriptor in kept[:3]:
                self._files.drop(descriptor)
