"""A disk under the audit trail that fills up, fails and crashes on cue; the files themselves are real."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from nrdot.audit.disk import Disk

if TYPE_CHECKING:
    from pathlib import Path


class EndOfProcess(BaseException):
    """The process ends here. Not an Exception: nothing may catch it."""


class TroubledDisk(Disk):
    """Steps that write are counted, and each can be the last; a full disk takes part of what is appended."""

    def __init__(self) -> None:
        self.full = False
        self.part = 0  # bytes of an append that a full disk still takes
        self.stuck = False  # nothing can be taken back either
        self.steps_left: int | None = None
        """Crash at this step from now on; None never."""

    def append(self, path: Path, data: bytes) -> None:
        self._step(lambda: super(TroubledDisk, self).append(path, data[: len(data) // 2]))
        if self.full:
            super().append(path, data[: self.part])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().append(path, data)

    def replace(self, path: Path, data: bytes) -> None:
        self._step()
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().replace(path, data)

    def cut(self, path: Path, size: int) -> None:
        self._step()
        if self.stuck:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().cut(path, size)

    def remove(self, path: Path, *, overwrite: bool = False) -> None:
        self._step()
        super().remove(path, overwrite=overwrite)

    def _step(self, half: object = None) -> None:
        if self.steps_left is None:
            return
        self.steps_left -= 1
        if self.steps_left < 0:
            if callable(half):
                half()
            raise EndOfProcess
