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
_PATIENCE = 1.0  # seconds
_NO_TUNNEL = "Tunnel connection failed: "  # http.client's words, then the proxy's status


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
        host, port = (via.host, via.port) if via else (target.host, target.port)
        if self._tls is None or context is None:
            return _Connection(self._watch, host, port)
        name = self._tls.server_name or target.host
        connection = _TlsConnection(self._watch, host, port, tls=self._tls, context=context, name=name)
        if via:
            asking = {"Proxy-Authorization": via.authorization} if via.authorization else {}
            connection.set_tunnel(target.host, target.port, asking)
        return connection

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
        _, refused, status = str(error).partition(_NO_TUNNEL)
        if refused:
            asks = "asks for credentials" if status.startswith("407") else "opens no tunnel"
            return Retryable(f"{peer} {asks} ({status[:3]})", alarm=True)
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

    def __init__(self, watch: _Watch, host: str, port: int) -> None:
        super().__init__(host.rstrip("."), port)
        self._watch = watch
        self._found_as = host  # a dot at its end keeps the resolver from trying the domains that it searches

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
        if self._tunnel_host:  # type: ignore[attr-defined] # set_tunnel was called
            self._tunnel()  # type: ignore[attr-defined] # as connect() of http.client itself does

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.sock.settimeout(self._watch.remaining())
        self.request("POST", path, body, headers)

    def close(self) -> None:
        super().close()
        self._watch.follow(None)

    def _reached(self) -> socket.socket:
        """The first address that connects. Each gets a fair share of the time that is left."""
        found = socket.getaddrinfo(self._found_as, self.port, type=socket.SOCK_STREAM)
        failure = OSError(f"no address for {self._found_as}")
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
        self, watch: _Watch, host: str, port: int, *, tls: Tls, context: ssl.SSLContext, name: str
    ) -> None:
        super().__init__(watch, host, port)
        self._tls = tls
        self._context = context
        self._name = name.rstrip(".").partition("%")[0]  # certificates know no dot and no interface

    def connect(self) -> None:
        super().connect()
        self.sock = sock = self._context.wrap_socket(self.sock, server_hostname=self._name)
        self._tls.check_pin(sock.getpeercert(binary_form=True))


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
