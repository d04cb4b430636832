"""Takes OTLP over HTTP from several programs at once, counts it and throws it away.

Listens on a free port of loopback and prints it. What a program sends below /NAME/ is counted under NAME.
Each line on standard input is answered with one line of JSON: NAME -> requests, points, bytes on the wire,
the wall clock of the first request in nanoseconds, and how many requests protobuf cannot read (a name that is
not UTF-8, for example). Those are taken all the same, so that nobody spends CPU on sending them again.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import zstandard
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

LARGEST = 256 * 1024 * 1024

received: dict[str, dict[str, int]] = {}
lock = threading.Lock()


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        arrived = time.time_ns()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            points, broken = count(plain(body, self.headers.get("Content-Encoding", ""))), 0
        except DecodeError:
            points, broken = 0, 1
        with lock:
            of_name = received.setdefault(
                self.path.split("/")[1],
                {"requests": 0, "points": 0, "bytes": 0, "broken": 0, "first": arrived},
            )
            of_name["requests"] += 1
            of_name["points"] += points
            of_name["bytes"] += len(body)
            of_name["broken"] += broken
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent: standard output is for answers."""


def plain(body: bytes, encoding: str) -> bytes:
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return gzip.decompress(body) if encoding == "gzip" else body


def count(body: bytes) -> int:
    request = ExportMetricsServiceRequest.FromString(body)
    return sum(
        len(getattr(metric, metric.WhichOneof("data")).data_points)
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    for _ in sys.stdin:
        with lock:
            print(json.dumps(received), flush=True)


if __name__ == "__main__":
    main()
