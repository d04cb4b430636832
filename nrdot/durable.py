"""What makes bytes durable, on each system. Everything here raises OSError and nothing else."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "darwin":
    import fcntl


def write(descriptor: int, data: bytes | memoryview) -> None:
    """All of `data`, however many writes that takes. After an error any part of it may be there."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync(descriptor: int) -> None:
    """Return when the device has what was written, its own write cache included."""
    if sys.platform == "darwin":
        # fsync on macOS stops at the drive's cache.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif sys.platform == "win32":
        os.fsync(descriptor)
    else:
        os.fdatasync(descriptor)


def sync_directory(path: Path) -> None:
    """Make creations, renames and removals in `path` durable."""
    if sys.platform == "win32":
        return  # NTFS journals its directories; there is no handle to flush
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
