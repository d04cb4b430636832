"""The idle gate: which processes cannot have moved since the last sample.

`/proc/PID/schedstat` counts the run time of the MAIN thread in nanoseconds. A process of one thread cannot
use CPU, do I/O, start a thread, exec or change its user without running, so while its schedstat stands still
so does everything that only the process itself can change. With more threads the file says too little, and
the process has no gate. With accounting switched off the kernel prints zeros for ever: the gate is trusted
only after the agent has seen its own file advance.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nrdot.sample.files import Gone, pread_all

if TYPE_CHECKING:
    from nrdot.sample.files import ProcFiles


class IdleGate:
    """Kept descriptors on schedstat, by table row."""

    def __init__(self, files: ProcFiles) -> None:
        self._files = files
        self._descriptors: dict[int, int] = {}
        self._seen: dict[int, bytes] = {}
        self._own = self._read_own()
        self.trusted = False
        # What `moved` loops over, rebuilt when a row comes or goes.
        self._rows: list[int] | None = None
        self._open: list[int] = []
        self._last: list[bytes] = []

    @property
    def available(self) -> bool:
        return bool(self._own)

    def guards(self, row: int) -> bool:
        return row in self._descriptors

    def add(self, row: int, pid: str) -> None:
        """Guard a process of one thread, from a reading that the caller takes after this call.

        Where the file or the budget is missing it stays unguarded.
        """
        if not self._own or row in self._descriptors:
            return
        try:
            descriptor = self._files.keep(pid, "schedstat")
        except OSError:
            return
        if descriptor >= 0:
            self._settle()
            self._descriptors[row] = descriptor
            self._seen[row] = pread_all([descriptor])[0]
            self._rows = None

    def remove(self, row: int) -> None:
        descriptor = self._descriptors.pop(row, -1)
        if descriptor >= 0:
            self._settle(without=row)
            self._files.drop(descriptor)
            self._rows = None

    def moved(self) -> tuple[list[int], list[int]]:
        """Rows that ran since the last call, and rows whose process has ended."""
        if not self.trusted:
            self._learn_trust()
        if self._rows is None:
            self._rows = list(self._descriptors)
            self._open = list(self._descriptors.values())
            self._last = [self._seen[row] for row in self._rows]
        now = pread_all(self._open)
        changed = [row for row, old, new in zip(self._rows, self._last, now, strict=True) if old != new]
        if changed:
            gone = {row for row, new in zip(self._rows, now, strict=True) if not new}
            changed = [row for row in changed if row not in gone]
        else:
            gone = set()
        if not self.trusted:
            changed = [row for row in self._rows if row not in gone]
        self._last = now
        return changed, sorted(gone)

    def _settle(self, without: int = -1) -> None:
        """Carry what `moved` saw last into the dictionary, before its lists are rebuilt."""
        if self._rows is not None:
            self._seen.update(zip(self._rows, self._last, strict=True))
            self._rows = None
        if without >= 0:
            self._seen.pop(without, None)

    def _read_own(self) -> bytes:
        try:
            return self._files.read("self/schedstat")
        except (*Gone, PermissionError, NotADirectoryError):
            return b""

    def _learn_trust(self) -> None:
        """Our own run time must have grown: we are running. A yield makes the kernel write it down."""
        if not self._own:
            return
        os.sched_yield()
        self.trusted = self._read_own() != self._own
