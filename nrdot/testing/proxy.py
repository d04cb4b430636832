"""An HTTP proxy on loopback: tunnels (CONNECT) and forwards, with credentials where asked for."""

from __future__ import annotations

import base64
import http.client
import select
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from typing import Self


class HttpProxy:
    """Listens until `close`. `credentials` is `user:password`; a `status` refuses everything."""

    def __init__(self, *, credentials: str = "", status: int = 0) -> None:
        self.tunnels: list[str] = []  # host:port of each tunnel that was opened
        self.forwarded: list[str] = []  # URL of each request that was passed on
        self.status = status
        self.expected = "Basic " + base64.b64encode(credentials.encode()).decode() if credentials else ""
        self._server = _Listener(self)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, owner: HttpProxy) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Either side may hang up in the middle; that is what tests do."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def do_CONNECT(self) -> None:
        if self._turned_away():
            return
        self.server.owner.tunnels.append(self.path)
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as beyond:
            self.send_response(200)
            self.end_headers()
            _relay(self.connection, beyond)
        self.close_connection = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._turned_away():
            return
        self.server.owner.forwarded.append(self.path)
        target = urlsplit(self.path)
        passed = {
            name: value for name, value in self.headers.items() if not name.lower().startswith("proxy-")
        }
        beyond = http.client.HTTPConnection(target.hostname or "", target.port)
        beyond.request("POST", target.path, body, passed)
        answer = beyond.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        beyond.close()

    def _turned_away(self) -> bool:
        owner = self.server.owner
        status = owner.status
        if owner.expected and self.headers.get("Proxy-Authorization") != owner.expected:
            status = 407
        if status:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
        return bool(status)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Silent: tests read the lists."""


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Bytes both ways until either side hangs up."""
    while True:
        ready, _, _ = select.select((one, other), (), ())
        for source in ready:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)
