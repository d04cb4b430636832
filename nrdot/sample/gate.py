"""The idle gate: which processes cannot have moved since the last sample.

A process cannot use CPU, do I/O, start a thread, exec or change its user without running. So while its run
time stands still to the nanosecond, so does everything that only the process itself can change.

Two clocks tell the run time. `ClockGate` asks for the process's CPU clock: no descriptor, every thread
counted, no rights needed, half the price of a read. It looks pids up in our own pid namespace, so it serves
only a /proc that is ours. `SchedstatGate` reads `/proc/PID/schedstat` through kept descriptors; the file
speaks of the main thread alone, so it guards processes of one thread. See docs/decisions/0002-idle-gate.md.

With accounting switched off a clock stands still for ever: a gate is trusted only after the agent has seen
its own run time advance. Until then everything counts as moved.
"""

from __future__ import annotations

import os
import time
from itertools import compress
from operator import ne
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from nrdot.sample.files import GATE_SIZE, Gone, ask_all, read_all

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from nrdot.sample.files import ProcFiles

Key = TypeVar("Key")
Seen = TypeVar("Seen")


class Gate(Protocol):
    name: str
    trusted: bool

    @property
    def processes(self) -> Callable[[Collection[int]], list[int]] | None:
        """Which of many pids are those of processes; None where this gate cannot tell."""

    def guards(self, row: int) -> bool: ...

    def watch(self, row: int, pid: str, threads: int) -> None:
        """Guard a process that has so many threads now, or stop guarding it where this gate cannot.

        It counts from a reading that the caller takes after this call.
        """

    def remove(self, row: int) -> None: ...

    def moved(self) -> tuple[list[int], list[int]]:
        """Rows that ran since the last call, and rows whose process has ended."""

    def stirred(self, rows: Iterable[int]) -> list[int]:
        """Those of `rows` that may have run since the last `moved`: all but the guarded that did not."""


def choose_gate(files: ProcFiles) -> Gate:
    """The process clock where /proc shows our own pid namespace, else schedstat."""
    try:
        ours = files.link("self") == str(os.getpid())
    except OSError:
        ours = False
    return ClockGate() if ours else SchedstatGate(files)


class _Watch(Generic[Key, Seen]):
    """Rows with what to ask for each and what was last answered, as lists that C loops can run over."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.keys: list[Key] = []
        self._seen: list[Seen] = []
        self._removed: set[int] = set()
        self._guarded = bytearray()  # by row: a byte each, where a dict would take fifty

    def __contains__(self, row: int) -> bool:
        return row < len(self._guarded) and self._guarded[row] == 1

    def add(self, row: int, key: Key, seen: Seen) -> None:
        if row in self._removed:
            self._compact()
        self._guarded.extend(bytes(max(row + 1 - len(self._guarded), 0)))
        self._guarded[row] = 1
        self.rows.append(row)
        self.keys.append(key)
        self._seen.append(seen)

    def remove(self, row: int) -> None:
        if row in self:
            self._guarded[row] = 0
            self._removed.add(row)

    def compare(self, ask: Callable[[list[Key]], list[Seen]], gone: Seen) -> tuple[list[int], list[int]]:
        """Ask again for every row: those with another answer than last time, and those that are gone."""
        if self._removed:
            self._compact()
        now = ask(self.keys)
        changed = list(compress(self.rows, map(ne, self._seen, now)))
        self._seen = now
        if gone not in now:
            return changed, []
        ended = {row for row, new in zip(self.rows, now, strict=True) if new == gone}
        return [row for row in changed if row not in ended], sorted(ended)

    def stirred(self, rows: Iterable[int], ask: Callable[[list[Key]], list[Seen]]) -> list[int]:
        if self._removed:
            self._compact()
        asked = set(rows)
        places = [place for place, row in enumerate(self.rows) if row in asked]
        answers = ask([self.keys[place] for place in places])
        still = {
            self.rows[place]
            for place, answer in zip(places, answers, strict=True)
            if answer == self._seen[place]
        }
        return sorted(asked - still)

    def _compact(self) -> None:
        kept = [index for index, row in enumerate(self.rows) if row not in self._removed]
        self.rows = [self.rows[index] for index in kept]
        self.keys = [self.keys[index] for index in kept]
        self._seen = [self._seen[index] for index in kept]
        self._removed.clear()


class ClockGate:
    """Guards every process by its CPU clock, the one that clock_getcpuclockid(3) names."""

    name = "process clock"

    def __init__(self) -> None:
        self.trusted = False
        self._watch: _Watch[int, int] = _Watch()
        self._own = time.clock_gettime_ns(_clock_id(os.getpid()))

    @staticmethod
    def processes(pids: Collection[int]) -> list[int]:
        """Those that are a process now; a thread has no clock of this kind."""
        clocks = _clocks([_clock_id(pid) for pid in pids])
        return [pid for pid, clock in zip(pids, clocks, strict=True) if clock != -1]

    def guards(self, row: int) -> bool:
        return row in self._watch

    def watch(self, row: int, pid: str, threads: int) -> None:  # noqa: ARG002 - the clock counts every thread
        if row not in self._watch:
            clock = _clock_id(int(pid))
            self._watch.add(row, clock, _clocks([clock])[0])

    def remove(self, row: int) -> None:
        self._watch.remove(row)

    def moved(self) -> tuple[list[int], list[int]]:
        changed, ended = self._watch.compare(_clocks, -1)
        if not self.trusted:
            self.trusted = time.clock_gettime_ns(_clock_id(os.getpid())) != self._own
            changed = [row for row in self._watch.rows if row not in ended]
        return changed, ended

    def stirred(self, rows: Iterable[int]) -> list[int]:
        return self._watch.stirred(rows, _clocks)


class SchedstatGate:
    """Guards processes of one thread by their schedstat file, within the budget of descriptors."""

    name = "schedstat"
    processes = None

    def __init__(self, files: ProcFiles) -> None:
        self.trusted = False
        self._files = files
        self._watch: _Watch[int, bytes] = _Watch()
        self._descriptors: dict[int, int] = {}  # by row
        self._own = self._read_own()

    def __del__(self) -> None:
        for row in [*self._descriptors]:
            self.remove(row)

    def guards(self, row: int) -> bool:
        return row in self._watch

    def watch(self, row: int, pid: str, threads: int) -> None:
        if threads > 1:
            self.remove(row)
            return
        if not self._own or row in self._watch:
            return
        try:
            descriptor = self._files.keep(pid, "schedstat")
        except OSError:
            return
        if descriptor >= 0:
            self._descriptors[row] = descriptor
            self._watch.add(row, descriptor, _schedstats([descriptor])[0])

    def remove(self, row: int) -> None:
        self._watch.remove(row)
        if row in self._descriptors:
            self._files.drop(self._descriptors.pop(row))

    def moved(self) -> tuple[list[int], list[int]]:
        changed, ended = self._watch.compare(_schedstats, b"")
        if not self.trusted:
            self.trusted = self._read_own() != self._own
            changed = [row for row in self._watch.rows if row not in ended]
        return changed, ended

    def stirred(self, rows: Iterable[int]) -> list[int]:
        return self._watch.stirred(rows, _schedstats)

    def _read_own(self) -> bytes:
        os.sched_yield()  # makes the kernel write our run time down
        try:
            return self._files.read("self/schedstat")
        except (*Gone, PermissionError, NotADirectoryError):
            return b""


def _clock_id(pid: int) -> int:
    """Clock number of a process's CPU time: the kernel packs the inverted pid above three bits of kind."""
    return (~pid << 3) | 2


def _clocks(ids: list[int]) -> list[int]:
    """Run time of many processes; -1 where one has ended."""
    return ask_all(map(time.clock_gettime_ns, ids), len(ids), -1)


def _schedstats(descriptors: list[int]) -> list[bytes]:
    """The schedstat files behind kept descriptors; empty where a process has ended."""
    return read_all(descriptors, GATE_SIZE)
