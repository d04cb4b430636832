"""What this process itself costs."""

from __future__ import annotations

import os
import sys
import time
from functools import lru_cache

_STATM = "/proc/self/statm"

if sys.platform == "win32":

    def cpu_seconds() -> tuple[float, float]:
        """CPU in user and in system mode since the start, all threads."""
        spent = os.times()
        return spent.user, spent.system

else:
    import resource

    def cpu_seconds() -> tuple[float, float]:
        """CPU in user and in system mode since the start, all threads, to the microsecond."""
        spent = resource.getrusage(resource.RUSAGE_SELF)
        return spent.ru_utime, spent.ru_stime


def thread_seconds() -> float:
    """CPU of the calling thread alone: what a tick costs without the exports that run beside it."""
    return time.thread_time()


@lru_cache(1)
def _statm(_pid: int) -> int:
    """Kept open, because opening costs several times what reading does; a fork opens its own."""
    return os.open(_STATM, os.O_RDONLY)


def resident_bytes() -> int:
    """Memory now, not at its highest. Always of the real /proc: a fake tree has no entry for us."""
    try:
        return int(os.pread(_statm(os.getpid()), 128, 0).split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import psutil

        return int(psutil.Process().memory_info().rss)
