"""One connection to one endpoint, and a deadline that holds for everything that happens on it.

A socket's timeout counts from byte to byte, so a server that sends one byte a second holds a request for
ever. Here a thread cuts the connection when the request's time is over, whether it connects, shakes hands,
sends or reads.

It stands on `http.client` alone: docs/decisions/0016 says why.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException, IncompleteRead
from selectors import EVENT_READ, DefaultSelector
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from nrdot.errors import Retryable
from nrdot.export.answer import LARGEST_BODY, Answer
from nrdot.export.tls import explain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.clock import Clock
    from nrdot.export.endpoint import Endpoint, Proxy
    from nrdot.export.tls import Tls


# What went wrong, by the kind of exception, with whether somebody must mend it. The first that fits speaks.
_REASONS: tuple[tuple[tuple[type[BaseException], ...], str, bool], ...] = (
    ((ssl.SSLEOFError, ssl.SSLZeroReturnError), "hung up without a word of TLS", False),
    ((socket.gaierror,), "has a name that cannot be resolved", False),
    ((ConnectionRefusedError,), "refuses connections; nothing listens there", False),
    ((ConnectionError, IncompleteRead), "hung up before it had answered", False),
    ((HTTPException,), "does not answer as an HTTP server", True),
)
_REFUSALS: dict[int, str] = {HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "asks for credentials"}
_PATIENCE = 1.0  # seconds


class _NoTunnel(OSError):
    """The proxy answered, and does not connect us."""

    def __init__(self, status: int) -> None:
        super().__init__(f"no tunnel: {status}")
        self.status = status


class Transport:
    """Posts bodies one after the other. `close` is for any thread and ends what is going on."""

    def __init__(
        self, clock: Clock, endpoint: Endpoint, *, timeout: float, tls: Tls | None, proxy: Proxy | None
    ) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._tls = tls
        self._proxy = proxy
        self._watch = _Watch(clock)
        self._connection: _Connection | None = None
        self._context: ssl.SSLContext | None = None
        self._closed = False
        self._busy = Lock()

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The endpoint's answer, whatever it is. Raises Retryable where there was none."""
        with self._busy:
            return self._post(body, headers)

    def _post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        self._watch.begin(self._timeout)
        try:
            connection = self._ready()
            answer = self._exchange(connection, body, headers)
        except Retryable:
            self._hang_up()
            raise
        except (OSError, HTTPException) as error:
            self._hang_up()
            raise self._trouble(error) from error
        finally:
            self._watch.end()
        if answer.cut:
            self._hang_up()
        return answer

    def close(self) -> None:
        self._closed = True
        self._watch.cut()
        # Whoever was at it notices at once, unless it asks the resolver, which nothing can interrupt.
        if self._busy.acquire(timeout=_PATIENCE):
            self._hang_up()
            self._busy.release()

    def _ready(self) -> _Connection:
        """The connection of the last request where it still stands, else a new one."""
        if self._closed:
            raise Retryable("closed")
        context = self._tls.context() if self._tls else None
        connection = self._connection
        if connection is not None and context is self._context and connection.is_connected:
            return connection
        self._hang_up()
        self._context = context
        self._connection = connection = self._made(context)
        connection.connect()
        return connection

    def _made(self, context: ssl.SSLContext | None) -> _Connection:
        target, via = self._endpoint, self._proxy
        if self._tls is None or context is None:
            return _Connection(self._watch, target, via)
        return _TlsConnection(self._watch, target, via, tls=self._tls, context=context)

    def _exchange(self, connection: _Connection, body: bytes, headers: Mapping[str, str]) -> Answer:
        path = self._endpoint.path
        if self._proxy and self._tls is None:
            path = str(self._endpoint).removesuffix(path.partition("?")[0]) + path
            if self._proxy.authorization:
                headers = {**headers, "Proxy-Authorization": self._proxy.authorization}
        try:
            connection.post(path, body, headers)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError) as error:
            # A server that refuses a body often answers and hangs up without reading it all; so does a TLS
            # alert. What it said is still in the socket.
            try:
                return _read(connection.getresponse())
            except (OSError, HTTPException) as last_words:
                raise (last_words if isinstance(last_words, ssl.SSLError) else error) from None
        return _read(connection.getresponse())

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _trouble(self, error: Exception) -> Retryable:
        """The reason in words."""
        peer = f"the proxy {self._proxy}" if self._proxy else f"{self._endpoint.host}:{self._endpoint.port}"
        if self._closed:
            return Retryable("closed")
        if self._watch.expired or isinstance(error, TimeoutError):
            return Retryable(f"no answer within {self._timeout:g} s")
        for kinds, words, alarm in _REASONS:
            if isinstance(error, kinds):
                return Retryable(f"{peer} {words}", alarm=alarm)
        if isinstance(error, ssl.SSLError):
            return Retryable(explain(error), alarm=True)
        if isinstance(error, _NoTunnel):
            said = _REFUSALS.get(error.status, "opens no tunnel")
            return Retryable(f"{peer} {said} ({error.status})", alarm=True)
        why = error.strerror if isinstance(error, OSError) else ""
        return Retryable(f"{peer} cannot be reached: {(why or type(error).__name__).lower()}")


class _Watch:
    """Cuts the one connection that it follows when the time is over.

    Its thread sleeps over many requests, because starting one for each costs more than sending a small body.
    It ends once a whole timeout went by without a request.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._handle: socket.socket | None = None
        self._thread: Thread | None = None
        self._under_way = False
        self._ends = 0.0
        self.expired = False

    def begin(self, seconds: float) -> None:
        with self._lock:
            self.expired, self._under_way = False, True
            self._ends = self._clock.monotonic() + seconds
            if self._thread is None:
                thread = Thread(target=self._look, name="deadline", daemon=True)
                thread.start()
                self._thread = thread

    def end(self) -> None:
        with self._lock:
            self._under_way = False

    def remaining(self) -> float:
        # Never 0, which would mean a socket that does not block.
        return max(self._ends - self._clock.monotonic(), 0.001)

    def follow(self, sock: socket.socket | None) -> None:
        """Watch this connection from now on, through a handle of our own.

        TLS takes the socket's descriptor away while it shakes hands; a duplicate still reaches it.
        """
        with self._lock:
            old, self._handle = self._handle, sock.dup() if sock else None
        if old is not None:
            old.close()

    def cut(self) -> None:
        with self._lock:
            self._shut()

    def _shut(self) -> None:
        if self._handle is not None:
            with suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)

    def _look(self) -> None:
        never = Event()
        while (left := self._left()) > 0:
            self._clock.wait(never, left)

    def _left(self) -> float:
        """Seconds until there is something to see; 0 where the thread is to end.

        A request that began meanwhile ends later than the one before, so nobody has to wake the thread.
        """
        with self._lock:
            left = self._ends - self._clock.monotonic()
            if left > 0:
                return left
            self._thread = None
            if self._under_way:
                self.expired = True
                self._shut()
        return 0.0


class _Connection(http.client.HTTPConnection):
    """A connection whose every phase the watch can end."""

    def __init__(self, watch: _Watch, target: Endpoint, via: Proxy | None) -> None:
        # Not with the dot at its end, which keeps the resolver from trying the domains that it searches.
        super().__init__(target.host.rstrip("."), target.port)
        self._watch = watch
        self._via = via
        self._peer = via or target

    @property
    def is_connected(self) -> bool:
        """Whether the server has neither hung up nor said what nobody asked for."""
        if self.sock is None:
            return False
        with DefaultSelector() as selector:
            selector.register(self.sock, EVENT_READ)
            return not selector.select(0)

    def connect(self) -> None:
        self.sock = self._reached()

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.sock.settimeout(self._watch.remaining())
        self.request("POST", path, body, headers)

    def close(self) -> None:
        super().close()
        self._watch.follow(None)

    def _reached(self) -> socket.socket:
        """The first address that connects. Each gets a fair share of the time that is left."""
        found = socket.getaddrinfo(self._peer.host, self._peer.port, type=socket.SOCK_STREAM)
        failure = OSError(f"no address for {self._peer.host}")
        for position, (family, kind, protocol, _, address) in enumerate(found):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(self._watch.remaining() / (len(found) - position))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._watch.follow(sock)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            else:
                sock.settimeout(self._watch.remaining())
                return sock
        raise failure


class _TlsConnection(_Connection):
    default_port = http.client.HTTPS_PORT

    def __init__(
        self, watch: _Watch, target: Endpoint, via: Proxy | None, *, tls: Tls, context: ssl.SSLContext
    ) -> None:
        super().__init__(watch, target, via)
        self._tls = tls
        self._context = context
        # Certificates know no dot and no interface.
        self._name = (tls.server_name or target.host).rstrip(".").partition("%")[0]
        host = f"[{target.host}]" if ":" in target.host else target.host
        self._through = f"{host}:{target.port}"

    def connect(self) -> None:
        super().connect()
        if self._via:
            self._open_tunnel(self._via)
        self.sock = sock = self._context.wrap_socket(self.sock, server_hostname=self._name)
        self._tls.check_pin(sock.getpeercert(binary_form=True))

    def _open_tunnel(self, via: Proxy) -> None:
        """Ask the proxy to connect this socket with the endpoint.

        Through a connection of its own, because the answer has no length: it ends with a close.
        """
        headers = {"Host": self._through}
        if via.authorization:
            headers["Proxy-Authorization"] = via.authorization
        asking = http.client.HTTPConnection(via.host, via.port)
        asking.sock = self.sock.dup()
        try:
            asking.request("CONNECT", self._through, headers=headers)
            with asking.getresponse() as answer:
                status = answer.status
        finally:
            asking.close()
        if status != HTTPStatus.OK:
            raise _NoTunnel(status)


def _read(response: http.client.HTTPResponse) -> Answer:
    """The answer with at most `LARGEST_BODY` bytes of its body."""
    body = response.read(LARGEST_BODY + 1)
    if response.length and len(body) <= LARGEST_BODY:
        raise IncompleteRead(body, response.length)
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Answer(response.status, headers, body[:LARGEST_BODY], cut=len(body) > LARGEST_BODY)
