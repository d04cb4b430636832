"""A loopback HTTP relay that writes down what the agent says and what the Collector answers.

The Collector decompresses silently; only on the wire can be seen that a body was compressed at all.
"""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from parts.program import HANG_GUARD


@dataclass(frozen=True, slots=True)
class Exchange:
    path: str
    encoding: str  # Content-Encoding, empty for none
    content_type: str
    body: bytes  # as it was on the wire
    status: int


class Relay:
    """Listens on a free port and passes every POST on to `port` on loopback."""

    def __init__(self, port: int) -> None:
        self.exchanges: list[Exchange] = []
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, answer = _forward(port, self.path, body, dict(self.headers))
                relay.exchanges.append(
                    Exchange(
                        path=self.path,
                        encoding=self.headers.get("Content-Encoding", ""),
                        content_type=self.headers.get("Content-Type", ""),
                        body=body,
                        status=status,
                    )
                )
                self.send_response(status)
                self.send_header("Content-Type", headers.get("Content-Type", "application/x-protobuf"))
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Say nothing: the exchanges are the log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _forward(port: int, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG_GUARD)
    try:
        kept = {key: value for key, value in headers.items() if key.lower() not in ("host", "connection")}
        connection.request("POST", path, body, kept)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()
