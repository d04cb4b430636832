"""Who is there: the listing of /proc, asked for as seldom as it can be.

Where the kernel has made no process since the listing before, there is nothing new to list. Where it made a
few, they are looked up by number instead: pids are given out in a cycle, and the last field of /proc/loadavg
is the last one given, so whoever came since an earlier look has a number between the two. A number that was
given may take a moment to become a process, so the earlier look is the one before the last.

That holds in our own pid namespace, and not for a process that chose its pid (a restored checkpoint). So
numbers are trusted only while listings confirm them, and /proc is listed once a sweep in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nrdot.sample.files import is_short
from nrdot.sample.parse import last_pid

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from nrdot.sample.files import ProcFiles

_SHARE = 2  # looking up one number costs half as much again as listing one process


class _Mark(NamedTuple):
    """What had been given out by the time of one look."""

    pid: int  # the last one; -1 where the kernel does not say
    forks: int


_UNKNOWN = _Mark(-1, -1)


class Census:
    """`processes` tells which of many pids are those of processes; None where numbers are not to be used."""

    def __init__(self, files: ProcFiles, processes: Callable[[Collection[int]], list[int]] | None) -> None:
        self.hidden: set[str] = set()  # pids that are listed and not readable at all
        self.trusted = False  # the last newcomers that a listing found were those that their numbers tell
        self._files = files
        self._processes = processes
        self._older = self._newer = _UNKNOWN
        self._stale = self._whole = True
        self._tried: set[str] = set()  # hidden ones that are tried once more

    def begin_anew(self) -> None:
        """List everything next time, and try the hidden again: rights may have changed."""
        self._tried, self.hidden = self.hidden, set()
        self._whole = True
        self.look_again()

    def look_again(self) -> None:
        """Somebody was gone when we came to read: a pid may be in use again."""
        self._stale = True

    def call(self, forks: int, known: Collection[str], *, always: bool) -> tuple[list[str], Iterable[str]]:
        """Pids that are new, and those of `known` that are found to be gone.

        `forks` is how many processes the kernel had made before this call, -1 where it does not say. With
        `always` the missing are looked for whether or not anybody came.
        """
        if forks == self._newer.forks >= 0 and not always and not self._stale:
            return [], ()
        always, self._stale, self._whole = always or self._whole, False, False
        older, now = self._older, _Mark(self._last_pid(), forks)
        self._older, self._newer = self._newer, now
        numbers = None if always or not self.trusted else _between(older, now, len(known) // _SHARE)
        if numbers is not None and self._processes is not None:
            found = [str(pid) for pid in self._processes(numbers)]
            return [pid for pid in found if pid not in known and self._is_shown(pid)], ()
        return self._listed(known, older, now)

    def _listed(self, known: Collection[str], older: _Mark, now: _Mark) -> tuple[list[str], Iterable[str]]:
        try:
            entries = self._files.list()
        except OSError as error:
            if not is_short(error):
                raise
            self.begin_anew()
            return [], ()
        present = {entry for entry in entries if entry.isdecimal()}
        self.hidden &= present
        new = sorted(present.difference(known, self.hidden), key=int)
        came = [int(pid) for pid in new if pid not in self._tried]
        if came and older.pid >= 0:
            self.trusted = older.pid < came[0] and came[-1] <= now.pid
        return new, set(known) - present

    def _last_pid(self) -> int:
        if self._processes is None:
            return -1
        try:
            return last_pid(self._files.read("loadavg"))
        except (OSError, ValueError, IndexError):
            return -1

    def _is_shown(self, pid: str) -> bool:
        """Whoever /proc does not show to us (hidepid) is not listed either."""
        return pid not in self.hidden and self._files.exists(pid)


def _between(older: _Mark, now: _Mark, limit: int) -> range | None:
    """The numbers given out since an earlier look; None where it takes a listing to know.

    Fewer numbers than new processes mean that some came from elsewhere: from another pid namespace, or with a
    pid of their choice.
    """
    given = now.pid - older.pid
    if older.pid < 0 or now.pid < 0 or not max(now.forks - older.forks, 0) <= given <= limit:
        return None
    return range(older.pid + 1, now.pid + 1)
