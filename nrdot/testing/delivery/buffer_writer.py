"""A process that fills a disk buffer until it is killed, and says what it was promised.

    python -m nrdot.testing.delivery.buffer_writer DIRECTORY [CGROUP | BYTES]

It forks a child for each line of standard input, so that a hundred deaths cost one start of the interpreter.
A line is the number of the first record. The child prints `put N` after record N was put to disk, `kept N`
where it waits in memory, and `leave N` before the buffer is told that record N may go; the parent prints
`pid P` before and `dead STATUS` after it. With CGROUP, a memory cgroup's directory, the child joins it and
takes memory until the kernel ends it; with BYTES, the most that its addresses may span, until it gets none.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NoReturn

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.settings import BufferSettings
from nrdot.clock import SystemClock
from nrdot.stages import Priority
from nrdot.testing.delivery.records import EVERYTHING, number_of, record

if TYPE_CHECKING:
    from collections.abc import Mapping

# Small segments, so that deaths fall on their beginnings and ends too.
SETTINGS = BufferSettings(max_bytes=8 << 20, retry_seconds=0.5)
_SIZE = 3000


class Writers:
    """The other side: starts children, one at a time, and remembers what they said."""

    def __init__(
        self, directory: Path, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> None:
        command = [sys.executable, "-m", "nrdot.testing.delivery.buffer_writer", str(directory), *arguments]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            process_group=0,
        )
        self.put: list[int] = []
        self.kept = 0  # records that waited in memory
        self.leaving: set[int] = set()
        self._rounds = 0
        self._works = False  # a child that nobody has seen dead

    def start(self) -> int:
        """Begin one; its process id."""
        # Far from the numbers of the one before, whose last record may be there without its word for it.
        self._rounds += 1
        assert self._process.stdin is not None
        self._process.stdin.write(b"%d\n" % (self._rounds * 100_000))
        self._process.stdin.flush()
        self._works = True
        return self.until("pid")

    def until(self, awaited: str) -> int:
        """Listen up to a word, and give its number."""
        while True:
            word, number = self.listen()
            if word == awaited:
                return number

    def listen(self) -> tuple[str, int]:
        assert self._process.stdout is not None
        word, _, rest = self._process.stdout.readline().decode().partition(" ")
        number = int(rest)
        if word == "put":
            self.put.append(number)
        elif word == "kept":
            self.kept += 1
        elif word == "leave":
            self.leaving.add(number)
        elif word == "dead":
            self._works = False
        return word, number

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if self._works:  # the test has failed before it ended its child, which would go on for ever
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


def main(arguments: list[str]) -> None:
    directory, limit = Path(arguments[0]), arguments[1] if len(arguments) > 1 else ""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            if limit.isdecimal():
                resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
            elif limit:
                Path(limit, "cgroup.procs").write_text(str(os.getpid()))
            work(directory, int(line), greedy=bool(limit))
        say(f"pid {child}")
        _, status = os.waitpid(child, 0)
        say(f"dead {status}")


def work(directory: Path, number: int, *, greedy: bool) -> NoReturn:
    buffer = DiskBuffer(directory, SETTINGS, SystemClock(), Files())
    chance = Random(number)
    hoard: list[bytes] = []
    while True:
        for _ in range(chance.randint(1, 12)):
            buffer.put(record(number, chance.randint(0, _SIZE), Priority(number % 3)))
            say(f"kept {number}" if buffer.alarm else f"put {number}")
            number += 1
        found = buffer.peek(EVERYTHING, EVERYTHING)[: chance.randint(0, 8)]
        for _, made in found:
            say(f"leave {number_of(made)}")
        buffer.acknowledge([sequence for sequence, _ in found])
        if greedy:
            hoard.append(b"x" * (1 << 21))  # written to, so that it counts


def say(line: str) -> None:
    # One write for each line: nothing of it waits in this process when it dies.
    os.write(1, line.encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
