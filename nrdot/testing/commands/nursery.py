"""Commands of ours as processes of their own, forked from one that has NRDOT loaded already.

Each is a process with its own signals, streams and end, as a user's is; only the interpreter's start and the
imports are done once for all of them. What a start itself does is for tests that start one.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOADED = "nrdot.testing.commands.loaded"
_NOWHERE = Path(os.devnull)


class Forked:
    """`nrdot` with these arguments in `folder`; what it prints goes into files."""

    def __init__(
        self,
        *arguments: object,
        folder: Path,
        environment: Mapping[str, str],
        out: Path = _NOWHERE,
        err: Path = _NOWHERE,
    ) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload([LOADED])
        words = [str(word) for word in arguments]
        self._process = context.Process(target=_run, args=(words, folder, dict(environment), out, err))
        with _program_as_installed():
            self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit status, negative where a signal ended it; None while it runs."""
        return self._process.exitcode

    def wait(self, seconds: float) -> int:
        self._process.join(seconds)
        status = self.poll()
        if status is None:
            raise TimeoutError(f"process {self.pid} still runs after {seconds:g} s")
        return status

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


@contextmanager
def _program_as_installed() -> Iterator[None]:
    """The first start begins the process that is forked: it must not find NRDOT in the current folder."""
    before = os.environ.get("PYTHONSAFEPATH", "")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        os.environ["PYTHONSAFEPATH"] = before  # empty is as good as absent


def _run(words: list[str], folder: Path, environment: dict[str, str], out: Path, err: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    for number, path in enumerate((_NOWHERE, out, err)):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
        os.dup2(os.open(path, flags), number)
    sys.argv = ["nrdot", *words]
    main()
