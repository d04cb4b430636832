"""stat and io of the processes that moved, through descriptors kept for as long as they keep moving."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from nrdot.sample.files import READ_SIZE, Gone

if TYPE_CHECKING:
    from nrdot.sample.files import ProcFiles

KEEP_FOR = 20  # ticks without movement after which a process's descriptors are closed


class _Kept(NamedTuple):
    stat: int
    io: int  # -1 where our rights do not reach it
    until: int  # the tick after which they are closed unless the process moves


class Readings:
    """Reads stat and io of one process after the other and knows which descriptors are worth keeping."""

    def __init__(self, files: ProcFiles) -> None:
        self._files = files
        self._kept: dict[int, _Kept] = {}
        self._refused: set[int] = set()  # rows whose io our rights do not reach
        self.tick = 0

    def read(self, row: int, pid: str, *, moving: bool) -> tuple[bytes, bytes]:
        """The two files; io is empty where it is not readable. Gone errors mean that the process ended."""
        kept = self._kept.get(row)
        if kept is None:
            if moving and row not in self._refused:
                kept = self._keep(row, pid)
            if kept is None:
                return self._files.read(f"{pid}/stat"), self._read_io(row, pid)
        stat = os.pread(kept.stat, READ_SIZE, 0)
        try:
            io = os.pread(kept.io, READ_SIZE, 0)
        except PermissionError:  # it changed its user since: the kernel asks at each read
            self._close(row)
            self._refused.add(row)
            io = b""
        if not stat:
            raise ProcessLookupError
        if moving and kept.until < self.tick + KEEP_FOR // 2:
            self._kept[row] = kept._replace(until=self.tick + KEEP_FOR)
        return stat, io

    def limited(self, row: int) -> bool:
        return row in self._refused

    def forget(self, row: int) -> None:
        """The process ended, or stood still for long."""
        self._refused.discard(row)
        self._close(row)

    def expire(self) -> None:
        """Close what has not moved for a while; called once a tick."""
        self.tick += 1
        if self.tick % (KEEP_FOR // 2) == 0:
            for row in [row for row, kept in self._kept.items() if kept.until < self.tick]:
                self._close(row)

    def retry_refused(self, row: int) -> None:
        """Rights may have changed: a process that drops or gains privileges becomes readable or not."""
        self._refused.discard(row)

    def _keep(self, row: int, pid: str) -> _Kept | None:
        files = self._files
        if files.kept + 2 > files.budget:
            return None
        stat = files.keep(pid, "stat")
        try:
            io = files.keep(pid, "io")
        except PermissionError:
            self._refused.add(row)
            files.drop(stat)
            return None
        except OSError:
            files.drop(stat)
            raise
        kept = self._kept[row] = _Kept(stat, io, self.tick + KEEP_FOR)
        return kept

    def _read_io(self, row: int, pid: str) -> bytes:
        if row in self._refused:
            return b""
        try:
            return self._files.read(f"{pid}/io")
        except PermissionError:
            self._refused.add(row)
            return b""
        except Gone:
            return b""  # a kernel without I/O accounting has no such file; stat tells whether it ended

    def _close(self, row: int) -> None:
        kept = self._kept.pop(row, None)
        if kept is not None:
            self._files.drop(kept.stat)
            self._files.drop(kept.io)
