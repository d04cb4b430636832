"""One place that takes what every contestant exports, and keeps it as it came until the turns are over.

OTLP is received over HTTP, Prometheus exporters are scraped at the race's interval, a plugin's standard
output is read. Nothing is decoded here: that would be work beside the contestants.
"""

from __future__ import annotations

import gzip
import http.client
import os
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

BREATH = 0.2  # seconds at least between two scrapes, however slow the exporter is
SILENCE = 0.15  # seconds; a plugin that has written nothing for so long has finished its look


@dataclass(frozen=True, slots=True)
class Arrival:
    at: float  # on the monotonic clock
    kind: str  # otlp, prometheus or netdata
    encoding: str
    body: bytes  # as it came over the wire


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A contestant that is ended leaves its connection in the middle; that is no news."""


class Receiver:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrived: dict[str, list[Arrival]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.take(self.path.split("/")[1], "otlp", self.headers.get("Content-Encoding", ""), body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def endpoint(self, name: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def take(self, name: str, kind: str, encoding: str, body: bytes) -> None:
        arrival = Arrival(time.monotonic(), kind, encoding, body)
        with self._lock:
            self._arrived.setdefault(name, []).append(arrival)

    def arrived(self, name: str) -> list[Arrival]:
        with self._lock:
            return list(self._arrived.get(name, ()))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Scraper:
    """Asks an exporter as Prometheus does, while it is its turn: at the interval, on one connection."""

    def __init__(self, receiver: Receiver, name: str, port: int, interval: float) -> None:
        self._receiver, self._name, self._port, self._interval = receiver, name, port, interval
        self.on = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed = True
        self.on.set()
        self._thread.join(timeout=60)

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        while not self._closed:
            self.on.wait()
            began = time.monotonic()
            if not self._closed:
                try:
                    self._scrape(connection)
                except (OSError, http.client.HTTPException):
                    connection.close()  # not listening yet, or stopped in the middle
            time.sleep(max(self._interval - (time.monotonic() - began), BREATH))

    def _scrape(self, connection: http.client.HTTPConnection) -> None:
        headers = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "gzip"}
        connection.request("GET", "/metrics", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        encoding = answer.headers.get("Content-Encoding", "")
        self._receiver.take(self._name, "prometheus", encoding, body)


class Pipe:
    """Reads a plugin's standard output; what it writes without a pause is one look."""

    def __init__(self, receiver: Receiver, name: str, output: IO[bytes]) -> None:
        self._receiver, self._name, self._output = receiver, name, output
        os.set_blocking(output.fileno(), False)
        self._closed = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed = True
        self._thread.join(timeout=10)

    def _run(self) -> None:
        text, last = b"", time.monotonic()
        while not self._closed:
            if chunk := self._output.read():
                text, last = text + chunk, time.monotonic()
            elif text and time.monotonic() - last > SILENCE:
                self._receiver.take(self._name, "netdata", "", text)
                text = b""
            time.sleep(0.02)


def until(condition: Callable[[], object], what: str, seconds: float) -> None:
    """Wait for something that has to happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.01)


def plain(arrival: Arrival) -> bytes:
    """The body without its compression."""
    if arrival.encoding == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(arrival.body)
    return gzip.decompress(arrival.body) if arrival.encoding == "gzip" else arrival.body
