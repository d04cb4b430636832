"""The one file that opens /proc.

A kept descriptor on a file of /proc skips the walk along the path at each read, and it never speaks of
another process: once its process has ended, reads fail with ESRCH even when the pid is used again. A file of
a fixture tree cannot do that, so there an empty read means the same.

Descriptors cost twice: the limit of the process, and about 4 KB of kernel memory each. So they have a
budget; past it a file is opened, read and closed, with the same answers.

Where descriptors run out all the same (others of this process, or the whole machine, use more than we left
them) the budget shrinks, and a spare one, held for that moment, reads what is to be read.
"""

from __future__ import annotations

import errno
import os
import resource
from contextlib import suppress
from itertools import repeat
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

READ_SIZE = 1024
GATE_SIZE = 96
RESERVED = 256  # descriptors left to sockets, the buffer and the logs
RETREAT = 64  # descriptors that a shortage takes from the budget

Gone = (ProcessLookupError, FileNotFoundError)
Answer = TypeVar("Answer")
Seen = TypeVar("Seen")
_FLAGS = os.O_RDONLY | os.O_CLOEXEC


def is_short(error: OSError) -> bool:
    """Whether this process, or the machine, has no descriptor left."""
    return error.errno in (errno.EMFILE, errno.ENFILE)


def raise_descriptor_limit() -> int:
    """Raise the soft limit to the hard one and say how many descriptors /proc may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(hard - RESERVED, 0)


def ask_all(answers: Iterator[Seen], count: int, gone: Seen) -> list[Seen]:
    """Every answer, with `gone` in the place of those that raise.

    `extend` keeps what it got before an exception and a map goes on behind it, so the loop stays in C.
    """
    result: list[Seen] = []
    while len(result) < count:
        try:
            result.extend(answers)
        except OSError:
            result.append(gone)
    return result


def read_all(descriptors: Sequence[int], size: int) -> list[bytes]:
    """What kept descriptors read; empty where one fails."""
    return ask_all(map(os.pread, descriptors, repeat(size), repeat(0)), len(descriptors), b"")


class ProcFiles:
    """Reads below one root of /proc, with a budget of kept descriptors."""

    def __init__(self, root: Path, budget: int) -> None:
        self.root = str(root)
        self.budget = budget
        self.kept = 0
        self.short = 0  # how many times there was no descriptor to be had
        self._spare = os.open(os.devnull, _FLAGS)

    def __del__(self) -> None:
        if self._spare >= 0:
            os.close(self._spare)

    def list(self) -> list[str]:
        return self._ask(lambda: os.listdir(self.root))

    def keep(self, pid: str, name: str) -> int:
        """A descriptor to keep, or -1 when the budget is spent.

        Gone processes raise; a file that our rights do not reach raises PermissionError.
        """
        if self.kept >= self.budget:
            return -1
        try:
            descriptor = os.open(f"{self.root}/{pid}/{name}", _FLAGS)
        except OSError as error:
            if not is_short(error):
                raise
            self._retreat()
            return -1
        self.kept += 1
        return descriptor

    def drop(self, descriptor: int) -> None:
        if descriptor >= 0:
            os.close(descriptor)
            self.kept -= 1

    def read(self, path: str, size: int = READ_SIZE) -> bytes:
        """Open, read and close. Files of /proc that fit `size` come whole from one read."""
        try:
            descriptor = os.open(f"{self.root}/{path}", _FLAGS)
        except OSError as error:
            if not is_short(error):
                raise
            return self._with_spare(lambda: _whole(f"{self.root}/{path}", size))
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
        return self._ask(lambda: len(os.listdir(f"{self.root}/{path}")))

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        try:
            return question()
        except OSError as error:
            if not is_short(error):
                raise
        return self._with_spare(question)

    def _with_spare(self, question: Callable[[], Answer]) -> Answer:
        """Ask in the place of the spare descriptor. Raises where somebody else took even that."""
        self._retreat()
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        try:
            return question()
        finally:
            with suppress(OSError):
                self._spare = os.open(os.devnull, _FLAGS)

    def _retreat(self) -> None:
        """Keep fewer from now on: what others of this process need, exports for one, comes first."""
        self.short += 1
        self.budget = max(min(self.budget, self.kept) - RETREAT, 0)


def _whole(path: str, size: int) -> bytes:
    descriptor = os.open(path, _FLAGS)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)
