"""A psutil that plays systems which the tests do not run on.

    mac = FakeLibrary(MACOS)
    mac.add(42, "launchd", cpu_times=None)     # None: our rights do not reach it

A process has the attributes that psutil offers on that system and no others.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_EVERYWHERE = (
    "name", "ppid", "status", "num_threads", "cpu_times", "memory_info", "cmdline", "exe", "username",
    "create_time", "num_ctx_switches",
)  # fmt: skip
MACOS = (*_EVERYWHERE, "uids", "num_fds")
WINDOWS = (*_EVERYWHERE, "io_counters", "num_handles")


def times(**seconds: float) -> SimpleNamespace:
    """CPU times, memory or I/O: whatever fields the system's own tuple has."""
    return SimpleNamespace(**seconds)


class FakeLibrary:
    """Processes by pid, each a dictionary of what its attributes answer."""

    def __init__(self, attributes: Iterable[str], *, boot_time: float = 1_795_228_790.0) -> None:
        self.processes: dict[int, dict[str, Any]] = {}
        self._boot_time = boot_time
        self.busy = times(user=0.0, nice=0.0, system=0.0)
        methods = {name: _answer(name) for name in attributes}
        self._process = type("Process", (_Process,), {"library": self, **methods})

    @property
    def Process(self) -> Callable[[int], psutil.Process]:  # noqa: N802 - as psutil has it
        return self._process

    def add(self, pid: int, name: str, **answers: Any) -> None:
        """Start a process; the same pid again is another process."""
        self.processes[pid] = {
            "name": name,
            "ppid": 1,
            "status": psutil.STATUS_SLEEPING,
            "num_threads": 1,
            "cpu_times": times(user=0.0, system=0.0),
            "memory_info": times(rss=4096, vms=8192),
            "io_counters": times(read_bytes=0, write_bytes=0),
            "cmdline": [name],
            "exe": f"/usr/bin/{name}",
            "username": "me",
            "uids": times(real=501),
            "create_time": self._boot_time + pid,
            "num_fds": 3,
            "num_handles": 7,
            "num_ctx_switches": times(voluntary=1, involuntary=2),
            **answers,
        }

    def pids(self) -> list[int]:
        return list(self.processes)

    def cpu_count(self) -> int | None:
        return 8

    def cpu_times(self) -> Any:
        return self.busy

    def virtual_memory(self) -> Any:
        return times(total=16 << 30)

    def boot_time(self) -> float:
        return self._boot_time


class _Process:
    library: FakeLibrary

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._answers = self.library.processes[pid]

    def is_running(self) -> bool:
        return self.library.processes.get(self.pid) is self._answers

    def as_dict(self, attributes: Iterable[str]) -> dict[str, Any]:
        if not self.is_running() or self._answers.get("ends_while_read"):
            raise psutil.NoSuchProcess(self.pid)
        return {name: getattr(self, name)() for name in attributes}


def _answer(name: str) -> Callable[[_Process], Any]:
    return lambda process: process._answers[name]  # noqa: SLF001 - its own method
