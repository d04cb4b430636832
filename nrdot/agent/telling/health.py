"""/healthz, /readyz and /metrics, answered one after the other by one thread.

A request has one second altogether, however slowly its bytes come, so that no client holds the others up.
"""

from __future__ import annotations

import io
import json
import socket
import sys
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from nrdot.errors import StartError
from nrdot.telemetry.log import Log
from nrdot.telemetry.openmetrics import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from nrdot.clock import Clock

    Answer = tuple[int, str, str]  # status, content type, body

    class Reported(Protocol):
        def unhealthy(self) -> str: ...

        def document(self) -> dict[str, Any]: ...


_log = Log("agent")

PATIENCE = 1.0  # seconds for a whole request
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class HealthServer:
    """Listens from the moment it is made; raises StartError where it cannot."""

    def __init__(self, listen: str, clock: Clock, status: Reported, metrics: Callable[[], str]) -> None:
        host, port = parse(listen)
        pages = {
            "/healthz": lambda: _health(status),
            "/readyz": lambda: _ready(status),
            "/metrics": lambda: (200, CONTENT_TYPE, metrics()),
        }
        try:
            self._server = _Server(host, port, clock, pages)
        except OSError as error:
            raise StartError(
                f"agent.listen: cannot listen on {listen}: {error.strerror or error}; "
                f'name another address, or "" to switch /healthz, /readyz and /metrics off',
            ) from None
        self.address: tuple[str, int] = self._server.socket.getsockname()[:2]
        _log.info("listening", address=f"{self.address[0]}:{self.address[1]}")
        self._closing = False
        self._thread = Thread(target=self._serve, name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; idempotent."""
        if self._closing:
            return
        self._closing = True
        try:
            socket.create_connection(self.address, PATIENCE).close()  # it waits for a connection: here is one
        except OSError:
            return  # nobody can reach it any more, us included; the thread ends with the process
        self._thread.join(2 * PATIENCE)
        self._server.server_close()

    def _serve(self) -> None:
        while not self._closing:
            self._server.handle_request()


def parse(listen: str) -> tuple[str, int]:
    """`host:port`, `[v6]:port` or `:port`, which is every address of the host."""
    host, colon, port = listen.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if (
        not colon
        or not port.isascii()
        or not port.isdigit()
        or int(port) > 65535
        or (":" in host and not bracketed)
    ):
        raise StartError(f"agent.listen: {listen!r} is not an address; write host:port, as 127.0.0.1:13133")
    return host.strip("[]"), int(port)


def _health(status: Reported) -> Answer:
    trouble = status.unhealthy()
    return (503, TEXT, f"{trouble}\n") if trouble else (200, TEXT, "ok\n")


def _ready(status: Reported) -> Answer:
    document = status.document()
    return (200 if document["ready"] else 503), JSON, json.dumps(document) + "\n"


class _Server(TCPServer):
    # On Windows the option would let a second agent share the port.
    allow_reuse_address = sys.platform != "win32"
    request_queue_size = 16

    def __init__(self, host: str, port: int, clock: Clock, pages: dict[str, Callable[[], Answer]]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.clock = clock
        self.pages = pages
        super().__init__((host, port), _Handler)

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """A client that went away or was too slow is its own trouble; anything else is ours."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            _log.error("a page cannot be shown", error=f"{type(error).__name__}: {error}")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    error_message_format = "%(code)d %(message)s\n"
    error_content_type = TEXT

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(PATIENCE)
        self.rfile = io.BufferedReader(_Within(self.connection, self.server.clock, PATIENCE))

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            self._answer((404, TEXT, "there are /healthz, /readyz and /metrics\n"))
        else:
            self._answer(page())

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, answer: Answer) -> None:
        status, kind, body = answer
        payload = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    def version_string(self) -> str:
        return "nrdot"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the library calls it by
        """A probe every few seconds is not worth a line."""


class _Within(io.RawIOBase):
    """Reads of a connection that all together may last a time."""

    def __init__(self, connection: socket.socket, clock: Clock, seconds: float) -> None:
        self._connection = connection
        self._clock = clock
        self._deadline = clock.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        remaining = self._deadline - self._clock.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self._connection.settimeout(remaining)
        return self._connection.recv_into(buffer)
