"""Every file operation of the disk buffer, in one object that tests replace by a failing one.

Methods raise OSError and nothing else. Files are opened for reading and appending at once, belong to
the agent's user alone, and are never written in the middle.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from nrdot import durable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

GONE = ".gone"  # ends the name of a file whose bytes are being overwritten
_BLOCK = 1 << 20
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would translate ends of lines


class Files:
    """The operating system's files."""

    overwrites = False
    """Whether what holds payloads is overwritten before it is removed."""

    def make_directory(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self, path: Path) -> list[str]:
        """What lies in a directory, sorted; nothing when there is none. What is being discarded is gone."""
        return sorted(name for name in self.listed(path) if not name.endswith(GONE))

    def listed(self, path: Path) -> list[str]:
        try:
            return os.listdir(path)  # noqa: PTH208, names and no Path objects, at each status
        except FileNotFoundError:
            return []

    def create(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)

    def open(self, path: Path) -> int:
        return os.open(path, os.O_RDONLY | _BINARY)

    def close(self, descriptor: int) -> None:
        """Raises nothing: what was to be kept was synced before."""
        with suppress(OSError):
            os.close(descriptor)

    def append(self, descriptor: int, pieces: Sequence[bytes]) -> None:
        """Write all of `pieces` at the end. After an error any part of them may lie in the file."""
        if sys.platform == "win32":
            durable.write(descriptor, b"".join(pieces))
            return
        written = os.writev(descriptor, pieces)
        if written != sum(map(len, pieces)):
            durable.write(descriptor, memoryview(b"".join(pieces))[written:])

    def read(self, descriptor: int, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer only at the end of the file."""
        if sys.platform == "win32":
            os.lseek(descriptor, offset, os.SEEK_SET)
            return os.read(descriptor, size)
        data = os.pread(descriptor, size, offset)
        while len(data) < size:
            more = os.pread(descriptor, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def size(self, descriptor: int) -> int:
        return os.fstat(descriptor).st_size

    def sync(self, descriptor: int) -> None:
        """Return when the device has what was appended, its own write cache included."""
        durable.sync(descriptor)

    def sync_directory(self, path: Path) -> None:
        """Make creations, renames and removals in `path` durable."""
        durable.sync_directory(path)

    def remove(self, path: Path) -> None:
        path.unlink()

    def discard(self, path: Path) -> None:
        """Remove what holds payloads, overwritten before where that is asked for.

        It is renamed first, so that a crash in between leaves nothing that looks like a damaged segment.
        """
        if self.overwrites:
            gone = path.with_name(path.name + GONE)
            self.move(path, gone)
            self.sync_directory(path.parent)
            path = gone
            self.overwrite(path)
        self.remove(path)

    def finish_discards(self, directory: Path) -> None:
        """What a crash interrupted."""
        for name in self.listed(directory):
            if name.endswith(GONE):
                self.overwrite(directory / name)
                self.remove(directory / name)

    def overwrite(self, path: Path) -> None:
        """Zeros in place of every byte, forced to the device."""
        descriptor = os.open(path, os.O_WRONLY | _BINARY)
        try:
            left = self.size(descriptor)
            while left > 0:
                left -= os.write(descriptor, bytes(min(left, _BLOCK)))
            self.sync(descriptor)
        finally:
            self.close(descriptor)

    def give_back(self, directory: Path) -> None:
        """Everything in it to the owner of the directory: an administrator may have mended it as root."""
        if sys.platform == "win32" or os.geteuid() != 0:
            return
        owner = directory.stat()
        for path in directory.rglob("*"):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)

    def move(self, source: Path, target: Path) -> None:
        source.rename(target)

    def free(self, path: Path) -> int:
        """Bytes that we may still write in the file system of `path`."""
        if sys.platform == "win32":
            return sys.maxsize
        state = os.statvfs(path)
        return state.f_bavail * state.f_frsize

    def lock(self, path: Path, owner: bytes) -> int:
        """A lock that ends with the process, `owner` written beside it.

        Raises BlockingIOError when somebody else holds it.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if sys.platform == "win32":
                try:
                    msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
                except PermissionError as error:
                    raise BlockingIOError(*error.args) from error
            else:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, owner, 0)
        except OSError:
            self.close(descriptor)
            raise
        return descriptor

    def owner(self, path: Path) -> str:
        """What the holder of a lock wrote beside it."""
        try:
            return path.read_text().strip()
        except OSError:
            return ""


@contextmanager
def opened(files: Files, path: Path) -> Iterator[tuple[Callable[[int, int], bytes], int]]:
    """A way to read a file, and its size now."""
    descriptor = files.open(path)
    try:
        yield lambda offset, count: files.read(descriptor, offset, count), files.size(descriptor)
    finally:
        files.close(descriptor)
