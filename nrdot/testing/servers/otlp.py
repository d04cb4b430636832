"""A server that speaks OTLP over HTTP, or misbehaves as a script says.

    with OtlpServer(Reply(status=503), Reply()) as server:
        ...export to server.url...
    assert server.points == 12

Each request takes the next reply of the script; when that is used up, the last one is repeated. Bodies are
decoded with the official classes. What it received can be read at any time.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Condition, Event, Lock
from typing import TYPE_CHECKING

import zstandard
from cryptography import x509
from cryptography.x509.oid import NameOID
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from nrdot.testing.servers.loopback import Listener, Loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request gets."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    kind: str = PROTOBUF  # content type; empty leaves it out
    encodings: frozenset[str] | None = None  # those taken; others get 415
    limit: int | None = None  # bytes of a decoded request; larger ones get 413 unread
    poison: bytes | None = None  # a decoded request that holds these bytes gets 400
    silent: bool = False  # reads the request and never answers
    early: bool = False  # answers and hangs up before it has read the body
    pause: float = 0.0  # seconds between the bytes of the answer
    reset_after: int | None = None  # bytes of the answer, then the connection is reset
    raw: bytes | None = None  # these bytes in place of an HTTP answer


def partial(rejected: int, message: str) -> Reply:
    """A success that is not whole."""
    response = ExportMetricsServiceResponse()
    response.partial_success.rejected_data_points = rejected
    response.partial_success.error_message = message
    return Reply(body=response.SerializeToString())


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: Mapping[str, str]  # names in lower case
    wire_bytes: int
    payload: bytes
    message: ExportMetricsServiceRequest
    status: int  # of the answer that it got
    client: str  # common name of the client's certificate, empty without one


class OtlpServer(Loopback):
    """Listens on loopback from construction until `close`. With a context it speaks TLS."""

    def __init__(self, *script: Reply, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self._arrival = Condition()
        self._script = list(script) or [Reply()]
        self._lock = Lock()
        self._ended = Event()
        self._tls = tls
        super().__init__(_Listener(self, port))

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def then(self, *script: Reply) -> None:
        """A new script from the next request on."""
        with self._lock:
            self._script = list(script)

    def wait_for(self, requests: int, seconds: float = 30.0) -> None:
        """Until so many requests have arrived; the seconds only end a test that hangs."""
        with self._arrival:
            if not self._arrival.wait_for(lambda: len(self.requests) >= requests, seconds):
                raise TimeoutError(f"{len(self.requests)} of {requests} requests after {seconds} s")

    @property
    def delivered(self) -> list[Received]:
        """Requests that were answered with success."""
        return [request for request in self.requests if 200 <= request.status < 300]

    @property
    def points(self) -> int:
        """Data points in all delivered requests."""
        return sum(count_points(request.message) for request in self.delivered)

    def close(self) -> None:
        self._ended.set()
        super().close()

    def _keep(self, request: Received) -> None:
        with self._arrival:
            self.requests.append(request)
            self._arrival.notify_all()

    def _next(self) -> Reply:
        with self._lock:
            return self._script.pop(0) if len(self._script) > 1 else self._script[0]


def count_points(message: ExportMetricsServiceRequest) -> int:
    points = 0
    for resource in message.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                points += len(getattr(metric, metric.WhichOneof("data") or "gauge").data_points)
    return points


def decoded(body: bytes, encoding: str) -> bytes:
    """The body without its content encoding."""
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return gzip.decompress(body) if encoding == "gzip" else body


class _Listener(Listener):
    def __init__(self, owner: OtlpServer, port: int) -> None:
        self.owner = owner
        super().__init__(_Handler, port)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        sock, address = super().get_request()
        self.owner.connections += 1
        return sock, address

    def finish_request(self, request: object, client_address: object) -> None:
        """In the connection's own thread: a slow handshake holds nobody up."""
        assert isinstance(request, socket.socket)
        if self.owner._tls is not None:  # noqa: SLF001 - one class in two
            request = self.owner._tls.wrap_socket(request, server_side=True)  # noqa: SLF001
        try:
            super().finish_request(request, client_address)
        finally:
            request.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def do_POST(self) -> None:
        owner = self.server.owner
        reply = owner._next()  # noqa: SLF001
        headers = {name.lower(): value for name, value in self.headers.items()}
        encoding = headers.get("content-encoding", "")
        if reply.early:
            self.close_connection = True
            self.connection.sendall(_bytes(reply))
            return
        body = self.rfile.read(int(headers.get("content-length", "0")))
        if reply.encodings is not None and encoding not in reply.encodings:
            reply = Reply(status=415, body=b"unsupported", kind="text/plain")
        payload = decoded(body, encoding) if reply.status != 415 else b""
        if reply.limit is not None and len(payload) > reply.limit:
            reply = Reply(status=413)
        if reply.poison is not None and reply.poison in payload:
            reply = Reply(status=400, body=b"poisoned", kind="text/plain")
        message = ExportMetricsServiceRequest.FromString(payload)
        client = _client(self.connection)
        owner._keep(Received(self.path, headers, len(body), payload, message, reply.status, client))  # noqa: SLF001
        if reply.silent:
            owner._ended.wait()  # noqa: SLF001
            return
        self._answer(reply)

    def _answer(self, reply: Reply) -> None:
        answer = _bytes(reply) if reply.raw is None else reply.raw
        if reply.raw is not None:
            self.close_connection = True
        if reply.reset_after is not None:
            self.connection.sendall(answer[: reply.reset_after])
            # Lingering for no time makes the close a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif reply.pause:
            for position in range(len(answer)):
                self.connection.sendall(answer[position : position + 1])
                if self.server.owner._ended.wait(reply.pause):  # noqa: SLF001
                    return
        else:
            self.connection.sendall(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Silent: tests read `requests`."""


def _client(connection: socket.socket) -> str:
    shown = connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLSocket) else None
    if shown is None:
        return ""
    subject = x509.load_der_x509_certificate(shown).subject
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _bytes(reply: Reply) -> bytes:
    headers = {"Content-Length": str(len(reply.body)), **reply.headers}
    if reply.kind:
        headers["Content-Type"] = reply.kind
    lines = [f"HTTP/1.1 {reply.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body
