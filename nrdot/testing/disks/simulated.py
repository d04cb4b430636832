"""A disk in memory that crashes, loses power, fills up, fails and rots on cue.

It knows what a real one knows: bytes that were written but not synced, names that were made but whose
directory was not synced. A killed process leaves all that it wrote; a power cut leaves what was synced and,
by chance, parts of the rest.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from nrdot.buffer.files import Files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from random import Random

_BLOCK = 512


class SimulatedCrash(BaseException):
    """The process ends here. Not an Exception: nothing may catch it."""


class _File:
    def __init__(self) -> None:
        self.data = bytearray()
        self.synced = 0  # bytes that the device has


class SimulatedDisk(Files):
    """Files for one process at a time. Steps that change something are counted, and each can be the last."""

    def __init__(self, capacity: int = 1 << 40) -> None:
        self.capacity = capacity
        self.read_only = False
        self.fail: Callable[[str, Path], int | None] = _works
        """Called before each step with its name and path; an errno makes it fail."""
        self.steps_left: int | None = None
        """Crash at this step from now on; None never."""
        self.part = 0.5
        """How much of the last append reaches the file when the crash hits it."""
        self._files: dict[Path, _File] = {}
        self._durable: dict[Path, _File] = {}
        self._directories: set[Path] = set()
        self._descriptors: dict[int, tuple[Path, _File]] = {}
        self._locked: dict[Path, int] = {}
        self._next = 3
        self._dead = False

    # What tests do to it

    def kill(self) -> None:
        """The process is gone; the kernel has what it wrote."""
        self._descriptors.clear()
        self._locked.clear()
        self._dead = False
        self.steps_left = None

    def cut_power(self, chance: Random) -> None:
        """What was not synced survives in part: names, lengths, blocks."""
        names: dict[Path, _File] = {}
        for path in sorted(self._files.keys() | self._durable.keys()):
            before, after = self._durable.get(path), self._files.get(path)
            survivor = after if before is after or chance.random() < 0.5 else before
            if survivor is not None:
                names[path] = survivor
        self._files, self._durable = names, dict(names)
        for file in {id(file): file for file in names.values()}.values():
            length = chance.randint(file.synced, len(file.data))
            del file.data[length:]
            for start in range(file.synced, length, _BLOCK):
                if chance.random() < 0.2:
                    end = min(start + _BLOCK, length)
                    file.data[start:end] = bytes(end - start)
            file.synced = len(file.data)
        self.kill()

    def flip(self, path: Path, offset: int, mask: int = 0xFF) -> None:
        self._files[path].data[offset] ^= mask

    def cut(self, path: Path, length: int) -> None:
        file = self._files[path]
        del file.data[length:]
        file.synced = min(file.synced, length)

    def write(self, path: Path, data: bytes) -> None:
        """A file that somebody else put there."""
        file = _File()
        file.data += data
        file.synced = len(data)
        self._files[path] = self._durable[path] = file

    def content(self, path: Path) -> bytes:
        return bytes(self._files[path].data)

    def copy(self) -> SimulatedDisk:
        """Another disk with the same content, all of it durable."""
        other = SimulatedDisk(self.capacity)
        for path, file in self._files.items():
            other.write(path, bytes(file.data))
        other._directories = set(self._directories)
        return other

    def durable_size(self, path: Path) -> int:
        return self._files[path].synced

    def paths(self, pattern: str = "*") -> list[Path]:
        return sorted(path for path in self._files if path.match(pattern))

    @property
    def used(self) -> int:
        return sum(len(file.data) for file in self._files.values())

    # What the buffer does with it

    def make_directory(self, path: Path) -> None:
        if path not in self._directories:
            self._step("make_directory", path)
            self._directories |= {path, *path.parents}

    def listed(self, path: Path) -> list[str]:
        self._look("list", path)
        # As text: this is asked at every start of every case.
        above = f"{path}/"
        below = [text[len(above) :] for text in map(str, self._files) if text.startswith(above)]
        folders = [text[len(above) :] for text in map(str, self._directories) if text.startswith(above)]
        return sorted({name.partition("/")[0] for name in (*below, *folders)})

    def overwrite(self, path: Path) -> None:
        self._step("overwrite", path)
        file = self._files[path]
        file.data[:] = bytes(len(file.data))
        file.synced = len(file.data)

    def give_back(self, directory: Path) -> None:
        """It has one owner."""

    def create(self, path: Path) -> int:
        self._step("create", path)
        if path in self._files:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        self._files[path] = _File()
        return self._describe(path)

    def open(self, path: Path) -> int:
        self._look("open", path)
        if path not in self._files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self._describe(path)

    def close(self, descriptor: int) -> None:
        path, _ = self._descriptors.pop(descriptor)
        if self._locked.get(path) == descriptor:
            del self._locked[path]

    def append(self, descriptor: int, pieces: Sequence[bytes]) -> None:
        path, file = self._descriptors[descriptor]
        data = b"".join(pieces)
        try:
            self._step("append", path)
        except SimulatedCrash:
            file.data += data[: int(len(data) * self.part)]
            raise
        space = max(self.capacity - self.used, 0)
        file.data += data[:space]
        if len(data) > space:
            raise _error(errno.ENOSPC)

    def read(self, descriptor: int, offset: int, size: int) -> bytes:
        path, file = self._descriptors[descriptor]
        self._look("read", path)
        return bytes(file.data[offset : offset + size])

    def size(self, descriptor: int) -> int:
        path, file = self._descriptors[descriptor]
        self._look("size", path)
        return len(file.data)

    def sync(self, descriptor: int) -> None:
        path, file = self._descriptors[descriptor]
        self._step("sync", path)
        file.synced = len(file.data)

    def sync_directory(self, path: Path) -> None:
        self._step("sync_directory", path)
        for known in [known for known in self._durable if known.parent == path]:
            del self._durable[known]
        self._durable |= {known: file for known, file in self._files.items() if known.parent == path}

    def remove(self, path: Path) -> None:
        self._step("remove", path)
        if self._files.pop(path, None) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def move(self, source: Path, target: Path) -> None:
        self._step("move", source)
        if source not in self._files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._files[target] = self._files.pop(source)

    def free(self, path: Path) -> int:
        self._look("free", path)
        return max(self.capacity - self.used, 0)

    def lock(self, path: Path, owner: bytes) -> int:
        if path in self._locked:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        self._step("lock", path)
        file = self._files.setdefault(path, _File())
        file.data[:] = owner
        self._durable[path] = file
        self._locked[path] = self._describe(path)
        return self._locked[path]

    def owner(self, path: Path) -> str:
        return self._files[path].data.decode().strip() if path in self._files else ""

    def _describe(self, path: Path) -> int:
        self._next += 1
        self._descriptors[self._next] = (path, self._files[path])
        return self._next

    def fail_once(self, operation: str, files: str, number: int = errno.EIO) -> None:
        """The next `operation` on a file whose name matches `files` fails, and none after it."""
        left = [number]
        self.fail = lambda one, path: left.pop() if one == operation and path.match(files) and left else None

    def synced(self, action: Callable[[], object]) -> list[str]:
        """The names of the files that are synced while `action` runs."""
        seen: list[str] = []
        self.fail = lambda operation, path: seen.append(path.name) if operation == "sync" else None
        action()
        self.mend()
        return seen

    def mend(self) -> None:
        """From now on nothing fails."""
        self.fail = _works

    def _look(self, operation: str, path: Path) -> None:
        if self._dead:
            raise SimulatedCrash
        number = self.fail(operation, path)
        if number is not None:
            raise _error(number)

    def _step(self, operation: str, path: Path) -> None:
        self._look(operation, path)
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                self._dead = True
                raise SimulatedCrash
        if self.read_only:
            raise _error(errno.EROFS)


def _works(_operation: str, _path: Path) -> None:
    """What a disk in order says to every step."""


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
