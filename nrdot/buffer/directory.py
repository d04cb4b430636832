"""A buffer's directory: one process at a time, and what does not belong there."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from nrdot.buffer.letters import LETTERS, REPLAY
from nrdot.buffer.recovery import ASIDE, LOCK, recover
from nrdot.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.buffer.files import Files
    from nrdot.buffer.recovery import Recovered, Stray

log = logging.getLogger("nrdot.buffer")


def take_directory(files: Files, directory: Path) -> int:
    """Lock it, made where there is none. The lock ends with the process, however that ends."""
    path = directory / LOCK
    try:
        files.make_directory(directory)
        return files.lock(path, f"{os.getpid()}\n".encode())
    except BlockingIOError as error:
        owner = files.owner(path) or "unknown"
        raise StartError(
            f"the buffer {directory} is in use by process {owner}; a second agent needs a state directory "
            "of its own and does not start on this one"
        ) from error
    except OSError as error:
        raise StartError(
            f"cannot write to the buffer {directory}: {error.strerror}; the agent does not start"
        ) from error


def read_directory(files: Files, directory: Path, now_ns: int) -> Recovered:
    """What it holds, with everything set aside that cannot be used."""
    for folder in (directory, directory / LETTERS, directory / REPLAY, directory / ASIDE):
        with suppress(OSError):  # it is tried again at the next start
            files.finish_discards(folder)
    try:
        found = recover(files, directory)
    except OSError as error:
        raise StartError(
            f"cannot read the buffer {directory}: {error.strerror}; the agent does not start"
        ) from error
    for stray in found.strays:
        _set_aside(files, directory, stray, now_ns)
    if found.progress_lost:
        log.warning(
            "%s: no progress log can be read; what lies in the segments is sent again, the sums begin anew",
            directory,
        )
    return found


def expire_aside(files: Files, directory: Path, before_ns: int) -> None:
    """What was set aside before that time goes. Raises nothing."""
    try:
        for name in files.names(directory / ASIDE):
            stamp = name.partition("-")[0]
            if stamp.isdecimal() and int(stamp) < before_ns:
                files.discard(directory / ASIDE / name)
    except OSError as error:
        log.warning("%s: %s; it should be empty by now", directory / ASIDE, error.strerror)


def _set_aside(files: Files, directory: Path, stray: Stray, now_ns: int) -> None:
    path = directory / stray.name
    if stray.empty:
        with suppress(OSError):  # it holds nothing
            files.remove(path)
        return
    log.warning("%s: %s; set aside", path, stray.why)
    if stray.ours:
        with suppress(OSError):  # then it stays where it is, and is not used either
            files.make_directory(directory / ASIDE)
            files.move(path, directory / ASIDE / f"{now_ns}-{stray.name}")
