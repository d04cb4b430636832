"""The kernel's own account of what a program holds: a control group of its own, version 2 or 1.

Kernel memory (the buffers behind kept descriptors, dentries, inodes, sockets) is outside RSS; only the
control group's account or the machine's slab total shows it.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOUNT = Path("/sys/fs/cgroup")
# Version, hierarchy, and the file that is there when memory is accounted in it.
KINDS = ((2, MOUNT, "memory.current"), (1, MOUNT / "memory", "memory.kmem.usage_in_bytes"))
SETTLE = 15  # seconds that the kernel may need to let an emptied group go


@dataclass(frozen=True, slots=True)
class Cgroup:
    """An account; without a folder it is the machine's slab total since the start, an estimate."""

    folder: Path | None
    version: int
    slab_before: int

    def wrap(self, command: Sequence[str]) -> list[str]:
        """The command, inside the group before it becomes the program: memory is charged where it is made."""
        if self.folder is None:
            return list(command)
        enter = f'echo $$ > "{self.folder}/cgroup.procs" && exec "$@"'
        return ["/bin/sh", "-c", enter, "sh", *command]

    def total(self) -> int | None:
        if self.folder is None:
            return None
        name = "memory.current" if self.version == 2 else "memory.usage_in_bytes"
        return int((self.folder / name).read_text())

    def kernel(self) -> int:
        if self.folder is None:
            return slab() - self.slab_before
        if self.version == 1:
            return int((self.folder / "memory.kmem.usage_in_bytes").read_text())
        stat = dict(line.split() for line in (self.folder / "memory.stat").read_text().splitlines())
        return int(stat.get("kernel", stat["slab"]))

    def source(self) -> str:
        if self.folder is None:
            return "growth of the machine's slab, an estimate: no control group could be made"
        return f"control group, version {self.version}"


@contextmanager
def own_group() -> Iterator[Cgroup]:
    """A group for one program, removed afterwards. The program must have ended by then."""
    folder, version = make()
    try:
        yield Cgroup(folder, version, slab())
    finally:
        if folder is not None:
            remove(folder)


def make() -> tuple[Path | None, int]:
    for version, hierarchy, proof in KINDS:
        folder = hierarchy / f"nrdot-bench-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        if (folder / proof).exists():
            return folder, version
        folder.rmdir()
    return None, 0


def remove(folder: Path) -> None:
    deadline = time.monotonic() + SETTLE
    while True:
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def slab() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Slab:"):
            return int(line.split()[1]) * 1024
    return 0
