"""Networks that swallow, drip, refuse and stand between: rows 15 and 27 of the table of faults."""

from __future__ import annotations

import socket
from threading import Event, Thread
from time import monotonic, sleep

import pytest

from nrdot.clock import SystemClock
from nrdot.errors import Retryable
from nrdot.export.endpoint import proxy
from nrdot.export.tls import TlsFiles
from nrdot.testing.delivery.requests import POINTS, record, request
from nrdot.testing.servers.certificates import Authority, server_context
from nrdot.testing.servers.otlp import OtlpServer, Reply
from nrdot.testing.servers.proxy import HttpProxy

TIMEOUT = 0.5  # seconds; what takes several times as long did not keep it
FAR = 20.0  # a loose guard against hanging


def refusal(sender) -> Retryable:
    with pytest.raises(Retryable) as caught:
        sender.export(request(2), 2 * POINTS)
    return caught.value


@pytest.fixture
def closed_port():
    """A port at which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture
def black_hole():
    """A port that drops what asks for a connection: its queue is full and nobody takes from it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        yield address[1]
        for sock in waiting:
            sock.close()


def test_nobody_listening_is_said_in_words(exporter, closed_port):
    error = refusal(exporter(None, f"http://127.0.0.1:{closed_port}"))
    assert "refuses connections" in str(error)
    assert not error.alarm


def test_a_black_hole_ends_with_the_timeout(exporter, black_hole):
    began = monotonic()
    error = refusal(exporter(None, f"http://127.0.0.1:{black_hole}", timeout=TIMEOUT))
    assert "no answer within 0.5 s" in str(error)
    assert monotonic() - began < FAR


def test_a_server_that_never_answers_ends_with_the_timeout(exporter):
    with OtlpServer(Reply(silent=True)) as server:
        assert "no answer within 0.5 s" in str(refusal(exporter(server, timeout=TIMEOUT)))


@pytest.mark.parametrize("body", [b"", bytes(500)])
def test_a_server_that_drips_byte_by_byte_cannot_stretch_the_timeout(exporter, body):
    # 90 bytes of headers alone would take 45 seconds, each byte well within the timeout.
    with OtlpServer(Reply(pause=0.1, body=body)) as server:
        began = monotonic()
        assert "no answer within 0.5 s" in str(refusal(exporter(server, timeout=TIMEOUT)))
        assert monotonic() - began < 5


def test_each_request_has_the_whole_timeout_and_no_more(exporter):
    with OtlpServer(Reply(), Reply(), Reply(pause=0.1), Reply(), Reply(pause=0.1)) as server:
        sender = exporter(server, timeout=TIMEOUT)
        for taken in (2, 1):
            for _ in range(taken):
                sender.export(request(2), 2 * POINTS)
                sleep(0.6 * TIMEOUT)  # so that the watch sleeps from one request into the next
            began = monotonic()
            assert "no answer within 0.5 s" in str(refusal(sender))
            assert 0.9 * TIMEOUT < monotonic() - began < 5


def test_a_handshake_that_drips_cannot_stretch_the_timeout(exporter, tmp_path):
    authority = Authority("Test authority")
    context = server_context(authority.issue("collector"), tmp_path)
    with OtlpServer(tls=context) as server, socket.create_server(("127.0.0.1", 0)) as front:
        ended = Event()

        def drip():
            near, _ = front.accept()
            with near, socket.create_connection(("127.0.0.1", server.port)) as far:
                far.sendall(near.recv(65536))
                for byte in far.recv(65536):
                    if ended.wait(0.1):
                        return
                    try:
                        near.sendall(bytes([byte]))
                    except OSError:
                        return

        thread = Thread(target=drip)
        thread.start()
        files = TlsFiles(ca_file=authority.write(tmp_path))
        sender = exporter(None, f"https://127.0.0.1:{front.getsockname()[1]}", timeout=TIMEOUT, tls=files)
        began = monotonic()
        assert "no answer within 0.5 s" in str(refusal(sender))
        assert monotonic() - began < 5
        ended.set()
        thread.join()


def test_a_proxy_that_drips_its_tunnel_cannot_stretch_the_timeout(exporter, tmp_path):
    with OtlpServer(Reply(pause=0.1)) as slow:
        # The server answers CONNECT as it answers everything: with an error page, slowly.
        sender = exporter(
            None,
            "https://collector.example",
            timeout=TIMEOUT,
            proxy=proxy(slow.url),
            tls=TlsFiles(ca_file=Authority("Test authority").write(tmp_path)),
        )
        began = monotonic()
        refusal(sender)
        assert monotonic() - began < 5


def test_the_connection_after_a_timeout_is_a_new_one(exporter):
    with OtlpServer(Reply(silent=True), Reply()) as server:
        sender = exporter(server, timeout=TIMEOUT)
        refusal(sender)
        sender.export(request(2), 2 * POINTS)
        assert server.connections == 2


def test_sampling_keeps_its_beat_while_a_request_hangs(draining):
    with OtlpServer(Reply(silent=True)) as server:
        drain, _, _ = draining(server, records=1, clock=SystemClock())
        stop = Event()
        thread = Thread(target=drain.run, args=(stop,), daemon=True)
        thread.start()
        server.wait_for(1)
        # The request hangs from here on, and the buffer takes whatever comes all the same.
        for _ in range(1000):
            drain.buffer.put(record(1))
        seen = drain.buffer.statistics()
        assert (seen.records, seen.delivered) == (1001, 0)
        assert not any(drain.status().requests.values())
        stop.set()
        drain.exporter.close()
        thread.join(FAR)
        assert not thread.is_alive()
        assert drain.buffer.statistics().records == 1001


def test_closing_ends_a_request_that_hangs(exporter):
    with OtlpServer(Reply(silent=True)) as server:
        sender = exporter(server, timeout=600.0)
        errors = []
        thread = Thread(target=lambda: errors.append(refusal(sender)))
        thread.start()
        server.wait_for(1)
        sender.close()
        thread.join(FAR)
        assert not thread.is_alive()
        assert "closed" in str(errors[0])


def test_a_proxy_forwards_plain_requests_and_tunnels_secure_ones(exporter, tmp_path):
    authority = Authority("Test authority")
    context = server_context(authority.issue("collector"), tmp_path)
    with (
        HttpProxy(credentials="agent:p@ss") as between,
        OtlpServer() as plain,
        OtlpServer(tls=context) as secure,
    ):
        way = proxy(f"http://agent:p%40ss@127.0.0.1:{between.port}")
        exporter(plain, proxy=way).export(request(2), 2 * POINTS)
        files = TlsFiles(ca_file=authority.write(tmp_path))
        sender = exporter(secure, proxy=way, tls=files)
        sender.export(request(1), POINTS)
        sender.export(request(1), POINTS)
        assert between.forwarded == [f"{plain.url}/v1/metrics"]
        assert between.tunnels == [f"127.0.0.1:{secure.port}"]
        assert plain.points == secure.points == 2 * POINTS
        assert "proxy-authorization" not in secure.requests[0].headers
        assert {one.headers["host"] for one in secure.requests} == {f"127.0.0.1:{secure.port}"}


@pytest.mark.parametrize("target", ["http://collector.example:4318", "https://collector.example:4318"])
def test_a_dead_proxy_is_named_and_the_data_held(exporter, closed_port, target):
    error = refusal(exporter(None, target, proxy=proxy(f"http://127.0.0.1:{closed_port}")))
    assert f"the proxy 127.0.0.1:{closed_port} refuses connections" in str(error)


@pytest.mark.parametrize("target", ["http://collector.example:4318", "https://collector.example:4318"])
def test_a_proxy_that_wants_credentials_says_so_without_showing_any(exporter, target):
    with HttpProxy(credentials="agent:right") as between:
        way = proxy(f"http://agent:wrong-secret@127.0.0.1:{between.port}")
        error = refusal(exporter(None, target, proxy=way))
    assert "asks for credentials (407)" in str(error)
    assert "secret" not in str(error)
    assert error.alarm


def test_a_proxy_that_opens_no_tunnel_is_named(exporter):
    with HttpProxy(status=403) as between:
        way = proxy(f"http://127.0.0.1:{between.port}")
        error = refusal(exporter(None, "https://collector.example", proxy=way))
    assert f"the proxy 127.0.0.1:{between.port} opens no tunnel (403)" in str(error)


def test_a_name_that_does_not_resolve_is_said_in_words(exporter):
    error = refusal(exporter(None, "http://nowhere.invalid:4318"))
    assert "nowhere.invalid:4318 has a name that cannot be resolved" in str(error)


def test_the_second_address_of_a_host_is_tried_when_the_first_refuses(exporter):
    # localhost is ::1 first on many machines, and the server listens on 127.0.0.1 only.
    with OtlpServer() as server:
        exporter(None, f"http://localhost:{server.port}").export(request(2), 2 * POINTS)
        assert server.points == 2 * POINTS


def test_an_idle_connection_that_the_server_closed_is_replaced_without_a_failure(exporter):
    with OtlpServer(Reply(headers={"Connection": "close"})) as server:
        sender = exporter(server)
        for _ in range(3):
            sender.export(request(2), 2 * POINTS)
        assert server.connections == 3


def test_a_destination_that_hangs_does_not_hold_up_another(draining, emptied):
    with OtlpServer(Reply(silent=True)) as stuck, OtlpServer() as well:
        hanging, _, _ = draining(stuck, records=1, clock=SystemClock())
        thread = Thread(target=hanging.drain_once)
        thread.start()
        stuck.wait_for(1)
        drain, buffer, clock = draining(well)
        emptied(drain, buffer, clock)
        assert well.points == 3 * 10 * POINTS
        assert thread.is_alive()
        hanging.exporter.close()
        thread.join(FAR)
