"""What an endpoint may answer, over a real connection: rows 16 to 23 and 28 of the table of faults."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest

from nrdot.errors import Permanent, Retryable
from nrdot.testing.delivery.requests import POINTS, pids, record, request
from nrdot.testing.servers.otlp import OtlpServer, Reply, partial

HTML = Reply(body=b"<html>Welcome to the airport</html>", kind="text/html; charset=utf-8")


@pytest.fixture
def held(exporter):
    """The error with which a server holds the data."""

    def attempt(server: OtlpServer) -> Retryable:
        with pytest.raises(Retryable) as caught:
            exporter(server).export(request(2), 2 * POINTS)
        return caught.value

    return attempt


@pytest.mark.parametrize(
    "retry_after", ["0", "3600", "Sun, 22 Nov 2026 12:00:00 GMT", "soon", "-5", "9" * 400]
)
def test_a_storm_of_429_loses_nothing_whatever_it_asks_for(retry_after, draining, emptied):
    storm = [Reply(status=429, headers={"Retry-After": retry_after})] * 10
    with OtlpServer(*storm, Reply()) as server:
        drain, buffer, clock = draining(server)
        began = clock.monotonic()
        emptied(drain, buffer, clock)
        waited = clock.monotonic() - began
        assert server.points == 3 * 10 * POINTS
        assert buffer.statistics().delivered == 3 * 10 * POINTS
        assert buffer.statistics().dropped == {}
    # Ten waits of at most the cap and the jitter on top of it.
    assert 1 < waited < 10 * (300 + 60) + 1
    if retry_after == "3600":
        assert waited > 10 * 300


def test_unavailable_gateways_in_turn_are_retried_with_jitter(draining):
    with OtlpServer(Reply(status=503), Reply(status=502), Reply(status=504), Reply()) as server:
        drain, buffer, clock = draining(server)
        waits = [drain.drain_once()]
        while buffer.statistics().records:
            clock.advance(waits[-1])
            waits.append(drain.drain_once())
        assert len(server.requests) == 4
        assert server.points == 3 * 10 * POINTS
    assert len(set(waits[:3])) == 3
    assert waits[0] <= 1
    assert waits[1] <= 2
    assert waits[2] <= 4


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=301, headers={"Location": "/login"}),
        Reply(status=302, headers={"Location": "https://portal.example/?token=secret"}),
        Reply(status=304),
        Reply(status=307, headers={"Location": "/v1/metrics"}),
        HTML,
        Reply(body=b"OK", kind="text/plain"),
        Reply(body=b"thanks", kind=""),
        Reply(body=b"<html>", kind="application/x-protobuf"),
        Reply(body=b'{"error": "log in first"}', kind="application/json"),
        Reply(body=b"[]", kind="application/json"),
        Reply(body=b"[" * 60_000, kind="application/json"),
        Reply(status=400, body=b"<html>", kind="text/html"),
        Reply(status=500, body=b"<html>", kind="text/html"),
    ],
)
def test_what_is_not_an_otlp_response_acknowledges_nothing(reply, held):
    with OtlpServer(reply) as server:
        error = held(server)
    assert "not an OTLP endpoint" in str(error)
    assert error.alarm
    assert "secret" not in str(error)


def test_a_redirect_is_not_followed(held):
    with OtlpServer() as target, OtlpServer(Reply(status=307, headers={"Location": target.url})) as server:
        held(server)
        assert target.connections == 0


@pytest.mark.parametrize(
    "reply",
    [
        Reply(),
        Reply(kind=""),
        Reply(status=202, kind=""),
        Reply(status=204, kind=""),
        Reply(body=b"{}", kind="application/json"),
        Reply(body=b'{"partialSuccess":{}}', kind="application/json; charset=utf-8"),
        Reply(body=gzip.compress(b"{}"), kind="application/json", headers={"Content-Encoding": "gzip"}),
    ],
)
def test_every_honest_way_to_say_yes_is_an_acknowledgement(reply, exporter):
    with OtlpServer(reply) as server:
        assert exporter(server).export(request(2), 2 * POINTS).rejected_points == 0


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405, 407, 415, 511])
def test_what_somebody_must_mend_is_held_with_an_alarm_and_drains_once_mended(status, draining, emptied):
    with OtlpServer(Reply(status=status)) as server:
        drain, buffer, clock = draining(server)
        for _ in range(12):
            clock.advance(drain.drain_once())
        assert buffer.statistics().records == 3
        assert drain.status().alarm
        assert f"({status})" in drain.status().last_error
        assert drain.status().circuit == "open" or drain.pace.wait() == 0
        server.then(Reply())
        emptied(drain, buffer, clock)
        assert server.points == 3 * 10 * POINTS
        assert drain.status().last_error == ""
        assert not drain.status().alarm


def test_a_request_that_is_too_large_goes_in_pieces_that_fit(draining, emptied):
    with OtlpServer(Reply(limit=len(request(12)))) as server:
        drain, buffer, clock = draining(server, records=5)
        emptied(drain, buffer, clock)
        delivered = [pid for received in server.delivered for pid in pids(received.payload)]
        assert sorted(delivered) == list(range(1, 51))
        assert buffer.statistics().delivered == 50 * POINTS


def test_a_single_record_that_is_too_large_is_cut_between_its_resources(draining, emptied):
    with OtlpServer(Reply(limit=len(request(3)))) as server:
        drain, buffer, clock = draining(server, records=1)
        emptied(drain, buffer, clock)
        delivered = [pid for received in server.delivered for pid in pids(received.payload)]
        assert delivered == list(range(1, 11))
        assert buffer.statistics().delivered == 10 * POINTS


def test_a_record_that_cannot_be_cut_goes_to_the_dead_letters_and_the_rest_goes_on(draining, emptied):
    with OtlpServer(Reply(limit=len(request(1)) + 1)) as server:
        drain, buffer, clock = draining(server, records=0)
        buffer.put(record(1, first=1))
        buffer.put(record(1, first=10**12))  # a longer pid, just past the limit
        buffer.put(record(1, first=3))
        emptied(drain, buffer, clock)
        delivered = [pid for received in server.delivered for pid in pids(received.payload)]
        assert sorted(delivered) == [1, 3]
        assert buffer.statistics().rejected == POINTS
        assert buffer.statistics().delivered == 2 * POINTS


def test_a_413_is_heard_in_the_web_page_of_a_gateway(exporter):
    page = b"<html><head><title>413 Request Entity Too Large</title></head></html>"
    with OtlpServer(Reply(status=413, body=page, kind="text/html")) as server:
        with pytest.raises(Permanent) as caught:
            exporter(server).export(request(2), 2 * POINTS)
        assert caught.value.too_large
        assert "<" not in str(caught.value)


def test_a_413_that_comes_before_the_body_was_read_is_heard(exporter):
    large = request(40_000)  # more than the kernel buffers of a connection hold
    with OtlpServer(Reply(status=413, early=True)) as server:
        for _ in range(5):
            with pytest.raises(Permanent) as caught:
                exporter(server, compression="none").export(large, 160_000)
            assert caught.value.too_large


def test_one_poisoned_record_goes_to_the_dead_letters_and_takes_no_other_with_it(draining, emptied):
    poison = b"worker-25"
    with OtlpServer(Reply(poison=poison)) as server:
        drain, buffer, clock = draining(server, records=6)
        emptied(drain, buffer, clock)
        delivered = [pid for received in server.delivered for pid in pids(received.payload)]
        assert sorted(delivered) == [pid for pid in range(1, 61) if pid not in range(21, 31)]
        assert buffer.statistics().rejected == 10 * POINTS
        assert buffer.statistics().delivered == 50 * POINTS
        assert drain.status().requests["refused"] == 1


def test_a_partial_success_is_counted_and_not_sent_again(draining, emptied):
    with OtlpServer(partial(7, "too many labels")) as server:
        drain, buffer, clock = draining(server)
        emptied(drain, buffer, clock)
        assert len(server.requests) == 1
        seen = buffer.statistics()
        assert (seen.delivered, seen.rejected) == (3 * 10 * POINTS - 7, 7)


def test_a_partial_success_in_json_counts_too(exporter):
    body = b'{"partialSuccess": {"rejectedDataPoints": "3", "errorMessage": "old"}}'
    with OtlpServer(Reply(body=body, kind="application/json")) as server:
        delivery = exporter(server).export(request(2), 2 * POINTS)
    assert (delivery.rejected_points, delivery.message) == (3, "old")


def test_a_server_cannot_reject_more_points_than_it_was_sent(exporter):
    with OtlpServer(partial(10**9, "all")) as server:
        assert exporter(server).export(request(2), 2 * POINTS).rejected_points == 2 * POINTS


@pytest.mark.parametrize("after", [0, 10, 60])
def test_a_reset_in_the_middle_of_an_answer_sends_again(after, draining, emptied):
    with OtlpServer(Reply(reset_after=after, body=b"\x0a\x00" * 40), Reply()) as server:
        drain, buffer, clock = draining(server)
        emptied(drain, buffer, clock)
        assert len(server.requests) == 2  # the endpoint has them twice, which is allowed
        assert buffer.statistics().delivered == 3 * 10 * POINTS


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" * 8,
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 5000,
        b"220 mail\r\n",
    ],
)
def test_a_server_of_another_protocol_holds_the_data(raw, held):
    with OtlpServer(Reply(raw=raw)) as server:
        assert "does not answer as an HTTP server" in str(held(server))


def test_a_decompression_bomb_is_capped(held):
    bomb = gzip.compress(bytes(40_000_000), 9)
    assert len(bomb) < 64 * 1024
    reply = Reply(body=bomb, headers={"Content-Encoding": "gzip"})
    with OtlpServer(reply) as server:
        tracemalloc.start()
        try:
            error = held(server)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert "does not unpack" in str(error)
    assert peak < 4_000_000


def test_an_answer_without_end_is_capped(held):
    with OtlpServer(Reply(body=bytes(8_000_000))) as server:
        assert "longer than" in str(held(server))


@pytest.mark.parametrize(
    ("taken", "used"),
    [(frozenset({"zstd"}), "zstd"), (frozenset({"gzip"}), "gzip"), (frozenset({""}), "none")],
)
def test_compression_falls_back_to_what_the_endpoint_takes_and_stays_there(taken, used, exporter):
    with OtlpServer(Reply(encodings=taken)) as server:
        sender = exporter(server)
        sender.export(request(2), 2 * POINTS)
        refused = len(server.requests) - 1
        sender.export(request(2), 2 * POINTS)
        assert sender.compression == used
        assert len(server.requests) == refused + 2
        assert len(server.delivered) == 2


def test_a_400_to_the_first_zstd_is_asked_again_with_gzip(exporter):
    with OtlpServer(Reply(status=400), Reply()) as server:
        sender = exporter(server)
        sender.export(request(2), 2 * POINTS)
        assert [received.headers["content-encoding"] for received in server.requests] == ["zstd", "gzip"]
        assert sender.compression == "gzip"


def test_a_400_after_zstd_was_taken_speaks_of_the_data(exporter):
    with OtlpServer(Reply(), Reply(status=400)) as server:
        sender = exporter(server)
        sender.export(request(2), 2 * POINTS)
        with pytest.raises(Permanent):
            sender.export(request(2), 2 * POINTS)
        assert len(server.requests) == 2
        assert sender.compression == "zstd"


def test_poison_in_the_first_request_does_not_cost_the_compression(exporter):
    with OtlpServer(Reply(status=400), Reply(status=400), Reply()) as server:
        sender = exporter(server)
        with pytest.raises(Permanent):
            sender.export(request(2), 2 * POINTS)
        sender.export(request(2), 2 * POINTS)
        assert server.requests[-1].headers["content-encoding"] == "zstd"


def test_the_reason_that_a_server_gives_is_passed_on_in_one_line(exporter):
    status = b"\x08\x03\x12\x1bresource  has\nno service name"
    with (
        OtlpServer(Reply(status=400, body=status)) as server,
        pytest.raises(Permanent, match="resource has no service") as caught,
    ):
        exporter(server).export(request(2), 2 * POINTS)
    assert "\n" not in str(caught.value)


def test_plain_http_to_a_tls_port_is_held_and_not_taken_for_bad_data(held):
    answer = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
    with OtlpServer(Reply(raw=answer)) as server:
        assert "wants https://" in str(held(server))
