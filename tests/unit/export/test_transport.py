"""One connection: what it says of itself, when it is used again, and what it takes for an answer."""

import socket
from threading import Thread

import pytest

from nrdot.clock import SystemClock
from nrdot.errors import Retryable
from nrdot.export.endpoint import endpoint
from nrdot.export.transport import Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Scripted:
    """A server that gives each connection its answers in turn, then hangs up; it keeps requests' heads."""

    def __init__(self, *connections):
        self.heads = []
        self._connections = connections
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        for answers in self._connections:
            sock, _ = self._listener.accept()
            with sock, sock.makefile("rb") as file:
                for answer in answers:
                    head = b"".join(iter(file.readline, b"\r\n"))
                    file.read(4)  # the body of every test
                    self.heads.append(head.decode().lower().splitlines())
                    sock.sendall(answer)

    def close(self):
        self._thread.join(10)
        self._listener.close()


@pytest.fixture
def serving():
    """A transport to a server with a script; both are closed at the end."""
    made = []

    def make(*connections):
        server = Scripted(*connections)
        target = endpoint(f"http://127.0.0.1:{server.port}")
        transport = Transport(SystemClock(), target, timeout=10, tls=None, proxy=None)
        made.append((server, transport))
        return server, transport

    yield make
    for server, transport in made:
        transport.close()
        server.close()


def test_a_connection_serves_one_request_after_the_other(serving):
    server, transport = serving([OK, OK])
    assert [transport.post(b"1234", {}).body for _ in range(2)] == [b"ok", b"ok"]
    assert len(server.heads) == 2


def test_a_connection_on_which_the_server_has_hung_up_is_not_used_again(serving):
    server, transport = serving([OK], [OK])
    assert transport.post(b"1234", {}).status == 200
    while transport._connection.is_connected:
        """Its end is on the way."""
    assert transport.post(b"1234", {}).status == 200
    assert len(server.heads) == 2


def test_an_answer_that_ends_before_its_length_is_none(serving):
    _, transport = serving([b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\nok"])
    with pytest.raises(Retryable, match="hung up before it had answered"):
        transport.post(b"1234", {})


def test_an_answer_without_a_length_ends_with_its_connection(serving):
    _, transport = serving([b"HTTP/1.1 200 OK\r\n\r\nok"], [OK])
    assert transport.post(b"1234", {}).body == b"ok"
    assert transport.post(b"1234", {}).body == b"ok"


def test_an_answer_in_chunks_is_joined_and_the_connection_stays(serving):
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"
    server, transport = serving([chunks, OK])
    assert [transport.post(b"1234", {}).body for _ in range(2)] == [b"ok", b"ok"]
    assert len(server.heads) == 2


def test_a_header_that_comes_twice_is_one_with_both_values(serving):
    answer = OK.replace(b"\r\nContent", b"\r\nVary: a\r\nvary: b\r\nContent")
    _, transport = serving([answer])
    assert transport.post(b"1234", {}).headers["vary"] == "a, b"


def test_a_request_names_its_host_and_how_long_it_is(serving):
    server, transport = serving([OK])
    transport.post(b"1234", {"X-Own": "1"})
    (head,) = server.heads
    assert head[0] == "post /v1/metrics http/1.1"
    assert {f"host: 127.0.0.1:{server.port}", "content-length: 4", "x-own: 1"} <= set(head)
