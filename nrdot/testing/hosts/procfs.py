"""A /proc of plain files, for tests that say exactly what a machine does.

    with FakeProcfs() as proc:
        proc.add(42, "nginx", cmdline=["nginx: worker process"], cgroup="/system.slice/nginx.service")
        proc.run(42, user=3, written=4096)      # 3 ticks of CPU; its schedstat moves as well
        proc.change(42, rss=8 << 20)            # what others do to it while it sleeps
        proc.exit(42)                           # reaped: its CPU goes to the parent's cutime and cstime

What a plain file cannot do: a descriptor kept on a file of the real /proc fails with ESRCH once its process
has ended. Here `remove` empties the files before it unlinks them, so such a descriptor reads nothing, and
readers take an empty `stat`, `io` or `schedstat` for an ended process. Files are rewritten in place, so
a kept descriptor sees what changed, and a pid that is used again gets new files, so it never sees those.

The root of the tree is readable to everybody: with `unprivileged()` a test that runs as root looks at it as
`nobody` would.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nrdot.testing.hosts import procfs_text as text
from nrdot.testing.hosts.procfs_text import KERNEL_THREAD, ORDINARY, FakeProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HZ = 100
NOBODY_UID = 65534
_FIELDS = frozenset(field.name for field in fields(FakeProcess))
_FILES: dict[str, Callable[[FakeProcess], bytes]] = {
    "stat": text.stat,
    "status": text.status,
    "statm": text.statm,
    "io": text.io,
    "schedstat": text.schedstat,
    "cmdline": lambda process: process.cmdline,
    "comm": lambda process: process.name + b"\n",
    "cgroup": lambda process: process.cgroup.encode("utf-8", "surrogateescape"),
}
_STAT_COLUMNS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


class FakeProcfs:
    """A tree that looks like /proc. Without `root` it lives in its own temporary folder until `close`."""

    def __init__(
        self,
        root: Path | None = None,
        *,
        boot: str = "59c3f022-cb56-411f-9bf0-b3b2bbd57cf4",
        boot_time: int = 1_795_228_790,
        uptime: float = 1000.0,
        cpus: int = 2,
        memory: int = 8 << 30,
    ) -> None:
        self._own_root = root is None
        self.root = Path(tempfile.mkdtemp(prefix="proc-")) if root is None else root
        self.root.mkdir(exist_ok=True)
        self.root.chmod(0o755)
        self.boot_time = boot_time
        self.uptime = uptime
        self.cpus = cpus
        self.own = 0  # the pid that /proc/self names, 0 while there is none
        self.forks = 0  # processes ever made, as /proc/stat counts them
        self.totals = dict.fromkeys(_STAT_COLUMNS, 0)
        self.processes: dict[int, FakeProcess] = {}
        self._written: dict[Path, bytes] = {}
        self._denied: set[Path] = set()
        self._descriptors: dict[int, int] = {}
        (self.root / "sys/kernel/random").mkdir(parents=True)
        self.write("sys/kernel/random/boot_id", f"{boot}\n".encode())
        self.write("meminfo", _meminfo(memory))
        self._write_uptime()
        self.set_stat_totals()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the tree, where this object made it."""
        if self._own_root:
            shutil.rmtree(self.root, ignore_errors=True)

    # Processes

    def add(
        self,
        pid: int,
        name: str | bytes = "sleep",
        *,
        cmdline: Sequence[str | bytes] | bytes | None = None,
        cgroup: str = "/",
        own: bool = False,
        **values: Any,
    ) -> FakeProcess:
        """Start a process now, with any field of FakeProcess.

        `cmdline` is a list of arguments, or the bytes of the file; without it the name is the only argument.
        `cgroup` is a path of cgroup v2, or the whole text of the file. `own` makes /proc/self point here.
        """
        if pid in self.processes:
            raise ValueError(f"pid {pid} is in use; remove it first")
        raw = name.encode() if isinstance(name, str) else name
        process = FakeProcess(
            pid=pid,
            name=raw,
            start=values.pop("start", round(self.uptime * HZ)),
            cmdline=_arguments([raw] if cmdline is None else cmdline),
            exe=values.pop("exe", f"/usr/bin/{raw.decode('utf-8', 'surrogateescape')}".replace("\n", "")),
            cgroup=_cgroup(cgroup),
        )
        self.processes[pid] = process
        self.forks += 1
        self.set_stat_totals()
        (self.root / str(pid) / "fd").mkdir(parents=True)
        self.write(f"{pid}/limits", text.limits(files=20000))
        if own:
            self.own = pid
            (self.root / "self").unlink(missing_ok=True)
            (self.root / "self").symlink_to(str(pid))
        self.change(pid, **values)
        return process

    def add_kernel_thread(self, pid: int, name: str = "kworker/0:1", **values: Any) -> FakeProcess:
        """Start one: no memory, no arguments, no executable, child of kthreadd."""
        settings = {"parent": 2, "flags": KERNEL_THREAD, "exe": "", "state": "I", "descriptors": 0, **values}
        return self.add(pid, name, cmdline=b"", **settings)

    def change(self, pid: int, **values: Any) -> None:
        """Set fields without running the process: what others do to it while it sleeps."""
        if unknown := values.keys() - _FIELDS:
            raise TypeError(f"a FakeProcess has no {', '.join(sorted(unknown))}")
        process = self.processes[pid]
        for key, value in values.items():
            if key == "cmdline":
                value = _arguments(value)  # noqa: PLW2901 - the field holds the file's bytes
            elif key == "cgroup":
                value = _cgroup(value)  # noqa: PLW2901
            setattr(process, key, value)
        self._write_process(process)

    def run(self, pid: int, *, user: int = 0, system: int = 0, gate: bool = True, **growth: int) -> None:
        """Let the process run for `user` and `system` ticks of CPU; any other counter grows by what is given.

        Its schedstat advances even when no whole tick was used. `gate=False` leaves it alone: that is what
        the kernel shows when another thread than the main one runs.
        """
        process = self.processes[pid]
        if gate:
            process.run_ns += max((user + system) * 1_000_000_000 // HZ, 1)
            process.slices += 1
        grown = {key: getattr(process, key) + value for key, value in growth.items()}
        self.change(pid, user=process.user + user, system=process.system + system, **grown)

    def replace_program(self, pid: int, name: str, **values: Any) -> None:
        """Exec: a new name, command line and executable under the same pid and start."""
        self.run(pid)
        self.change(pid, **{"name": name.encode(), "cmdline": [name], "exe": f"/usr/bin/{name}", **values})

    def die(self, pid: int) -> None:
        """End the process and leave a zombie, as long as its parent does not ask."""
        self.change(pid, state="Z", cmdline=b"", exe="", threads=1, descriptors=0, flags=ORDINARY | 0x4)
        (self.root / str(pid) / "exe").unlink(missing_ok=True)

    def exit(self, pid: int) -> None:
        """End the process and reap it: its CPU and that of its own children go to the parent."""
        process = self.processes[pid]
        self.remove(pid)
        if (parent := self.processes.get(process.parent)) is not None:
            parent.child_user += process.user + process.child_user
            parent.child_system += process.system + process.child_system
            self.run(parent.pid)

    def remove(self, pid: int) -> None:
        """Take the process away, charged to nobody; kept descriptors read nothing from now on."""
        del self.processes[pid]
        folder = self.root / str(pid)
        folder.chmod(0o755)
        self._denied.discard(folder)
        for path in [folder / name for name in (*_FILES, "limits")]:
            path.chmod(0o644)
            path.write_bytes(b"")
            self._denied.discard(path)
            del self._written[path]
        self._descriptors.pop(pid, None)
        shutil.rmtree(folder)

    # Rights

    def deny(self, pid: int, *names: str) -> None:
        """Let only root read these files, or the whole folder (hidepid=1). See `unprivileged`."""
        for path in self._paths(pid, names):
            self._denied.add(path)
            path.chmod(0)

    def allow(self, pid: int, *names: str) -> None:
        for path in self._paths(pid, names):
            self._denied.discard(path)
            path.chmod(0o755)

    def _paths(self, pid: int, names: Sequence[str]) -> list[Path]:
        folder = self.root / str(pid)
        return [folder / name for name in names] or [folder]

    # The machine

    def advance(self, seconds: float) -> None:
        """Time passes on the fake machine; processes added later start later."""
        self.uptime += seconds
        self._write_uptime()

    def set_stat_totals(self, **ticks: int) -> None:
        """Write the `cpu` lines of /proc/stat; columns that are not named keep what they had."""
        if unknown := ticks.keys() - self.totals.keys():
            raise TypeError(f"/proc/stat has no {', '.join(sorted(unknown))}")
        self.totals.update(ticks)
        each = {key: value // self.cpus for key, value in self.totals.items()}
        lines = [f"cpu  {' '.join(map(str, self.totals.values()))} 0 0"]
        lines += [f"cpu{number} {' '.join(map(str, each.values()))} 0 0" for number in range(self.cpus)]
        lines += ["intr 0", "ctxt 0", f"btime {self.boot_time}", f"processes {self.forks}"]
        lines += ["procs_running 1", "procs_blocked 0"]
        self.write("stat", ("\n".join(lines) + "\n").encode())

    def write(self, path: str, data: bytes) -> None:
        """Any file below the root, rewritten in place."""
        target = self.root / path
        if self._written.get(target) == data:
            return
        if target in self._denied:
            target.chmod(0o644)
        # In place and in one write: descriptors that were kept on the file go on reading it.
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, data)
            os.ftruncate(descriptor, len(data))
        finally:
            os.close(descriptor)
        if target in self._denied:
            target.chmod(0)
        self._written[target] = data

    def _write_uptime(self) -> None:
        self.write("uptime", f"{self.uptime:.2f} {self.uptime * self.cpus:.2f}\n".encode())

    def _write_process(self, process: FakeProcess) -> None:
        folder = self.root / str(process.pid)
        folder.chmod(0o755)
        for name, render in _FILES.items():
            self.write(f"{process.pid}/{name}", render(process))
        link = folder / "exe"
        if process.exe and (not link.is_symlink() or str(link.readlink()) != process.exe):
            link.unlink(missing_ok=True)
            link.symlink_to(process.exe)
        have = self._descriptors.get(process.pid, 0)
        for number in range(have, process.descriptors):
            (folder / "fd" / str(number)).symlink_to("/dev/null")
        for number in range(process.descriptors, have):
            (folder / "fd" / str(number)).unlink()
        self._descriptors[process.pid] = process.descriptors
        if folder in self._denied:
            folder.chmod(0)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Look at files as `nobody` would though the test runs as root; for anybody else it changes nothing."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(NOBODY_UID)
    os.seteuid(NOBODY_UID)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def _arguments(value: Sequence[str | bytes] | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    words = (word.encode("utf-8", "surrogateescape") if isinstance(word, str) else word for word in value)
    return b"".join(word + b"\0" for word in words)


def _meminfo(memory: int) -> bytes:
    parts = {"MemTotal": 1, "MemFree": 4, "MemAvailable": 2, "Buffers": 16, "Cached": 4}
    parts |= {"Active": 8, "Inactive": 8, "Shmem": 64, "Slab": 64}
    return "".join(
        f"{key + ':':<15} {memory // share // 1024:8d} kB\n" for key, share in parts.items()
    ).encode()


def _cgroup(value: str) -> str:
    return f"0::{value}\n" if value.startswith("/") else value
