"""An HTTP proxy on loopback: tunnels (CONNECT) and forwards, with credentials where asked for."""

from __future__ import annotations

import base64
import http.client
import selectors
import socket
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from nrdot.testing.servers.loopback import Listener, Loopback


class HttpProxy(Loopback):
    """Listens until `close`. `credentials` is `user:password`; a `status` refuses everything."""

    def __init__(self, *, credentials: str = "", status: int = 0) -> None:
        self.tunnels: list[str] = []  # host:port of each tunnel that was opened
        self.forwarded: list[str] = []  # URL of each request that was passed on
        self.status = status
        self.expected = "Basic " + base64.b64encode(credentials.encode()).decode() if credentials else ""
        super().__init__(_Listener(self))


class _Listener(Listener):
    def __init__(self, owner: HttpProxy) -> None:
        self.owner = owner
        super().__init__(_Handler, 0)


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
    # Not select(): a test process may hold more than the 1,024 descriptors that it can name.
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]  # both are sockets
                if not data:
                    return
                key.data.sendall(data)
