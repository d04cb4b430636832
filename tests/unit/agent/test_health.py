import http.client
import json
import socket
from contextlib import suppress

import pytest

from nrdot.agent.telling.health import HealthServer, parse
from nrdot.agent.telling.status import Status
from nrdot.clock import SystemClock
from nrdot.errors import StartError
from nrdot.telemetry.openmetrics import CONTENT_TYPE
from nrdot.testing.clock import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def status(clock):
    fresh = Status(clock)
    fresh.interval = 15.0
    return fresh


@pytest.fixture
def server(clock, status):
    listening = HealthServer("127.0.0.1:0", clock, status, lambda: "# EOF\n")
    yield listening
    listening.close()


def get(server, path, method="GET"):
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["Content-Type"], body


def ready(server):
    code, kind, body = get(server, "/readyz")
    assert kind == "application/json"
    return code, json.loads(body)


def test_an_agent_whose_loop_turns_is_healthy(server):
    assert get(server, "/healthz") == (200, "text/plain; charset=utf-8", "ok\n")


def test_an_agent_whose_loop_stands_still_is_not(server, clock):
    clock.advance(46.0)

    assert get(server, "/healthz") == (503, "text/plain; charset=utf-8", "no tick for 46 s\n")


def test_a_long_interval_needs_a_longer_patience(server, clock, status):
    status.interval = 120.0
    clock.advance(46.0)

    assert get(server, "/healthz")[0] == 200


def test_an_agent_is_not_ready_before_its_first_sample(server, status):
    code, document = ready(server)

    assert (code, document["ready"]) == (503, False)
    assert document["reasons"] == ["the first sample is not taken yet"]

    status.ticks["run"] += 1
    code, document = ready(server)

    assert (code, document["ready"], document["reasons"]) == (200, True, [])


def test_an_agent_that_ends_is_not_ready(server, status):
    status.ticks["run"] += 1
    status.stopping = True

    code, document = ready(server)

    assert (code, document["reasons"]) == (503, ["stopping"])


def test_a_refused_configuration_is_shown_while_the_last_good_one_works(server, status):
    status.ticks["run"] += 1
    status.revision = "a1b2"
    status.config_error = "nrdot.yaml:3: interval: not a duration"

    code, document = ready(server)

    assert code == 200
    assert document["config"] == {
        "revision": "a1b2",
        "valid": False,
        "error": "nrdot.yaml:3: interval: not a duration",
    }


def test_metrics_are_openmetrics(server):
    assert get(server, "/metrics") == (200, CONTENT_TYPE, "# EOF\n")


def test_a_probe_may_ask_with_head_and_with_a_query(server):
    assert get(server, "/healthz", "HEAD") == (200, "text/plain; charset=utf-8", "")
    assert get(server, "/healthz?verbose=1")[0] == 200


def test_other_pages_are_not_there(server):
    code, _, body = get(server, "/metricz")

    assert (code, body) == (404, "there are /healthz, /readyz and /metrics\n")


def test_other_methods_are_refused_in_plain_text(server):
    code, kind, body = get(server, "/healthz", "POST")

    assert (code, kind) == (501, "text/plain; charset=utf-8")
    assert body.startswith("501 ")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\r\n",
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 100_000,
        b"\x16\x03\x01\x02\x00",
    ],
    ids=["nothing", "empty line", "no request", "odd version", "endless path", "a TLS hello"],
)
def test_no_client_harms_the_next_one(server, request_bytes):
    # The server may see enough of it and close before all is sent.
    with socket.create_connection(server.address) as client, suppress(OSError):
        client.sendall(request_bytes)
        client.shutdown(socket.SHUT_WR)
        client.recv(65536)

    assert get(server, "/healthz")[0] == 200


def test_a_client_that_says_nothing_holds_nobody_up_for_long(status):
    server = HealthServer("127.0.0.1:0", SystemClock(), status, lambda: "# EOF\n")
    with socket.create_connection(server.address):
        code = get(server, "/healthz")[0]
    server.close()

    assert code == 200


def test_a_client_that_speaks_byte_by_byte_is_cut_off(status):
    server = HealthServer("127.0.0.1:0", SystemClock(), status, lambda: "# EOF\n")
    with socket.create_connection(server.address) as client:
        client.settimeout(0.2)
        ended = any(cut_off(client) for _ in range(25))
    server.close()

    assert ended


def cut_off(client):
    """Send a byte, and see whether the other end has closed a moment later."""
    try:
        client.sendall(b"G")
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_page_that_fails_is_logged_and_harms_no_other(clock, status, caplog):
    broken = HealthServer("127.0.0.1:0", clock, status, lambda: 1 / 0)

    with pytest.raises(http.client.RemoteDisconnected):
        get(broken, "/metrics")
    code = get(broken, "/healthz")[0]
    broken.close()

    assert code == 200
    assert [record.fields["error"] for record in caplog.records] == ["ZeroDivisionError: division by zero"]


def test_a_port_in_use_is_a_clean_error(server, clock, status):
    taken = f"127.0.0.1:{server.address[1]}"

    with pytest.raises(
        StartError, match=f"agent.listen: cannot listen on {taken}: Address already in use; name"
    ):
        HealthServer(taken, clock, status, lambda: "")


def test_a_closed_server_answers_nobody_and_leaves_its_port(server, clock, status):
    server.close()
    server.close()

    HealthServer(f"127.0.0.1:{server.address[1]}", clock, status, lambda: "").close()


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:13133", ("127.0.0.1", 13133)),
        ("[::1]:13133", ("::1", 13133)),
        (":13133", ("", 13133)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_addresses_are_read_as_users_write_them(listen, address):
    assert parse(listen) == address


@pytest.mark.parametrize(
    "listen", ["13133", "127.0.0.1", "host:", "host:http", "host:65536", "::1:13133", "host:²"]
)
def test_what_is_no_address_is_a_clean_error(listen):
    with pytest.raises(StartError, match="is not an address; write host:port"):
        parse(listen)


def test_an_address_of_another_host_is_a_clean_error(clock, status):
    with pytest.raises(StartError, match=r"cannot listen on 203\.0\.113\.1:1: Cannot assign"):
        HealthServer("203.0.113.1:1", clock, status, lambda: "")
