"""NRDOT into a real Collector: what arrives is what was sent, point for point."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
import zstandard
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from parts.agent import Agent
from parts.collector import Collector
from parts.points import differences, flatten
from parts.program import free_port, wait_until
from parts.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
}


@pytest.mark.parametrize(("compression", "encoding"), [("none", ""), ("gzip", "gzip"), ("zstd", "zstd")])
def test_every_point_arrives_under_each_compression(
    tmp_path: Path, collector: Collector, compression: str, encoding: str
) -> None:
    with Relay(collector.port) as relay:
        agent = Agent(tmp_path, otlp={"endpoint": relay.endpoint, "compression": compression})
        sent = agent.once()
    collector.stop()
    assert sent
    assert differences(sent, collector.points()) == []
    data = [exchange for exchange in relay.exchanges if flatten_body(exchange.body, exchange.encoding)]
    assert {exchange.encoding for exchange in data} == {encoding}
    assert {exchange.content_type for exchange in data} == {"application/x-protobuf"}
    assert {exchange.path for exchange in data} == {"/v1/metrics"}
    on_the_wire = [point for exchange in data for point in flatten_body(exchange.body, exchange.encoding)]
    assert differences(sent, on_the_wire) == []


def test_a_collector_that_takes_no_zstd_is_asked_again_with_gzip_and_from_then_on(tmp_path: Path) -> None:
    port = free_port()
    http = {"endpoint": f"127.0.0.1:{port}", "compression_algorithms": ["", "gzip"]}
    receivers = {"otlp": {"protocols": {"http": http}}}
    with Collector(tmp_path, receivers=receivers) as collector, Relay(port) as relay:
        with Agent(tmp_path, otlp={"endpoint": relay.endpoint, "compression": "zstd"}) as agent:
            agent.wait_for_exports(3)
        sent = agent.points()
        wait_until(lambda: len(collector.points()) >= len(sent), "everything to arrive")
    assert differences(sent, collector.points()) == []
    encodings = [exchange.encoding for exchange in relay.exchanges]
    assert encodings[0] == "zstd"
    assert set(encodings[1:]) == {"gzip"}


def test_an_agent_that_runs_on_delivers_each_export(tmp_path: Path, collector: Collector) -> None:
    with Agent(tmp_path, otlp={"endpoint": collector.endpoint}) as agent:
        agent.wait_for_exports(5)
    collector.stop()
    sent = agent.points()
    assert len({point.time_ns for point in sent}) >= 5
    assert differences(sent, collector.points()) == []


def test_the_file_destination_is_read_by_the_collector(tmp_path: Path) -> None:
    """The Collector follows the file while the agent writes it."""
    agent = Agent(tmp_path, mode="observe")
    follow = {"include": [str(agent.sent)], "start_at": "beginning", "poll_interval": "100ms"}
    with Collector(tmp_path, receivers={"otlpjsonfile": follow}) as collector:
        with agent:
            agent.wait_for_exports(4)
        sent = agent.points()
        wait_until(lambda: len(collector.points()) >= len(sent), "the Collector to read the file")
    assert differences(sent, collector.points()) == []


def test_files_that_were_rotated_are_read_too(tmp_path: Path) -> None:
    agent = Agent(tmp_path, rotate="64KiB", mode="observe")
    with agent:
        wait_until(lambda: len(agent.files()) >= 4, "the file to rotate three times")
    files = agent.files()
    sent = agent.points()
    receiver = {"otlpjsonfile": {"include": [str(file) for file in files], "start_at": "beginning"}}
    with Collector(tmp_path, receivers=receiver) as collector:
        wait_until(lambda: len(collector.points()) >= len(sent), "the Collector to read the files")
    assert differences(sent, collector.points()) == []


def test_a_collector_that_restarts_misses_nothing(tmp_path: Path, collector: Collector) -> None:
    with Agent(tmp_path, otlp={"endpoint": collector.endpoint}) as agent:
        agent.wait_for_exports(3)
        for _ in range(2):
            collector.stop()
            agent.wait_for_exports(4)
            collector.start()
            agent.wait_for_exports(2)
        sent = set(agent.points())
        wait_until(lambda: sent <= set(collector.points()), "everything to arrive after the restarts")
    collector.stop()
    received = collector.points()
    # A request whose answer was lost is sent again, so a point may come twice but never changed.
    assert set(agent.points()) == set(received)


def test_a_collector_that_starts_late_gets_everything_from_the_first_export_on(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    with Agent(tmp_path, otlp={"endpoint": collector.endpoint}) as agent:
        agent.wait_for_exports(4)
        with collector:
            sent = set(agent.points())
            wait_until(lambda: sent <= set(collector.points()), "what waited to arrive")


def flatten_body(body: bytes, encoding: str) -> list[object]:
    return list(flatten(ExportMetricsServiceRequest.FromString(DECOMPRESS[encoding](body))))
