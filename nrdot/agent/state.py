"""The state directory: private to one agent at a time.

    STATE_DIR/lock    held with flock while an agent runs; its text is the agent's pid

The kernel drops the lock with the process, however it ends, so a lock file that is left behind means nothing.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import TYPE_CHECKING

from nrdot.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path

LOCK = "lock"
PRIVATE = 0o700
_NOT_A_LINK = getattr(os, "O_NOFOLLOW", 0)  # the file is written anew, whatever it is


class StateDirectory:
    """Made, checked and locked; `path` is for the rooms that keep something there."""

    def __init__(self, path: Path) -> None:
        """Raise StartError when another agent has it or when this user cannot keep files in it."""
        self.path = path
        self.warning = _prepare(path)
        try:
            self._descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | _NOT_A_LINK, 0o600)
        except OSError as error:
            raise _unusable(path, error) from None
        try:
            _lock(self._descriptor)
        except OSError:
            owner = _text(self._descriptor)
            os.close(self._descriptor)
            raise StartError(
                f"agent.state_dir: {path} is in use by another agent{f' (pid {owner})' if owner else ''}; "
                f"stop that one or give this one a directory of its own",
            ) from None
        try:
            os.truncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, f"{os.getpid()}\n".encode())
        except OSError as error:  # a full disk
            self.close()
            raise _unusable(path, error) from None

    def close(self) -> None:
        """Let the next agent in; idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def in_use(path: Path) -> str:
    """The pid of the agent that has this state directory, "unknown" where it cannot be told, or nothing."""
    try:
        descriptor = os.open(path / LOCK, os.O_RDWR)
    except OSError:
        return ""
    try:
        _lock(descriptor)
    except OSError:
        return _text(descriptor) or "unknown"
    else:
        return ""
    finally:
        os.close(descriptor)  # lets go of the lock as well


def _prepare(path: Path) -> str:
    """Make the directory private where it is ours, and say what is odd about it where it is not."""
    try:
        path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        status = path.stat()
        mode = stat.S_IMODE(status.st_mode)
        _ours(path, status.st_uid)
        if not mode & 0o077:
            return ""
        # A directory with other things in it may be anything, /tmp even: its mode is not ours to change.
        if ((path / LOCK).exists() or not any(path.iterdir())) and _tightened(path):
            return ""
    except OSError as error:
        raise _unusable(path, error) from None
    if mode & 0o002:
        raise StartError(
            f"agent.state_dir: everybody may write to {path}; give the agent a directory of its own",
        )
    return f"agent.state_dir: others may read {path} (mode {mode:04o}); chmod 700 it, or name an empty one"


def _ours(path: Path, owner: int) -> None:
    """What root writes into somebody's directory goes wherever a link of theirs leads."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and owner != 0:
        raise StartError(
            f"agent.state_dir: {path} belongs to user {owner}, who could lead what root writes elsewhere; "
            f"run the agent as that user, chown it to root, or name another directory",
        )


def _tightened(path: Path) -> bool:
    """False where the directory is another user's, as a volume that Kubernetes shares by group is."""
    try:
        path.chmod(PRIVATE)
    except PermissionError:
        return False
    return True


def _unusable(path: Path, error: OSError) -> StartError:
    mend = "free some space" if error.errno == errno.ENOSPC else "make it writable for this user"
    return StartError(
        f"agent.state_dir: cannot keep files in {path}: {error.strerror}; {mend} or name another directory",
    )


def _text(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    text = os.read(descriptor, 32).strip()
    return text.decode() if text.isdigit() else ""


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # Windows locks bytes against reading as well, so the locked one lies behind the pid.
        os.lseek(descriptor, 4096, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
