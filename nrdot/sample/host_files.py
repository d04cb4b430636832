"""Files of /proc that speak of the whole machine, read at each sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.errors import StartError
from nrdot.sample.files import is_short
from nrdot.sample.parse import uptime_ns

if TYPE_CHECKING:
    from nrdot.sample.files import ProcFiles

STAT_SIZE = 1 << 20  # /proc/stat has a line for each processor and a number for each interrupt


class HostFiles:
    """What the machine says of itself at each sample."""

    def __init__(self, files: ProcFiles) -> None:
        self._files = files
        self._said: tuple[bytes, int] | None = None
        self._size = STAT_SIZE  # what the file is read with: a buffer of a megabyte costs more than the file

    def read(self) -> tuple[bytes, int]:
        """/proc/stat and the uptime in nanoseconds; as they were before where there is no descriptor left."""
        try:
            self._said = self._stat(), uptime_ns(self._files.read("uptime"))
        except OSError as error:
            if self._said is None or not is_short(error):
                raise StartError(
                    f"{self._files.root}: cannot read processes any more: {error.strerror}; the agent ends"
                ) from error
        return self._said

    def _stat(self) -> bytes:
        said = self._files.read("stat", self._size)
        if len(said) == self._size < STAT_SIZE:  # it has grown
            said = self._files.read("stat", STAT_SIZE)
        self._size = min(2 * len(said) + 1, STAT_SIZE)
        return said
