"""Whether a file that the configuration was made from has changed since.

Files are looked at by their status, symbolic links followed, so the swap of a ConfigMap's `..data` is seen as
an editor's rename is. Only what moved is read, and only a content other than the one that was loaded counts,
once it has stood still from one look to the next: nobody's half-written file is taken.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.clock import Clock

    Signature = tuple[int, int, int, int, int] | None

PAUSE = 1.0  # seconds between two looks, at least
LARGEST = 64 * 2**20  # bytes of a file that are read; a larger one is known by its status


class Watch:
    """For the daemon's thread. It asks at each turn of its loop, which costs one `stat` a file."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._loaded: dict[str, str] = {}
        self._until_ns: int | None = None
        self._signatures: dict[str, Signature] | None = None
        self._told: dict[str, str] = {}  # what the last change was; told once, whatever became of it
        self._moved = False
        self._next = clock.monotonic()

    def follow(self, loaded: Mapping[str, str], until_ns: int | None = None) -> None:
        """From now on these files, with the digest of what was loaded, and a time when it ends."""
        self._loaded = dict(loaded)
        self._until_ns = until_ns
        self._signatures = None

    def look(self) -> bool:
        """Whether there is something else to load."""
        if self._until_ns is not None and self._clock.wall_ns() >= self._until_ns:
            self._until_ns = None
            return True
        now = self._clock.monotonic()
        if now < self._next:
            return False
        self._next = now + PAUSE
        signatures = {name: _signature(name) for name in self._loaded}
        if signatures != self._signatures:
            self._signatures, self._moved = signatures, True
            return False
        if not self._moved:
            return False
        self._moved = False
        found = {name: digest(Path(name)) for name in self._loaded}
        if found in (self._loaded, self._told):
            return False
        self._told = found
        return True

    def wait(self) -> float | None:
        """Seconds until the next look where one is due soon; None where any time will do."""
        return max(self._next - self._clock.monotonic(), 0.0) if self._moved else None


def digest(path: Path) -> str:
    """SHA-256 of a file; of the names in a directory, and of its files one level deep; empty for nothing."""
    try:
        if not path.is_dir():
            return _of_file(path)
        inside = hashlib.sha256()
        for entry in sorted(path.iterdir()):
            inside.update(f"{entry.name}\0{'' if entry.is_dir() else _of_file(entry)}\n".encode())
        return inside.hexdigest()
    except OSError:
        return ""


def _of_file(path: Path) -> str:
    size = path.stat().st_size
    if size > LARGEST:
        return str(_signature(os.fspath(path)))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _signature(name: str) -> Signature:
    """What moves when the content does; of a directory also what its files say.

    By the functions of `os`, because with paths as objects this is among the dearer things of a tick.
    """
    try:
        status = os.stat(name)  # noqa: PTH116 - see above
        times = status.st_mtime_ns
        if stat.S_ISDIR(status.st_mode):
            with os.scandir(name) as entries:
                times = max([times, *(entry.stat().st_mtime_ns for entry in entries)])
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, times, status.st_ctime_ns
