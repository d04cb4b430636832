"""One real program under test: started with its own log, waited for, ended by its pid."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HANG_GUARD = 180.0  # seconds; never decides a test, only ends one that would hang
PAUSE = 0.05
# A test run that is killed takes its servers with it. setpriv is of util-linux and becomes the program.
_WITH_US = ["setpriv", "--pdeathsig", "TERM"]


_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000  # below are the ports of well-known servers
_given: set[int] = set()


def free_port() -> int:
    """A loopback port that nobody listens on, outside the range that the kernel takes for connections.

    A port of that range can be gone by the time that a server is started, or started again: a connection of
    anybody's may have it, even that of whoever asks whether the server is up yet, to itself.
    """
    highest = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32_768
    places = range(_LOWEST, highest) if highest > _LOWEST + 1000 else range(61_000, 65_536)
    for port in random.sample(places, 200):
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise RuntimeError(f"no free port between {places.start} and {places.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(
    condition: Callable[[], object], what: str | Callable[[], str], guard: float = HANG_GUARD
) -> None:
    """Return once `condition` holds; `what` says in words what was waited for, then or at the end."""
    deadline = time.monotonic() + guard
    while not condition():
        if time.monotonic() > deadline:
            words = what if isinstance(what, str) else what()
            raise TimeoutError(f"waited {guard:.0f} s in vain: {words}")
        time.sleep(PAUSE)


def executable(name: str) -> str:
    """A program of the system, looked up where Debian keeps servers as well."""
    versioned = sorted(str(path.parent) for path in Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    places = [*versioned[-1:], os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise FileNotFoundError(f"{name} is not installed; run tests/interop/setup")
    return found


class Program:
    """A child process with its output in a file. Use it as a context manager."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        ready: Callable[[], object],
        *,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.command = list(command)
        self.log = log
        self.ready = ready
        self.user = user
        self.stop_signal = stop_signal
        self.environment = environment
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError(f"{self.command[0]} does not run")
        return self._child.pid

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                [*_WITH_US, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
                env=self.environment,
                start_new_session=True,
            )
        try:
            wait_until(self._up, f"{self.command[0]} to be ready")
        except TimeoutError as error:
            self.stop()
            raise RuntimeError(f"{error}\n{self.output[-4000:]}") from error

    def wait(self, guard: float = HANG_GUARD) -> int:
        """The exit status, once the program has ended by itself."""
        if self._child is None:
            raise RuntimeError(f"{self.command[0]} does not run")
        return self._child.wait(guard)

    def kill(self) -> None:
        """No time to say goodbye."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def stop(self) -> None:
        if self._child is None:
            return
        child, self._child = self._child, None
        if child.poll() is None:
            child.send_signal(self.stop_signal)
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def is_alive(self) -> bool:
        """True, or an error with the last words of a program that has ended by itself."""
        if self._child is not None and self._child.poll() is not None:
            status = self._child.returncode
            raise RuntimeError(f"{self.command[0]} ended with status {status}\n{self.output[-4000:]}")
        return True

    def _up(self) -> bool:
        return self.is_alive() and bool(self.ready())
