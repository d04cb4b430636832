"""What the test servers share: a listener on loopback, served by threads until it is closed."""

from __future__ import annotations

from http.server import ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler
    from typing import Self

_LOOK = 0.02  # seconds between looks whether the end was asked for


class Listener(ThreadingHTTPServer):
    """One thread a connection; nobody waits for those that hang."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int) -> None:
        super().__init__(("127.0.0.1", port), handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that refuses us or hangs up in the middle is what many tests are about."""


class Loopback:
    """Serves from construction until `close`."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._thread = Thread(target=listener.serve_forever, args=(_LOOK,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.server_address[1])

    def close(self) -> None:
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
