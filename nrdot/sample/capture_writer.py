"""Recording: a batch a line. `capture` describes the format.

A process is written in full when anything of it differs from the line before, else as pid and start alone.
Each line is flushed, compressed as a zstd frame of its own, so a recorder that is killed leaves every tick
that it has written; half a line that a full disk let through is taken back.

Command lines may hold secrets and are left out, argv[0] reduced to its first word, unless a function is
given that takes the secrets out.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np
import zstandard

from nrdot.batch import Counter, Gauge, Table
from nrdot.errors import CaptureError
from nrdot.sample.capture import COMPRESSED, VERSION, CapturedHost

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nrdot.batch import Batch, Host, Identity, Owner

_LEVEL = 3
_COLUMNS = ("pid", "start", "born_ns", "parent", "state", "limited", "counters", "gauges")


def _private(path: str, flags: int) -> int:
    """Command lines and owners of every process: a new file is its maker's alone."""
    return os.open(path, flags, 0o600)


class CaptureWriter:
    """Writes one file, which it begins anew. Raises CaptureError where it cannot.

    `redact` takes the secrets out of a command line; without it command lines are left out.
    """

    def __init__(self, path: Path, *, redact: Callable[[str], str] | None = None) -> None:
        self.path = path
        self.ticks = 0
        self.size = 0  # bytes of the file
        self._redact = redact
        self._encoder = msgspec.json.Encoder()
        self._compressor = zstandard.ZstdCompressor(_LEVEL) if path.name.endswith(COMPRESSED) else None
        self._last: dict[str, np.ndarray] = {}  # columns as they were written last
        self._identities: list[Identity] = []
        self._cgroups: list[str] = []
        self._short: dict[int, bytes] = {}  # pid and start by row, for all that were written
        try:
            self._file = open(path, "wb", buffering=0, opener=_private)  # noqa: SIM115 - closed by `close`
        except OSError as error:
            raise CaptureError(f"{path}: cannot be written: {error.strerror}; nothing is recorded") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def write(self, batch: Batch) -> None:
        """Append one tick, after `identify` so that labels are known."""
        table = batch.table
        differs = self._differing(table)
        newcomers = dict.fromkeys(batch.born.tolist())
        parts = []
        for row in batch.living.tolist():
            if row in newcomers:
                continue
            if row not in self._short:
                newcomers[row] = None  # it lived before we began to record
            elif row in differs:
                parts.append(self._full(table, row, batch.host.hz))
            else:
                parts.append(self._short[row])
        # Newcomers come last and in the order in which their rows were opened: a replay opens the same rows.
        for row in newcomers:
            self._short[row] = self._encoder.encode(
                {"pid": int(table.pid[row]), "start": int(table.born_ns[row])}
            )
            parts.append(self._full(table, row, batch.host.hz))
        self._append(self._head(batch) + b",".join(parts) + b"]}\n")
        self.ticks += 1

    def _differing(self, table: Table) -> set[int]:
        """Rows of which anything differs from what was written last."""
        columns = {name: getattr(table, name) for name in _COLUMNS}
        width = self._last["pid"].shape[0] if self._last else 0
        differs = np.ones(table.capacity, np.bool_)
        differs[:width] = False
        for name, column in columns.items():
            if width:
                unlike = column[..., :width] != self._last[name]
                differs[:width] |= unlike.any(axis=0) if unlike.ndim > 1 else unlike
        rows = set(np.flatnonzero(differs).tolist())
        for row, (old, new) in enumerate(zip(self._identities, table.identity, strict=False)):
            if old is not new:
                rows.add(row)
        for row, (before, now) in enumerate(zip(self._cgroups, table.cgroup, strict=False)):
            if before is not now and before != now:
                rows.add(row)
        self._last = {name: column.copy() for name, column in columns.items()}
        self._identities, self._cgroups = list(table.identity), list(table.cgroup)
        return rows

    def _head(self, batch: Batch) -> bytes:
        head = {"v": VERSION, "t": batch.time_ns, "seconds": batch.seconds, "host": _host(batch.host)}
        return self._encoder.encode(head)[:-1] + b',"procs":['

    def _full(self, table: Table, row: int, hz: int) -> bytes:
        """The documented fields always, what our own replay needs beside them where it says something."""
        identity, limited = table.identity[row], bool(table.limited[row])
        counters, gauges = table.counters[:, row].tolist(), table.gauges[:, row].tolist()
        process = {
            "pid": int(table.pid[row]),
            "ppid": int(table.parent[row]),
            "start": int(table.born_ns[row]),
            "name": identity.name,
            **self._command(identity),
            "user": identity.user,
            "state": chr(table.state[row]) if table.state[row] else "",
            "threads": gauges[Gauge.THREADS],
            "cpu_user": counters[Counter.CPU_USER] / hz,
            "cpu_system": counters[Counter.CPU_SYSTEM] / hz,
            "rss": gauges[Gauge.RSS],
            "vsize": gauges[Gauge.VIRTUAL],
            "read": None if limited else counters[Counter.READ],
            "write": None if limited else counters[Counter.WRITTEN],
            "cgroup": _cgroup(table.cgroup[row]),
            "start_ticks": int(table.start[row]),
        }
        if identity.uid >= 0:
            process["uid"] = identity.uid
        if gauges[Gauge.SHARED] >= 0:
            process["shared"] = gauges[Gauge.SHARED]
        return self._encoder.encode(
            process | _optional(identity, counters, gauges, hz) | _owner(identity.owner)
        )

    def _command(self, identity: Identity) -> dict[str, str]:
        if self._redact is None:
            return {"argv0": identity.command.partition(" ")[0]}
        line, command = self._redact(identity.command_line), self._redact(identity.command)
        return {"cmd": line} if command == line.partition(" ")[0] else {"cmd": line, "argv0": command}

    def _append(self, line: bytes) -> None:
        data = self._compressor.compress(line) if self._compressor else line
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:]) or 0
        except OSError as error:
            with suppress(OSError):  # a pipe cannot take half a line back
                self._file.truncate(self.size)
            raise CaptureError(
                f"{self.path}: cannot be written: {error.strerror}; its first {self.ticks} ticks can be read"
            ) from error
        self.size += len(data)


def _optional(identity: Identity, counters: list[int], gauges: list[int], hz: int) -> dict[str, object]:
    unseen = (counters[Counter.CHILD_USER] / hz, counters[Counter.CHILD_SYSTEM] / hz)
    values = {
        "exe": identity.executable,
        "kernel": identity.kernel,
        "cpu_wait": counters[Counter.CPU_WAIT] / hz,
        "faults": _pair(counters, Counter.FAULTS_MINOR),
        "switches": _pair(counters, Counter.SWITCHES_VOLUNTARY),
        "unseen": unseen if any(unseen) else None,
    }
    known = {"fds": gauges[Gauge.DESCRIPTORS], "swap": gauges[Gauge.SWAP]}
    return {key: value for key, value in values.items() if value} | {
        key: value for key, value in known.items() if value >= 0
    }


def _pair(counters: list[int], first: Counter) -> list[int] | None:
    pair = counters[first : first + 2]
    return pair if any(pair) else None


def _owner(owner: Owner) -> dict[str, object]:
    """What the cgroup does not tell. The rest a replay finds in it again."""
    pod = (owner.pod, owner.namespace, owner.workload)
    values = {
        "labels": dict(owner.labels),
        "pod": pod if any(pod) else None,
        "attributes": dict(owner.attributes),
    }
    return {key: value for key, value in values.items() if value}


def _cgroup(text: str) -> str:
    """The path alone where there is but one hierarchy, cgroup v2."""
    path = text.removeprefix("0::")
    return path[:-1] if path.startswith("/") and path.find("\n") == len(path) - 1 else text


def _host(host: Host) -> CapturedHost:
    return CapturedHost(
        id=host.id,
        name=host.name,
        boot=host.boot,
        cpus=host.cpus,
        memory=host.memory,
        hz=host.hz,
        os=host.os,
        busy=host.busy / host.hz,
        attributes=dict(host.attributes),
    )
