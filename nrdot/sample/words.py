"""The words of a process: who runs what. Read at birth and when something in them may have changed."""

from __future__ import annotations

import os
import pwd
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from nrdot.batch import Counter, Gauge, Identity
from nrdot.sample.arguments import LINE_LIMIT, READ_LIMIT
from nrdot.sample.files import Gone
from nrdot.sample.parse import (
    KERNEL_THREAD,
    Status,
    arguments,
    full_name,
    status_fields,
    steady_name,
    text,
)

if TYPE_CHECKING:
    from nrdot.batch import Table
    from nrdot.sample.files import ProcFiles

STATUS_SIZE = 16384  # lists of groups, processors and memory nodes make it long
CGROUP_SIZE = 8192
EXECUTABLE_LIMIT = 4096
KEPT = 8192  # words and identities remembered for sharing
DELETED = b" (deleted)"

_SWITCHES = (Counter.SWITCHES_VOLUNTARY, Counter.SWITCHES_INVOLUNTARY)

Said = TypeVar("Said", str, bytes, Identity)


@lru_cache(maxsize=4096)
def user_name(uid: int) -> str:
    """The user's name as this machine knows it; the number where it knows none (another container's user)."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class Words:
    """Reads identities. Files that our rights do not reach are remembered by name, for one log line."""

    def __init__(self, files: ProcFiles) -> None:
        self._files = files
        self.unreadable: set[str] = set()
        self._kept: dict[Any, Any] = {}  # each of them once, however many processes say it

    def read(self, pid: str, raw_name: bytes, flags: int) -> Identity:
        """Everything but the owner. Gone errors mean that the process ended."""
        status = self.status(pid)
        kernel = bool(flags & KERNEL_THREAD)
        name = text(raw_name)
        if kernel:
            return self.once(
                Identity(steady_name(name), uid=status.uid, user=user_name(status.uid), kernel=True)
            )
        command, line = map(self.once, arguments(self._command_line(pid)))
        executable = self.once(self._executable(pid))
        name = self.once(full_name(name, command or executable))
        return self.once(
            Identity(
                name=name,
                command=command or (line and (executable or name)),
                command_line=line,
                executable=executable,
                uid=status.uid,
                user=user_name(status.uid) if status.uid >= 0 else "",
            )
        )

    def once(self, said: Said) -> Said:
        """Equal words, and equal identities, as one object: a host has far fewer of them than processes."""
        if len(self._kept) >= KEPT:
            self._kept.clear()
        kept: Said = self._kept.setdefault(said, said)
        return kept

    def _command_line(self, pid: str) -> bytes:
        try:
            line = self._files.read(f"{pid}/cmdline", LINE_LIMIT)
            return line if len(line) < LINE_LIMIT else self._files.read(f"{pid}/cmdline", READ_LIMIT)
        except PermissionError:
            self.unreadable.add("cmdline")
            return b""

    def status(self, pid: str) -> Status:
        return status_fields(self._files.read(f"{pid}/status", STATUS_SIZE))

    def count(self, table: Table, wanted: frozenset[Gauge | Counter], row: int, pid: str) -> None:
        """Gauges and counters that cost a file each, for who asked for them."""
        if Gauge.DESCRIPTORS in wanted:
            table.gauges[Gauge.DESCRIPTORS, row] = self.descriptors(pid)
        if wanted & {Gauge.SWAP, *_SWITCHES}:
            status = self.status(pid)
            table.gauges[Gauge.SWAP, row] = status.swap
            table.counters[_SWITCHES, row] = status.switches_voluntary, status.switches_involuntary

    def descriptors(self, pid: str) -> int:
        """How many files it has open; -1 where our rights do not reach."""
        try:
            return self._files.count(f"{pid}/fd")
        except PermissionError:
            self.unreadable.add("fd")
            return -1

    def cgroup(self, pid: str) -> str:
        try:
            return self.once(text(self._files.read(f"{pid}/cgroup", CGROUP_SIZE)))
        except PermissionError:
            self.unreadable.add("cgroup")
        except Gone:
            pass  # ended, or a kernel without control groups
        return ""

    def _executable(self, pid: str) -> str:
        """The path, without the kernel's note that an upgrade has deleted the file meanwhile."""
        try:
            path = os.fsencode(self._files.link(f"{pid}/exe"))
            return path.removesuffix(DELETED)[:EXECUTABLE_LIMIT].decode("utf-8", "replace")
        except PermissionError:
            self.unreadable.add("exe")
        except OSError:
            pass  # zombies and kernel threads have none
        return ""
