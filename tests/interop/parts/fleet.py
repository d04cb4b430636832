"""A host of one's own making, and what its processes did while an agent looked.

The tree is `testing.hosts.procfs`; here every change goes through methods that add it up as well, so a test
holds what a backend shows against what was done, not against what the agent says was done.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from nrdot.testing.hosts.procfs import FakeProcfs

if TYPE_CHECKING:
    from pathlib import Path


class FakeHost:
    """A machine with a crowd of workers, some services and a shell that starts short-lived children."""

    def __init__(self, root: Path, name: str, workers: int = 40) -> None:
        self.name = name
        self.id = f"{name}-id"
        self.proc = FakeProcfs(root)
        self.did: Counter[tuple[str, str]] = Counter()  # by metric and state or direction; ticks or bytes
        self._next = 5000
        self._since = time.monotonic()
        self.proc.add(1, "init", parent=0)
        self.proc.add(2, "kthreadd", parent=0, cmdline=b"", exe="", flags=0x00200000)
        self.proc.add_kernel_thread(9, "kworker/0:0")
        self.proc.add(77, "agent", own=True)
        self.proc.add(100, "postgres", rss=64 << 20)
        self.proc.add(101, "nginx", rss=8 << 20)
        self.proc.add(102, "sh")
        self.workers = list(range(200, 200 + workers))
        for pid in self.workers:
            self.proc.add(pid, "worker", user=pid, system=7, read=pid * 4096, written=pid * 512)

    @property
    def resource(self) -> dict[str, str]:
        return {"host.name": self.name, "host.id": self.id}

    @property
    def resident(self) -> int:
        """Bytes of resident memory of all processes."""
        return sum(process.rss for process in self.proc.processes.values() if process.has_memory)

    def run(self, pid: int, user: int = 0, system: int = 0, read: int = 0, written: int = 0) -> None:
        self.proc.run(pid, user=user, system=system, read=read, written=written)
        self.did["process.cpu.time", "user"] += user
        self.did["process.cpu.time", "system"] += system
        self.did["process.disk.io", "read"] += read
        self.did["process.disk.io", "write"] += written

    def spend(self, pid: int, user: int) -> None:
        """CPU that nobody may count: the agent does not run."""
        self.proc.run(pid, user=user)

    def start(self, name: str, *, parent: int = 102) -> int:
        self._next += 1
        self._let_time_pass()
        self.proc.add(self._next, name, parent=parent)
        return self._next

    def end(self, pid: int) -> None:
        """Ends and is reaped; what it used since anybody looked is charged to its parent's children."""
        self.proc.exit(pid)

    def _let_time_pass(self) -> None:
        """The machine's uptime keeps pace with ours: by it the agent tells newcomers from those it found."""
        now = time.monotonic()
        self.proc.advance(now - self._since)
        self._since = now
