"""A capture instead of a machine: the same table, tick by tick, as fast as the stages behind it go.

The clock is the capture's: `ReplaySource.clock` stands at the `t` of the tick that was sampled last, so
whatever is built on it (schedules, grace, hold times) runs in the capture's time.
"""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from nrdot.batch import NOBODY, Counter, Gauge, Host, Identity, Owner, Table
from nrdot.sample.arguments import LINE_LIMIT, fitted
from nrdot.sample.capture import CapturedHost, CaptureReader
from nrdot.sample.children import Children
from nrdot.sample.members import Members, close_sample, hidden_before, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from threading import Event

    from numpy.typing import NDArray

    from nrdot.batch import Batch, Rows
    from nrdot.sample.capture import CapturedProcess, CapturedTick
    from nrdot.sample.members import Meeting

TEXT_LIMIT = 4096  # characters of a word that are kept
CGROUP_LIMIT = 8192
NANOSECONDS = 1_000_000_000

_WORDS = attrgetter(
    "name", "cmd", "argv0", "exe", "user", "uid", "kernel", "cgroup", "labels", "pod", "attributes"
)
_CPU = attrgetter("cpu_user", "cpu_system", "cpu_wait")
_IO = attrgetter("read", "write")
_CHILDREN, _NO_CHILDREN = attrgetter("unseen", "cutime", "cstime"), (None, None, None)
_FAULTS, _SWITCHES = attrgetter("faults"), attrgetter("switches")
_STATE, _PARENT, _NAME = attrgetter("state"), attrgetter("ppid"), attrgetter("name")
_STATES = {chr(code): code for code in range(128)}


class ReplayClock:
    """Stands at the tick that was replayed last. Waiting takes no time."""

    def __init__(self) -> None:
        self._wall_ns = 0
        self._monotonic = 0.0

    def wall_ns(self) -> int:
        return self._wall_ns

    def monotonic(self) -> float:
        return self._monotonic

    def wait(self, event: Event, seconds: float) -> bool:  # noqa: ARG002 - the capture says how time goes by
        return event.is_set()

    def _move(self, wall_ns: int, seconds: float) -> None:
        self._wall_ns = wall_ns
        self._monotonic += seconds


class ReplaySource:
    """Implements `stages.Sampler` from one capture of one host. Opening raises CaptureError as `sample` does.

    `command_lines` says that they are exported, so that a change of them begins a new series.
    """

    def __init__(self, path: Path, *, command_lines: bool = False) -> None:
        self.table = Table()
        self.clock = ReplayClock()
        self.reader = CaptureReader(path)
        self._ticks: Iterator[CapturedTick] = iter(self.reader)
        self._command_lines = command_lines
        self._members = Members(self.table)
        self._children = Children(self.table)
        self._described = CapturedHost()
        self._host = _host(self._described, path.name)
        self._words: dict[int, tuple[Any, ...]] = {}
        self._given: dict[int, Owner] = {}
        self._first = True
        # Read ahead, so that the host is known before its first sample.
        self._ahead = next(self._ticks, None)
        if self._ahead is not None and self._ahead.host is not None:
            self._host = _host(self._ahead.host, path.name)

    @property
    def host(self) -> Host:
        return self._host

    @property
    def next_ns(self) -> int | None:
        """The `t` of the next tick; None behind the last one. Raises CaptureError where it is broken."""
        self._ahead = self._ahead or next(self._ticks, None)
        return None if self._ahead is None else self._ahead.t

    def glance(self, rows: Rows) -> None:
        """A capture has nothing between two ticks."""

    def sample(self) -> Batch:
        """The next tick. Raises CaptureError where it is broken and StopIteration behind the last one."""
        tick = self._next()
        first, self._first = self._first, False
        last_ns = self.clock.wall_ns()
        seconds = 0.0 if first else self._seconds(tick, last_ns)
        ended = self._settle_host(tick.host, first=first)
        self.clock._move(tick.t, seconds)  # noqa: SLF001 - the two are one thing

        table, procs = self.table, tick.procs
        np.copyto(table.previous, table.counters)
        try:
            meeting = self._members.meet([p.pid for p in procs], [p.start for p in procs])
        except ValueError as error:
            raise self.reader.error(f"{error}; a tick names each process once") from error
        self._births(procs, meeting, None if first else last_ns)
        full = [place for place, name in enumerate(map(_NAME, procs)) if name is not None]
        rows = rows_of([meeting.rows[place] for place in full])
        died = [*ended, *meeting.died]
        self._children.inherit(table, died, self._members.row_of_pid)
        named = self._write([procs[place] for place in full], rows)
        self._children.end_sample()
        born = [meeting.rows[place] for place in meeting.born]
        return close_sample(
            table,
            self._host,
            time_ns=tick.t,
            seconds=seconds,
            first=first,
            moved=rows,
            born=born,
            named=[*named, *born],
            died=died,
        )

    def _next(self) -> CapturedTick:
        tick, self._ahead = self._ahead or next(self._ticks, None), None
        if tick is None:
            if self._first:
                raise self.reader.error("the capture ends before its first tick; record it anew")
            raise StopIteration
        return tick

    def _seconds(self, tick: CapturedTick, last_ns: int) -> float:
        if tick.seconds is not None:
            return tick.seconds
        return max(tick.t - last_ns, 0) / NANOSECONDS

    def _settle_host(self, described: CapturedHost | None, *, first: bool) -> Sequence[int]:
        """Host facts of this tick; the rows that a new boot ended."""
        if described is None or described == self._described:
            return ()
        before, self._described = self._described, described
        host, old = _host(described, self.reader.path.name), self._host
        if not first and host.id != old.id:
            raise self.reader.error(
                f"host {host.id} in a capture of {old.id}; write one capture for each host"
            )
        self._host = host
        if not first and (before.boot, before.hz) != (described.boot, described.hz):
            return self._members.meet([], []).died
        return ()

    def _births(self, procs: list[CapturedProcess], meeting: Meeting, last_ns: int | None) -> None:
        table, hz = self.table, self._host.hz
        self._children.fit(table.capacity)
        for place in meeting.born:
            process, row = procs[place], meeting.rows[place]
            if process.name is None:
                raise self.reader.error(
                    f"process {process.pid} is listed as unchanged, but no tick before told of it"
                )
            ticks = process.start_ticks
            table.start[row] = process.start * hz // NANOSECONDS if ticks is None else ticks
            table.born_ns[row] = process.start
            found = last_ns is None or hidden_before(process.start, last_ns)
            table.found[row] = found
            charged = (round((process.cutime or 0) * hz), round((process.cstime or 0) * hz))
            self._children.begin(row, charged if found else (0, 0))
            self._words.pop(row, None)

    # columns

    def _write(self, full: list[CapturedProcess], rows: Rows) -> list[int]:
        """Everything of the processes listed in full, and the rows whose words or parent differ."""
        if not full:
            return []
        table, hz = self.table, self._host.hz
        try:
            sizes = np.array(list(map(_sizes, full)), np.int64).T
        except TypeError:  # a null among them
            raise self._incomplete(full) from None
        cpu = np.array(list(map(_CPU, full)), np.float64).T
        if np.isnan(cpu).any():
            raise self._incomplete(full)
        table.counters[: Counter.CPU_WAIT + 1, rows] = np.rint(cpu * hz)
        table.gauges[: Gauge.SWAP + 1, rows] = sizes
        for first, pairs in ((Counter.FAULTS_MINOR, _FAULTS), (Counter.SWITCHES_VOLUNTARY, _SWITCHES)):
            given = list(map(pairs, full))
            table.counters[first : first + 2, rows] = _pairs(given).T if any(given) else 0
        table.state[rows] = [_STATES.get(state[:1], 0) for state in map(_STATE, full)]
        self._write_io(full, rows)
        self._write_children(full, rows)
        parents = np.array(list(map(_PARENT, full)), np.int64)
        adopted = rows[table.parent[rows] != parents]
        table.parent[rows] = parents
        table.changed[adopted] = True
        return [*adopted.tolist(), *self._write_words(full, rows.tolist())]

    def _write_io(self, full: list[CapturedProcess], rows: Rows) -> None:
        """A counter that is not readable for now keeps what it had: it never goes back."""
        pairs = list(map(_IO, full))
        limited = np.array([None in pair for pair in pairs], np.bool_)
        self.table.limited[rows] = limited
        values = np.array([pair for pair in pairs if None not in pair], np.int64).reshape(-1, 2)
        self.table.counters[Counter.READ : Counter.WRITTEN + 1, rows[~limited]] = values.T

    def _write_children(self, full: list[CapturedProcess], rows: Rows) -> None:
        """CPU of children that no tick saw: as our recorder counted it, or from what the kernel counts."""
        hz, told = self._host.hz, list(map(_CHILDREN, full))
        if told.count(_NO_CHILDREN) == len(told):
            return
        counted = [
            (row, unseen) for row, (unseen, *_) in zip(rows.tolist(), told, strict=True) if unseen is not None
        ]
        if counted:
            values = np.rint(np.array([unseen for _, unseen in counted], np.float64) * hz)
            where = rows_of(row for row, _ in counted)
            self.table.counters[[Counter.CHILD_USER, Counter.CHILD_SYSTEM], where[:, None]] = values
        charged = [
            (row, user or 0.0, system or 0.0)
            for row, (unseen, user, system) in zip(rows.tolist(), told, strict=True)
            if unseen is None and (user is not None or system is not None)
        ]
        if charged:
            where = rows_of(row for row, _, _ in charged)
            ticks = np.rint(np.array([times for _, *times in charged], np.float64).T * hz).astype(np.int64)
            self._children.charge(self.table, where, ticks)

    def _write_words(self, full: list[CapturedProcess], rows: list[int]) -> list[int]:
        table, named = self.table, []
        for row, words, process in zip(rows, map(_WORDS, full), full, strict=True):
            old = self._words.get(row)
            if words == old:
                continue
            self._words[row] = words
            named.append(row)
            table.cgroup[row] = _cgroup(process.cgroup)
            given = _owner(process)
            # What `identify` made of it stays while the capture gives the same; else it begins again.
            same = old is not None and given == self._given.get(row)
            identity = _identity(process, table.identity[row].owner if same else given)
            self._given[row] = given
            before, table.identity[row] = table.identity[row], identity
            exported = before if self._command_lines else replace(before, command_line=identity.command_line)
            if identity != exported:
                table.changed[row] = True
        return named

    def _incomplete(self, full: list[CapturedProcess]) -> Exception:
        for process in full:
            for field in ("cpu_user", "cpu_system", "rss"):
                if getattr(process, field) is None:
                    return self.reader.error(f"process {process.pid} has a name but no {field}")
        return self.reader.error("a process is incomplete")


def _sizes(process: CapturedProcess) -> tuple[int | None, ...]:
    """In the order of `Gauge`; -1 is unknown, and only what every process must have stays None."""
    shared, fds, swap = process.shared, process.fds, process.swap
    return (
        process.rss,
        process.vsize,
        -1 if shared is None else shared,
        process.threads,
        -1 if fds is None else fds,
        -1 if swap is None else swap,
    )


def _pairs(values: Sequence[Sequence[int] | int]) -> NDArray[np.int64]:
    return np.array([(value, 0) if isinstance(value, int) else value for value in values], np.int64)


def _cgroup(text: str) -> str:
    """Captures hold the path alone where there is but one hierarchy, cgroup v2."""
    text = text[:CGROUP_LIMIT]
    return f"0::{text}\n" if text.startswith("/") else text


def _identity(process: CapturedProcess, owner: Owner) -> Identity:
    line = process.cmd.replace("\0", "")
    if len(line) > LINE_LIMIT:
        line = fitted(line.encode("utf-8", "replace").split(b" ")).decode("utf-8", "replace")
    return Identity(
        name=_clean(process.name or ""),
        command=line.partition(" ")[0] if process.argv0 is None else _clean(process.argv0),
        command_line=line,
        executable=_clean(process.exe),
        uid=process.uid,
        user=_clean(process.user),
        kernel=process.kernel,
        owner=owner,
    )


def _owner(process: CapturedProcess) -> Owner:
    if not process.labels and process.pod is None and not process.attributes:
        return NOBODY
    pod, namespace, workload = process.pod or ("", "", "")
    return Owner(
        pod=pod,
        namespace=namespace,
        workload=workload,
        labels=tuple(sorted((process.labels or {}).items())),
        attributes=tuple(sorted((process.attributes or {}).items())),
    )


def _clean(text: str) -> str:
    return text[:TEXT_LIMIT].replace("\0", "")


def _host(described: CapturedHost, file_name: str) -> Host:
    """A host that its capture does not name is named after the file."""
    identifier = described.id or file_name.partition(".")[0]
    return Host(
        id=identifier,
        name=described.name or identifier,
        boot=described.boot,
        cpus=described.cpus,
        memory=described.memory,
        hz=described.hz,
        os=described.os,
        busy=round(described.busy * described.hz),
        attributes=tuple(described.attributes.items()),
    )
