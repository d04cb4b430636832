"""Samples a host through psutil: macOS and Windows, and Linux where it checks the /proc source.

It reads every process at each sample, at ten times the price of the /proc source. What a system does not
tell stays as the table has it for "unknown", never as 0: on macOS nobody's I/O, and as another user than root
not even the CPU time of others' processes. Those are left out, because a process without a value cannot be
summed, and counted as limited. On Windows I/O counts every transfer, pipes and sockets among them, and
descriptors are handles. Page faults are not known on Linux, control groups nowhere.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import psutil

from nrdot.batch import Counter, Gauge, Host, Identity, Table
from nrdot.sample.arguments import fitted
from nrdot.sample.children import Children
from nrdot.sample.host import machine_id
from nrdot.sample.members import Members, close_sample, hidden_before, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nrdot.batch import Batch, Rows
    from nrdot.clock import Clock

TEXT_LIMIT = 4096
YOUNG = 2  # observations within which a process may still exec or change its user
KTHREADD = 2  # pid of the parent of all kernel threads on Linux
MICROSECONDS = 1_000_000
NANOSECONDS = 1_000_000_000

_STATES: Final = {
    psutil.STATUS_RUNNING: "R",
    psutil.STATUS_SLEEPING: "S",
    psutil.STATUS_DISK_SLEEP: "D",
    psutil.STATUS_STOPPED: "T",
    psutil.STATUS_TRACING_STOP: "t",
    psutil.STATUS_ZOMBIE: "Z",
    psutil.STATUS_DEAD: "X",
    "wake-kill": "K",
    psutil.STATUS_WAKING: "W",
    psutil.STATUS_PARKED: "P",
    psutil.STATUS_IDLE: "I",
}
_VALUES: Final = ("name", "ppid", "status", "num_threads", "cpu_times", "memory_info", "io_counters")
_WORDS: Final = ("name", "cmdline", "exe", "username", "uids")
_SYSTEMS: Final = {"win32": "windows"}


class ProcessLibrary(Protocol):
    """What of psutil is used. `nrdot.testing` has one that plays other systems."""

    @property
    def Process(self) -> Callable[[int], psutil.Process]: ...  # noqa: N802 - as psutil has it

    def pids(self) -> list[int]: ...
    def cpu_count(self) -> int | None: ...
    def cpu_times(self) -> Any: ...
    def virtual_memory(self) -> Any: ...
    def boot_time(self) -> float: ...


@dataclass(slots=True)
class _Known:
    """A process and when it started, in microseconds since the epoch as first seen.

    The system's clock may be set right later; the same process keeps the start that it was known by.
    """

    process: psutil.Process
    start: int


@dataclass(slots=True)
class _Look:
    """What one look at all processes found, in the order of their pids."""

    known: list[_Known] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    vanished: int = 0
    refused: int = 0  # processes whose CPU time or memory our rights do not reach


class PsutilSource:
    """Implements `stages.Sampler`.

    `optional` names gauges and counters that cost a further call each; `command_lines` says that they are
    exported, so that a change of them begins a new series.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        host: Host | None = None,
        optional: frozenset[Gauge | Counter] = frozenset(),
        command_lines: bool = False,
        library: ProcessLibrary = psutil,
        system: str = sys.platform,
    ) -> None:
        self._clock = clock
        self._library = library
        self._system = system
        self.host = host or read_host(library, system)
        self.table = Table()
        self._optional = optional
        self._command_lines = command_lines
        self._members = Members(self.table)
        self._children = Children(self.table)
        self._known: dict[int, _Known] = {}
        self._unreadable: set[str] = set()
        self._last: float | None = None
        self._last_wall = 0
        self._attributes = self._available([*_VALUES, *self._optional_attributes()])
        self._words = self._available(_WORDS)

    def glance(self, rows: Rows) -> None:
        """Each process is asked through psutil, which is dear: where ticks are shed, they are shed whole."""

    def sample(self) -> Batch:
        table, now, time_ns = self.table, self._clock.monotonic(), self._clock.wall_ns()
        first = self._last is None
        seconds = 0.0 if self._last is None else now - self._last
        np.copyto(table.previous, table.counters)
        look = self._look()
        meeting = self._members.meet(
            [one.process.pid for one in look.known], [one.start for one in look.known]
        )
        self._children.fit(table.capacity)
        for place in meeting.born:
            self._birth(meeting.rows[place], look.known[place], look.values[place], first=first)
        self._children.inherit(table, meeting.died, self._members.row_of_pid)
        rows = rows_of(meeting.rows)
        moved = self._write(rows, look.values)
        named = self._read_words(meeting.rows, look)
        self._children.end_sample()
        self._last, self._last_wall = now, time_ns
        born = [meeting.rows[place] for place in meeting.born]
        batch = close_sample(
            table,
            replace(self.host, busy=self._busy()),
            time_ns=time_ns,
            seconds=seconds,
            first=first,
            moved=[*moved, *born],
            born=born,
            named=[*named, *born],
            died=meeting.died,
            vanished=look.vanished,
            unreadable=self._unreadable,
        )
        return replace(batch, limited=batch.limited + look.refused)

    # reading

    def _look(self) -> _Look:
        look = _Look()
        known: dict[int, _Known] = {}
        for pid in sorted(self._library.pids()):
            if pid == 0:
                continue  # no process: idle time on Windows, the kernel itself on macOS
            try:
                one = self._process(pid)
                values = one.process.as_dict(self._attributes)
            except psutil.NoSuchProcess:
                look.vanished += 1
                continue
            known[pid] = one
            refused = [name for name in ("cpu_times", "memory_info") if values[name] is None]
            if refused and values["status"] != psutil.STATUS_ZOMBIE:
                look.refused += 1
                self._unreadable.update(refused)
                continue
            look.known.append(one)
            look.values.append(values)
        self._known = known
        return look

    def _process(self, pid: int) -> _Known:
        """The process that has this pid now."""
        one = self._known.get(pid)
        if one is None or not one.process.is_running():
            process = self._library.Process(pid)
            one = _Known(process, round(process.create_time() * MICROSECONDS))
        return one

    def _birth(self, row: int, one: _Known, values: dict[str, Any], *, first: bool) -> None:
        table, hz = self.table, self.host.hz
        born_ns = one.start * 1000
        boot_us = round(self._library.boot_time() * MICROSECONDS)
        table.born_ns[row] = born_ns
        table.start[row] = max(round((one.start - boot_us) * hz / MICROSECONDS), 0)
        found = first or hidden_before(born_ns, self._last_wall)
        table.found[row] = found
        table.parent[row] = values["ppid"] or 0
        charged = _charged(values["cpu_times"], hz)
        self._children.begin(row, charged if found else (0, 0))

    def _read_words(self, rows: list[int], look: _Look) -> list[int]:
        """Words of newcomers, of the young, and of those whose name or parent differs."""
        table, named = self.table, []
        names = [_clean(values["name"] or "") for values in look.values]
        for row, one, name, values in zip(rows, look.known, names, look.values, strict=True):
            parent = values["ppid"] or 0
            before = table.identity[row]
            adopted = parent != table.parent[row]
            if adopted:
                table.parent[row] = parent
                named.append(row)
            elif table.observations[row] >= YOUNG and name == before.name:
                continue
            try:
                identity = self._identity(one.process, parent, values["status"])
            except psutil.NoSuchProcess:
                continue  # it ends with the next look
            identity = replace(identity, owner=before.owner)
            table.identity[row] = identity
            if identity != before:
                named.append(row)
            exported = before if self._command_lines else replace(before, command_line=identity.command_line)
            if adopted or identity != exported:
                table.changed[row] = True
        return named

    def _identity(self, process: psutil.Process, parent: int, status: str) -> Identity:
        words = process.as_dict(self._words)
        if status != psutil.STATUS_ZOMBIE:  # which has none
            self._unreadable.update(name for name in ("cmdline", "exe", "username") if words[name] is None)
        arguments = [_clean(argument) for argument in words["cmdline"] or ()]
        uids = words.get("uids")
        return Identity(
            name=_clean(words["name"] or ""),
            command=arguments[0] if arguments else "",
            command_line=fitted([one.encode() for one in arguments]).decode("utf-8", "replace").rstrip(),
            executable=_clean(words["exe"] or ""),
            uid=uids.real if uids else -1,
            user=_clean(words["username"] or ""),
            kernel=self._system == "linux" and KTHREADD in (process.pid, parent),
        )

    # columns

    def _write(self, rows: Rows, all_values: list[dict[str, Any]]) -> list[int]:
        """Everything that was read; the rows that differ from before."""
        table, hz = self.table, self.host.hz
        counters, gauges = table.counters[:, rows], table.gauges[:, rows]
        state, limited = table.state[rows], table.limited[rows]
        before = counters.copy(), gauges.copy(), state.copy(), limited.copy()
        charged = []
        for at, values in enumerate(all_values):
            state[at] = ord(_STATES.get(values["status"], "?"))
            limited[at] = _fill(counters[:, at], gauges[:, at], values, hz)
            charged.append(_charged(values["cpu_times"], hz))
        table.counters[:, rows], table.gauges[:, rows] = counters, gauges
        table.state[rows], table.limited[rows] = state, limited
        self._children.charge(table, rows, np.array(charged, np.int64).reshape(-1, 2).T)
        if limited.any():
            self._unreadable.add("io_counters")
        differs = (state != before[2]) | (limited != before[3])
        differs |= (table.counters[:, rows] != before[0]).any(axis=0) | (gauges != before[1]).any(axis=0)
        moved: list[int] = rows[differs].tolist()
        return moved

    # the system

    def _busy(self) -> int:
        times = self._library.cpu_times()
        seconds: float = times.user + getattr(times, "nice", 0.0) + times.system
        return round(seconds * self.host.hz)

    def _optional_attributes(self) -> list[str]:
        wanted = []
        if Gauge.DESCRIPTORS in self._optional:
            wanted.append("num_handles" if self._system == "win32" else "num_fds")
        if self._optional & {Counter.SWITCHES_VOLUNTARY, Counter.SWITCHES_INVOLUNTARY}:
            wanted.append("num_ctx_switches")
        return wanted

    def _available(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if hasattr(self._library.Process, name)]


def read_host(library: ProcessLibrary = psutil, system: str = sys.platform) -> Host:
    return Host(
        id=machine_id(),
        name=platform.node(),
        boot=str(round(library.boot_time())),
        cpus=library.cpu_count() or 1,
        memory=library.virtual_memory().total,
        hz=os.sysconf("SC_CLK_TCK") if system == "linux" else MICROSECONDS,
        os=_SYSTEMS.get(system, system),
    )


def _fill(counters: Any, gauges: Any, values: dict[str, Any], hz: int) -> bool:
    """One process's columns; True where its I/O is unknown. What is unknown keeps what the column has."""
    times, memory = values["cpu_times"], values["memory_info"]
    if times is not None:
        counters[Counter.CPU_USER] = round(times.user * hz)
        counters[Counter.CPU_SYSTEM] = round(times.system * hz)
        counters[Counter.CPU_WAIT] = round(getattr(times, "iowait", 0.0) * hz)
    gauges[Gauge.RSS] = memory.rss if memory else 0
    gauges[Gauge.VIRTUAL] = memory.vms if memory else 0
    gauges[Gauge.SHARED] = getattr(memory, "shared", -1)
    counters[Counter.FAULTS_MINOR] = getattr(memory, "num_page_faults", 0) or getattr(memory, "pfaults", 0)
    counters[Counter.FAULTS_MAJOR] = getattr(memory, "pageins", 0)
    gauges[Gauge.THREADS] = values["num_threads"] or 1
    descriptors = values.get("num_fds", values.get("num_handles"))
    gauges[Gauge.DESCRIPTORS] = -1 if descriptors is None else descriptors
    gauges[Gauge.SWAP] = -1
    switches = values.get("num_ctx_switches")
    if switches is not None:
        counters[Counter.SWITCHES_VOLUNTARY] = switches.voluntary
        counters[Counter.SWITCHES_INVOLUNTARY] = switches.involuntary
    io = values.get("io_counters")
    if io is None:
        return True
    counters[Counter.READ] = io.read_bytes
    counters[Counter.WRITTEN] = io.write_bytes
    return False


def _charged(times: Any, hz: int) -> tuple[int, int]:
    """CPU of reaped children, where the system tells."""
    user, system = getattr(times, "children_user", 0.0), getattr(times, "children_system", 0.0)
    return round(user * hz), round(system * hz)


def _clean(text: str) -> str:
    """Valid UTF-8 without NUL, cut: psutil keeps bytes that are no text as lone surrogates."""
    return text[:TEXT_LIMIT].encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "")
