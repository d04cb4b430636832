"""Every file operation of the trail, in one object that tests replace by a failing one.

All methods raise OSError and nothing else. Files belong to the agent's user alone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nrdot import durable

if TYPE_CHECKING:
    from pathlib import Path

_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_BLOCK = 1 << 20


class Disk:
    """The operating system's files."""

    def make_directory(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self, path: Path) -> list[str]:
        """What lies in a directory, sorted; nothing where there is none."""
        try:
            return sorted(entry.name for entry in path.iterdir())
        except FileNotFoundError:
            return []

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def size(self, path: Path) -> int:
        """Bytes of a file; 0 where there is none."""
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, path: Path, data: bytes) -> None:
        """Return when the device has `data` at the end of a file. After an error any part of it may be."""
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _BINARY, 0o600)
        try:
            durable.write(descriptor, data)
            durable.sync(descriptor)
        finally:
            os.close(descriptor)

    def cut(self, path: Path, size: int) -> None:
        """Take back what lies behind `size` bytes; needs no space."""
        descriptor = os.open(path, os.O_WRONLY | _BINARY)
        try:
            os.ftruncate(descriptor, size)
            durable.sync(descriptor)
        finally:
            os.close(descriptor)

    def replace(self, path: Path, data: bytes) -> None:
        """The file holds what it held before or all of `data`, at every moment."""
        beside = path.with_name(f".{path.name}.new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_TRUNC | os.O_CREAT | _BINARY, 0o600)
        try:
            durable.write(descriptor, data)
            durable.sync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(path)
        self.sync_directory(path.parent)

    def remove(self, path: Path, *, overwrite: bool = False) -> None:
        """Remove a file, with zeros over its bytes first where that is asked for."""
        if overwrite:
            descriptor = os.open(path, os.O_WRONLY | _BINARY)
            try:
                left = os.fstat(descriptor).st_size
                while left > 0:
                    left -= os.write(descriptor, bytes(min(left, _BLOCK)))
                durable.sync(descriptor)
            finally:
                os.close(descriptor)
        path.unlink(missing_ok=True)

    def sync_directory(self, path: Path) -> None:
        """Make creations, renames and removals in `path` durable."""
        durable.sync_directory(path)
