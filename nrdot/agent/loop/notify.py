"""What systemd wants to hear from a service of Type=notify, and nothing where no systemd listens.

A message is one datagram of `NAME=value` lines to the socket that NOTIFY_SOCKET names; a name that begins
with `@` is abstract. Datagrams never block here: a full socket loses a message, not a sample.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.clock import Clock


class Notifier:
    """Belongs to the daemon's thread, so a daemon that hangs stops feeding the watchdog."""

    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        self._clock = clock
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._socket = _socket() if self._address else None
        self.rhythm = _rhythm(environment)
        self._fed = clock.monotonic()
        self._said = ""

    def ready(self) -> None:
        self._send("READY=1")

    def reloading(self) -> None:
        """`ready` ends it. systemd takes a reload for ours only with the time at which it began."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(self._clock.monotonic() * 1e6)}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line that `systemctl status` shows; sent only when it is news."""
        line = " ".join(text.split())
        if line != self._said:
            self._said = line
            self._send(f"STATUS={line}")

    def feed(self) -> None:
        """Tell the watchdog that the loop is alive. Cheap enough for each turn, due after each `rhythm`."""
        now = self._clock.monotonic()
        if self.rhythm is not None and now - self._fed >= self.rhythm:
            self._fed = now
            self._send("WATCHDOG=1")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError:
            # systemd went away or its socket is full: it restarts us by its watchdog where that matters.
            return


def _address(name: str) -> str:
    """Sockets other than these two kinds (a future vsock) are not for us."""
    if name.startswith("@"):
        return "\0" + name[1:]
    return name if name.startswith("/") else ""


def _socket() -> socket.socket | None:
    if not hasattr(socket, "AF_UNIX"):
        return None
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.setblocking(False)
    return sender


def _rhythm(environment: Mapping[str, str]) -> float | None:
    """Seconds between two signs of life: a quarter of what systemd allows, so that one may come late."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        allowed = int(environment.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return allowed / 4e6 if allowed > 0 else None
