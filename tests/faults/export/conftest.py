"""A drain between a real buffer and a real connection, with time in the test's hand."""

from __future__ import annotations

from random import Random

import pytest

from nrdot.buffer.memory import MemoryBuffer
from nrdot.clock import SystemClock
from nrdot.export.endpoint import endpoint
from nrdot.export.journal import Journal
from nrdot.export.otlp_http import HttpExporter
from nrdot.export.pace import Pace
from nrdot.pipeline import Drain
from nrdot.testing.clock import ManualClock
from nrdot.testing.delivery.requests import record


@pytest.fixture
def exporter():
    """Makes exporters to a server, closed at the end."""
    made = []

    def make(server, url="", **settings):
        settings.setdefault("timeout", 20.0)
        made.append(HttpExporter(SystemClock(), endpoint(url or server.url), **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def draining(exporter):
    """Makes a drain to a server, its buffer with some records of ten processes, and its clock."""

    def make(server, records=3, clock=None, **settings):
        clock = clock or ManualClock()
        buffer = MemoryBuffer()
        for number in range(records):
            buffer.put(record(10, first=number * 10 + 1))
        sender = exporter(server, **settings)
        drain = Drain(buffer, sender, Pace(clock, Random(7)), Journal("collector", clock), clock)
        return drain, buffer, clock

    return make


@pytest.fixture
def emptied():
    """Drains until nothing waits, with as much time as the drain asks for."""

    def empty(drain, buffer, clock):
        for _ in range(1000):
            clock.advance(drain.drain_once())
            if not buffer.statistics().records:
                return
        raise AssertionError(drain.state)

    return empty
