"""The one file that opens /proc.

A kept descriptor on a file of /proc skips the walk along the path at each read, and it never speaks of
another process: once its process has ended, reads fail with ESRCH even when the pid is used again. A file of
a fixture tree cannot do that, so there an empty read means the same.

Descriptors cost twice: the limit of the process, and about 4 KB of kernel memory each. So they have a
budget; past it a file is opened, read and closed, with the same answers.
"""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

READ_SIZE = 1024
GATE_SIZE = 96
RESERVED = 256  # descriptors left to sockets, the buffer and the logs

Gone = (ProcessLookupError, FileNotFoundError)
_FLAGS = os.O_RDONLY | os.O_CLOEXEC


def raise_descriptor_limit() -> int:
    """Raise the soft limit to the hard one and say how many descriptors /proc may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(hard - RESERVED, 0)


class ProcFiles:
    """Reads below one root of /proc, with a budget of kept descriptors."""

    def __init__(self, root: Path, budget: int) -> None:
        self.root = str(root)
        self.budget = budget
        self.kept = 0

    def list(self) -> list[str]:
        return os.listdir(self.root)

    def keep(self, pid: str, name: str) -> int:
        """A descriptor to keep, or -1 when the budget is spent.

        Gone processes raise; a file that our rights do not reach raises PermissionError.
        """
        if self.kept >= self.budget:
            return -1
        descriptor = os.open(f"{self.root}/{pid}/{name}", _FLAGS)
        self.kept += 1
        return descriptor

    def drop(self, descriptor: int) -> None:
        if descriptor >= 0:
            os.close(descriptor)
            self.kept -= 1

    def read(self, path: str, size: int = READ_SIZE) -> bytes:
        """Open, read and close. Files of /proc that fit `size` come whole from one read."""
        descriptor = os.open(f"{self.root}/{path}", _FLAGS)
        try:
            return os.read(descriptor, size)
        finally:
            os.close(descriptor)

    def exists(self, path: str) -> bool:
        return os.path.exists(f"{self.root}/{path}")

    def link(self, path: str) -> str:
        return os.readlink(f"{self.root}/{path}")

    def count(self, path: str) -> int:
        """How many entries a folder has, for example the open descriptors of a process."""
        with os.scandir(f"{self.root}/{path}") as entries:
            return sum(1 for _ in entries)
