"""Long outages and clocks that jump: rows 13 and 14 of the table of faults."""

from __future__ import annotations

import socket
from random import Random

import pytest

from nrdot.buffer.memory import MemoryBuffer
from nrdot.errors import Retryable
from nrdot.export.journal import Journal
from nrdot.export.pace import Pace
from nrdot.pipeline import Drain
from nrdot.stages import Delivery
from nrdot.testing.clock import ManualClock
from nrdot.testing.delivery.exporter import CapturingExporter
from nrdot.testing.delivery.requests import POINTS, pids, record
from nrdot.testing.servers.otlp import OtlpServer

HOUR, DAY, YEAR = 3600, 86_400, 365 * 86_400
INTERVAL = 60


def test_a_day_without_the_endpoint_is_delivered_whole_and_at_a_bounded_rate(exporter):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    clock = ManualClock()
    buffer = MemoryBuffer()
    rate = 1000.0
    sender = exporter(None, f"http://127.0.0.1:{port}")
    drain = Drain(buffer, sender, Pace(clock, Random(3), rate=rate), Journal("collector", clock), clock)
    ticks = DAY // INTERVAL
    attempts = 0
    for tick in range(ticks):
        buffer.put(record(5, first=tick * 5 + 1, time_ns=clock.wall_ns()))
        end = clock.monotonic() + INTERVAL
        while (left := end - clock.monotonic()) > 0:
            attempts += drain.pace.wait() == 0
            clock.advance(min(max(drain.drain_once(), 0.01), left))
    assert drain.status().circuit in ("open", "half-open")
    assert "refuses connections" in drain.state
    # Backed off to one attempt in half a minute on average, where it began with one a second.
    assert attempts < DAY / 20
    assert buffer.statistics().records == ticks

    with OtlpServer(port=port) as server:
        clock.advance(drain.pace.wait())
        began = clock.monotonic()
        while buffer.statistics().records:
            clock.advance(drain.drain_once())
        points = ticks * 5 * POINTS
        assert server.points == points
        assert sorted(pid for each in server.requests for pid in pids(each.payload)) == list(
            range(1, ticks * 5 + 1)
        )
        # The first request was a probe and small.
        assert len(pids(server.requests[0].payload)) * POINTS <= 500
        assert clock.monotonic() - began >= (points - drain.points) / rate
    seen = buffer.statistics()
    assert (seen.produced, seen.delivered, seen.dropped) == (points, points, {})
    assert drain.status().circuit == "closed"


@pytest.mark.parametrize("jump", [-HOUR, YEAR])
def test_a_clock_that_jumps_changes_neither_the_pace_nor_the_order(jump):
    def run(jumps):
        clock = ManualClock()
        buffer = MemoryBuffer()
        sender = CapturingExporter(lambda _payload, _points: Retryable("down"))
        drain = Drain(
            buffer, sender, Pace(clock, Random(5)), Journal("collector", clock), clock, points=POINTS
        )
        waits = []
        for number in range(1, 9):
            buffer.put(record(1, first=number, time_ns=clock.wall_ns()))
            waits.append(drain.drain_once())
            clock.advance(waits[-1])
            if jumps:
                clock.jump(jump if number % 2 else -jump)
        sender.verdict = lambda payload, _points: Delivery(wire_bytes=len(payload))
        while buffer.statistics().records:
            clock.advance(drain.drain_once())
        return waits, [pids(payload) for payload in sender.taken]

    steady, jumping = run(jumps=False), run(jumps=True)
    assert jumping == steady
    assert steady[1] == [[number] for number in range(1, 9)]
