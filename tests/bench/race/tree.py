"""The tree that everybody looks at: processes with the names, users and command lines that servers have.

Each is a small static program under a file name of its own, so that name, path and command line are what a
contestant would read on a real host. They are children of process 1 of the race's own pid namespace, as
services are of a host's.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle, islice
from typing import TYPE_CHECKING

from plan import ACTIVE, CHURN, LIFE, PERIOD
from programs import HERE, compiled

sys.path.insert(0, str(HERE / "workloads"))
from mixes import CROWD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

# What the sample hosts run as real programs, in the numbers that a busy server has.
SERVICES: tuple[tuple[str, str, str, int], ...] = (
    ("postgres", "postgres: 15/main: shop shop 127.0.0.1(4711) idle", "postgres", 40),
    ("nginx", "nginx: worker process", "www-data", 9),
    ("redis-server", "/usr/bin/redis-server 127.0.0.1:6379", "redis", 2),
    ("java", "/usr/bin/java -Xmx2g -jar /srv/shop/orders.jar", "daemon", 6),
    *((name, line, user, many) for name, line, user, many, _ in CROWD),
)
KILOBYTES = 64  # what each touches, beside the program itself
TOTAL = 0.4  # of a core, of all that work together
SLOWEST = 20  # microseconds a second, of the least busy that works
KERNEL = 15  # bytes of a name that the kernel keeps
NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Member:
    """One process to start: its file's name, its command line, and what it does."""

    name: str
    line: str
    settings: Mapping[str, int]
    environment: Mapping[str, str]


def members(count: int, load: str) -> Iterator[Member]:
    """One of each service first, then more of those that hosts have many of, in their proportions."""
    every = [name for name in SERVICES for _ in range(name[3] - 1)]
    # A stride that shares no factor with the list spreads each service's processes over the whole.
    stride = next(step for step in range(37, len(every)) if len(every) % step)
    spread = [every[place * stride % len(every)] for place in range(len(every))]
    chosen = [*islice(SERVICES, count), *islice(cycle(spread), max(count - len(SERVICES), 0))]
    busy = round(count * ACTIVE[load])
    every_nth = count // busy if busy else count + 1
    weights = sum(1 / rank for rank in range(1, busy + 1))
    rank = 0
    for place, (name, line, user, _) in enumerate(chosen):
        settings = {"uid": uid(user), "rss": KILOBYTES}
        if place % every_nth == 0 and rank < busy:
            rank += 1
            a_second = max(TOTAL * 1e6 / rank / weights, SLOWEST)
            period = PERIOD[load]
            settings |= {"period": period, "burn": round(a_second * period / 1000)}
        yield Member(name, line, settings, {})


def churn() -> Member:
    """A parent that starts short jobs one after another."""
    job = f"rss={KILOBYTES},life={LIFE},burn=2000"
    return Member(
        "job-runner",
        "/usr/bin/job-runner --queue jobs",
        {"rate": CHURN},
        {"CHILD": "job", "CHILD_MEMBER": job},
    )


@lru_cache(None)
def uid(user: str) -> int:
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return NOBODY


class Tree:
    """The processes that were started, until the end of the `with` block of `growing`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self._program = folder / "-member"
        # A copy, because links do not reach from one file system to another.
        shutil.copy(compiled("member", "-static"), self._program)
        self.pids: list[int] = []
        self.names: dict[int, str] = {}  # by pid, as the kernel writes them
        self.runner = 0  # the parent of short jobs, where there is one

    def start(self, member: Member) -> int:
        settings = ",".join(f"{key}={value}" for key, value in member.settings.items())
        environment = {"MEMBER": settings, **member.environment}
        if "CHILD" in environment:
            environment["CHILD"] = str(self._file(environment["CHILD"]))
        pid = os.posix_spawn(
            str(self._file(member.name)), member.line.split(), environment, file_actions=QUIET
        )
        self.pids.append(pid)
        self.names[pid] = member.name[:KERNEL]
        return pid

    def stop(self, pids: Sequence[int]) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)
        gone = set(pids)
        self.pids = [pid for pid in self.pids if pid not in gone]

    def _file(self, name: str) -> Path:
        path = self._folder / name
        if not path.exists():
            path.hardlink_to(self._program)
        return path


QUIET = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0) for descriptor in (0, 1, 2)]


@contextmanager
def growing(folder: Path, count: int, load: str) -> Iterator[Tree]:
    tree = Tree(folder)
    try:
        for member in members(count, load):
            tree.start(member)
        if load == "churn":
            tree.runner = tree.start(churn())
        yield tree
        if tree.runner:
            os.kill(tree.runner, signal.SIGUSR1)  # it waits for its jobs, so that none is left behind
            time.sleep(1.5)
    finally:
        tree.stop(tree.pids)
