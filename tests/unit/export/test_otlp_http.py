from __future__ import annotations

from threading import enumerate as enumerate_threads

import pytest

from nrdot.clock import SystemClock
from nrdot.errors import ConfigError
from nrdot.export.endpoint import endpoint
from nrdot.export.otlp_http import HttpExporter
from nrdot.export.tls import TlsFiles
from nrdot.testing.delivery.requests import POINTS, pids, request
from nrdot.testing.servers.otlp import OtlpServer


def sending(url, **settings):
    return HttpExporter(SystemClock(), endpoint(url), **settings)


def test_a_request_says_what_it_is():
    with OtlpServer() as server:
        exporter = sending(server.url, headers={"Api-Key": "k1"})
        delivery = exporter.export(request(3), 3 * POINTS)
        exporter.close()
        received = server.requests[0]
    assert received.path == "/v1/metrics"
    assert received.headers["content-type"] == "application/x-protobuf"
    assert received.headers["content-encoding"] == "zstd"
    assert received.headers["user-agent"].startswith("nrdot")
    assert received.headers["api-key"] == "k1"
    assert pids(received.payload) == [1, 2, 3]
    assert delivery.wire_bytes == received.wire_bytes < len(received.payload)


def test_requests_share_a_connection():
    with OtlpServer() as server:
        exporter = sending(server.url)
        for _ in range(5):
            exporter.export(request(1), POINTS)
        exporter.close()
        assert server.connections == 1


def test_one_thread_keeps_the_time_of_all_requests():
    with OtlpServer() as server:
        exporter = sending(server.url)
        before = set(enumerate_threads())
        seen = set()
        for _ in range(3):
            exporter.export(request(1), POINTS)
            seen |= {thread for thread in enumerate_threads() if thread.name == "deadline"} - before
        exporter.close()
    assert len(seen) == 1


def test_an_empty_request_tells_whether_an_endpoint_is_there():
    with OtlpServer() as server:
        exporter = sending(server.url)
        assert exporter.export(b"", 0).rejected_points == 0
        exporter.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"": "x"},
        {"a b": "x"},
        {"a": "x\r\nEvil: y"},
        {"a": "x\ny"},
        {"a": "\u20ac"},
        {"Content-Encoding": "br"},
    ],
)
def test_headers_that_http_cannot_carry_are_a_clean_error(headers):
    with pytest.raises(ConfigError, match="headers"):
        sending("http://collector", headers=headers)


def test_the_value_of_a_bad_header_is_not_shown():
    with pytest.raises(ConfigError) as caught:
        sending("http://collector", headers={"api-key": "hunter2\n"})
    assert "hunter2" not in str(caught.value)


def test_tls_settings_on_a_plain_endpoint_are_refused():
    with pytest.raises(ConfigError, match="write https://"):
        sending("http://collector", tls=TlsFiles())
