"""Requests as lines of OTLP JSON in a file that turns over.

    metrics.jsonl        the current file
    metrics.jsonl.1      the one before it, up to metrics.jsonl.KEEP

Whoever reads while the agent writes sees whole lines up to the last line feed (a large write reaches the
file page by page, so a look in the middle of one may find the start of a line behind it, as with any log).
What a full disk or a crash left of a line is cut off before the next. A file that somebody else moved or
removed is made again. Lines reach the disk when the kernel writes them back, when a file is full, and on
`close`.

A line stays below what the Collector's otlpjsonfile receiver takes by default (1 MiB): of anything longer it
keeps nothing and says nothing. So a large request becomes several lines, cut between resources.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from nrdot import durable
from nrdot.errors import Permanent, Retryable, StartError
from nrdot.export.otlp_json import line
from nrdot.export.protobuf import halves
from nrdot.stages import Delivery
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from os import PathLike

_log = Log("export")

LONGEST_LINE = 1_000_000  # bytes, where there are resources to cut between
_GROWTH = 5  # JSON against protobuf: 3 for process metrics, so that nothing is converted to learn its length
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_STEP = 64 * 1024  # bytes looked at at once when a torn line is searched for its start


class FileExporter:
    """Appends to `path`. No file grows past `rotate` bytes, and `keep` old ones stay.

    A single line longer than `rotate` has a file of its own. Raises StartError at construction when the file
    cannot be written, or its folder is missing and not to be made.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        rotate: int = 64 * 1024 * 1024,
        keep: int = 8,
        create_directory: bool = True,
    ) -> None:
        self.path = Path(path)
        self._rotate = rotate
        self._keep = keep
        self._file = -1
        try:
            if not self.path.parent.exists():
                self._make_folder(create_directory)
            # Only tried: at a reload the exporter before may still be in the middle of a line.
            os.close(os.open(self.path, _FLAGS, 0o640))
        except OSError as error:
            raise StartError(f"cannot write {self.path}: {_why(error)}") from error

    @property
    def place(self) -> str:
        """Where it delivers to, for people."""
        return str(self.path.absolute())

    def _make_folder(self, wanted: bool) -> None:
        folder = self.path.parent.absolute()
        if not wanted:
            raise StartError(
                f"cannot write {self.path}: the folder {folder} is missing; make it, mount it, or write "
                f"`create_directory: true`"
            )
        folder.mkdir(parents=True, exist_ok=True)
        # A slip in a path makes a folder too: whoever looks for the file is told where it went.
        _log.info("made the folder of a file", folder=str(folder), file=self.path.name)

    def export(self, payload: bytes, points: int) -> Delivery:  # noqa: ARG002 - a file takes points in any number
        try:
            text = _lines(payload)
        except DecodeError as error:
            raise Permanent(f"{self.path}: the record is no OTLP request") from error
        try:
            self._append(text)
        except OSError as error:
            self._shut()
            raise Retryable(f"cannot write {self.path}: {_why(error)}", alarm=True) from error
        return Delivery(wire_bytes=len(text))

    def close(self) -> None:
        if self._file >= 0:
            try:
                durable.sync(self._file)
            except OSError as error:
                _log.warning(
                    "the last lines of a file may not be durable", file=str(self.path), reason=_why(error)
                )
            self._shut()

    def _append(self, text: bytes) -> None:
        if self._file < 0 or self._moved():
            self._shut()
            self._open()
        size = os.fstat(self._file).st_size
        if size and size + len(text) > self._rotate:
            self._turn_over()
            size = 0
        try:
            durable.write(self._file, text)
        except OSError:
            with suppress(OSError):  # else the torn line is cut when the file is opened again
                os.ftruncate(self._file, size)
            raise

    def _moved(self) -> bool:
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return True
        ours = os.fstat(self._file)
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _open(self) -> None:
        self._file = os.open(self.path, _FLAGS, 0o640)
        self._cut_torn_line()

    def _cut_torn_line(self) -> None:
        """What a crash left of a line was never acknowledged, so it is sent again."""
        end = size = os.fstat(self._file).st_size
        while end > 0:
            begin = max(end - _STEP, 0)
            found = os.pread(self._file, end - begin, begin).rfind(b"\n")
            if found >= 0:
                end = begin + found + 1
                break
            end = begin
        if end < size:
            os.ftruncate(self._file, end)

    def _turn_over(self) -> None:
        """Oldest first, so that at each moment every line is in exactly one file."""
        durable.sync(self._file)
        self._shut()
        if self._keep == 0:
            self.path.unlink(missing_ok=True)
        for number in range(self._keep, 0, -1):
            older = self.path if number == 1 else self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        self._open()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _shut(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _lines(payload: bytes) -> bytes:
    """A request as one line, or as several where one would be too long to be read back."""
    parts = halves(payload) if len(payload) * _GROWTH > LONGEST_LINE else None
    return line(payload) if parts is None else b"".join(_lines(part) for part in parts)


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
