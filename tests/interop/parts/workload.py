"""Processes that do exactly what a test says, one thing at a time, and nothing in between.

    with Workload("meter") as one:
        one.burn(20)          # at least 20 ticks of CPU time in user mode
        one.write(1 << 20)    # a mebibyte to the disk

The child reads orders from a pipe and answers when it is done, so between two orders it does not run and
what it has used stands still: two observers that look at different moments see the same numbers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

_CHILD = Path(__file__).with_name("obedient.py")


class Workload:
    """One child under the given kernel name, which is cut at 15 bytes as the kernel does."""

    def __init__(self, name: str, scratch: Path) -> None:
        self._scratch = scratch / f"scratch-{os.getpid()}-{id(self)}"
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_CHILD), name, str(self._scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._answer()

    @property
    def pid(self) -> int:
        return self._child.pid

    def burn(self, ticks: int) -> None:
        self._order("burn", ticks)

    def burn_elsewhere(self, ticks: int) -> None:
        """Like `burn`, but in a second thread that ends."""
        self._order("burn_elsewhere", ticks)

    def write(self, size: int) -> None:
        self._order("write", size)

    def read(self, size: int) -> None:
        """From the disk, not from the page cache."""
        self._order("read", size)

    def hold(self, size: int) -> None:
        """Resident memory that stays."""
        self._order("hold", size)

    def threads(self, count: int) -> None:
        self._order("threads", count)

    def become(self, uid: int) -> None:
        """Another user; one without a name, where the system knows none under that number."""
        self._order("become", uid)

    def zombie(self) -> int:
        """A child that has ended and is never asked for."""
        return int(self._order("zombie", 0))

    def exit(self) -> None:
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()
        self._scratch.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.exit()

    def _order(self, word: str, value: int) -> str:
        if self._child.stdin is None:
            raise RuntimeError("the child has no standard input")
        self._child.stdin.write(f"{word} {value}\n")
        return self._answer()

    def _answer(self) -> str:
        if self._child.stdout is None:
            raise RuntimeError("the child has no standard output")
        answer = self._child.stdout.readline()
        if not answer:
            raise RuntimeError(f"the workload ended with status {self._child.wait()}")
        return answer.strip()
