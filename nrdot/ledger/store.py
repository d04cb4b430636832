"""The files of a ledger: a day each, frames appended, old ones folded and removed.

    DIR/YYYY-MM-DD.jsonl.zst        zstd frames of JSON lines
    DIR/YYYY-MM-DD.jsonl.zst.new    a day that is being folded; takes the day's place when it is whole

A frame is appended with one write to a file that stays open for its day. What a crash or a full disk left of
one is cut off before the next, so a file is whole frames and at most one torn one at its end. Nothing here is
forced to the device: a power cut costs what the kernel has not written yet, a few seconds.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nrdot import durable
from nrdot.ledger.fold import Hours
from nrdot.ledger.frames import SUFFIX, pack, unpack, whole
from nrdot.ledger.rows import HOUR
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nrdot.ledger.rows import Row

_log = Log("ledger")

DAY = 86400
FRESH = 2 * DAY  # seconds for which minutes are kept
BACKLOG = 1 << 20  # bytes of frames that wait for the disk in memory
NEW = ".new"
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Bounds:
    retention: float = 400.0 * DAY  # seconds
    max_size: int = 1 << 30  # bytes
    remove: Callable[[Path], None] = Path.unlink


@dataclass(frozen=True, slots=True)
class _Waiting:
    day: int  # since 1970
    frame: bytes
    rows: int


class Store:
    """Belongs to the pipeline's thread. Raises nothing: what the disk does not take is counted."""

    def __init__(self, directory: Path, bounds: Bounds) -> None:
        self.directory = directory
        self.bounds = bounds
        self.written = 0  # rows since the start
        self.lost = 0
        self.bytes = 0  # of all files, as of the last look
        self._told_lost = 0
        self._backlog: deque[_Waiting] = deque()
        self._day = -1  # since 1970, that was written to last
        self._good: int | None = None  # bytes of whole frames in its file, where that is known
        self._failing = ""
        self._open: tuple[int, int] | None = None  # the day that is written to, and its descriptor
        self._newest = 0  # Unix seconds of the newest row
        self._tended = -1  # day since 1970 on which old files were looked at last
        self._tending = False  # old days need something
        self._folding: Iterator[None] | None = None

    @property
    def trouble(self) -> str:
        """Why the disk takes nothing; empty where it does."""
        return self._failing

    def silent_since(self, now_ns: int) -> float:
        """Seconds since an agent wrote here last; 0 where none did."""
        newest = max((self._modified(name) for name in self._names()), default=0)
        return max((now_ns - newest) / 1e9, 0.0) if newest else 0.0

    def put(self, t: int, rows: Sequence[Row]) -> None:
        """One frame, of the minute that begins at `t`."""
        self._newest = t
        self._backlog.append(_Waiting(t // DAY, pack(rows), len(rows)))
        self._write()
        while self._backlog and sum(len(one.frame) for one in self._backlog) > BACKLOG:
            self.lost += self._backlog.popleft().rows
        self._tending = self._folding is not None or t // DAY != self._tended

    def take_lost(self) -> int:
        """Rows that are gone since the last call."""
        lost, self._told_lost = self.lost - self._told_lost, self.lost
        return lost

    def step(self) -> None:
        """A little of what old days need; called at each tick."""
        if not self._tending:
            return
        if self._folding is None:
            self._tended = self._newest // DAY
            self._folding = self._tend()
        try:
            next(self._folding)
        except StopIteration:
            self._folding, self._tending = None, False
        except OSError as error:
            self._folding, self._tending = None, False
            _log.warning("old days of the ledger stay as they are until tomorrow", error=str(error))

    def close(self) -> None:
        """Once more to the disk; what it does not take is lost."""
        self._write()
        self._shut()
        self.lost += sum(one.rows for one in self._backlog)
        self._backlog.clear()

    def _write(self) -> None:
        try:
            while self._backlog:
                one = self._backlog[0]
                self._append(one.day, one.frame)
                self.written += one.rows
                self._backlog.popleft()
        except OSError as error:
            self._shut()
            if not self._failing:
                self._failing = str(error)
                _log.error(
                    "the ledger cannot be written; sampling goes on, and the latest rows wait in memory",
                    directory=str(self.directory),
                    error=self._failing,
                )
            return
        if self._failing:
            self._failing = ""
            _log.info("the ledger is written again", rows_lost=self.lost)

    def _append(self, day: int, frame: bytes) -> None:
        """Raises OSError; then any part of the frame may lie behind what counts."""
        descriptor, size = self._file(day)
        good = self._good
        if good is None or good > size:
            good = _whole(self._path(day))
        if size > good:
            os.ftruncate(descriptor, good)
            _log.warning("the ledger ended within a frame, which is cut off", file=str(self._path(day)))
        self._good = good
        written = 0
        while written < len(frame):
            written += _write_at(descriptor, frame[written:], good + written)
        self._good = good + written
        self.bytes += written

    def _file(self, day: int) -> tuple[int, int]:
        """A descriptor of the day's file, and its size. Opened anew for another day, or where it is gone."""
        if self._open is not None and self._open[0] == day:
            seen = os.fstat(self._open[1])
            if seen.st_nlink:
                return self._open[1], seen.st_size
        self._shut()
        try:
            descriptor = os.open(self._path(day), _FLAGS, 0o600)
        except FileNotFoundError:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path(day), _FLAGS, 0o600)
        if day != self._day:
            self._day, self._good = day, None
        self._open = day, descriptor
        return descriptor, os.fstat(descriptor).st_size

    def _shut(self) -> None:
        if self._open is not None:
            (_, descriptor), self._open = self._open, None
            os.close(descriptor)

    def _path(self, day: int) -> Path:
        return self.directory / f"{datetime.fromtimestamp(day * DAY, UTC).date()}{SUFFIX}"

    # old days

    def _tend(self) -> Iterator[None]:
        """Remove what is too old or too much, then fold minutes into hours, a frame at a time."""
        self._remove_old()
        for name in sorted(self._names()):
            begins = _begins(name)
            if begins is not None and begins + DAY + FRESH <= self._newest and not self._folded(name):
                yield from self._fold(name)
        self._remove_old()

    def _remove_old(self) -> None:
        names = sorted(name for name in self._names() if _begins(name) is not None)
        sizes = {name: self._size(name) for name in names}
        for name in names[:-1]:
            too_old = (_begins(name) or 0) + DAY + self.bounds.retention < self._newest
            if too_old or sum(sizes.values()) > self.bounds.max_size:
                self.bounds.remove(self.directory / name)
                del sizes[name]
                _log.info("a day of the ledger is removed", file=name)
        self.bytes = sum(sizes.values())

    def _fold(self, name: str) -> Iterator[None]:
        path = self.directory / name
        data = path.read_bytes()
        hours, start = Hours(), 0
        for end in whole(data):
            try:
                hours.add(unpack(data[start:end]))
            except ValueError as error:
                _log.warning("a frame of the ledger is damaged and left out", file=name, error=str(error))
            start = end
            yield
        rows = hours.rows()
        new = path.with_name(name + NEW)
        with new.open("wb") as file:
            for t in sorted({row.t for row in rows}):
                file.write(pack([row for row in rows if row.t == t]))
                yield
            file.flush()
            durable.sync(file.fileno())
        new.replace(path)

    def _folded(self, name: str) -> bool:
        """Whether the first frame of a day is of hours; a file without a whole frame has nothing to fold."""
        data = (self.directory / name).read_bytes()
        ends = whole(data)
        if not ends:
            return True
        with suppress(ValueError):
            return all(row.span == HOUR for row in unpack(data[: ends[0]]))
        return False

    def _names(self) -> list[str]:
        try:
            return [name.name for name in self.directory.iterdir() if name.name.endswith(SUFFIX)]
        except OSError:
            return []

    def _modified(self, name: str) -> int:
        try:
            return (self.directory / name).stat().st_mtime_ns
        except OSError:
            return 0

    def _size(self, name: str) -> int:
        try:
            return (self.directory / name).stat().st_size
        except OSError:
            return 0


def _write_at(descriptor: int, data: bytes, offset: int) -> int:
    """How much of `data` was taken."""
    if hasattr(os, "pwrite"):
        return os.pwrite(descriptor, data, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.write(descriptor, data)


def _begins(name: str) -> int | None:
    """Unix seconds of the day that a file is of; None where it is no day's."""
    try:
        return round(datetime.fromisoformat(f"{name.removesuffix(SUFFIX)}T00:00:00+00:00").timestamp())
    except ValueError:
        return None


def _whole(path: Path) -> int:
    """Bytes of whole frames."""
    ends = whole(path.read_bytes())
    return ends[-1] if ends else 0
