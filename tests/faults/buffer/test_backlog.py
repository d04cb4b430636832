"""Rows 12 and 14: a large backlog at the start, a day offline."""

import tracemalloc

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.stages import Priority
from nrdot.testing.clock import ManualClock
from nrdot.testing.records import imbalance, number_of, record

RECORDS = 1600
SIZE = 50_000  # 80 MB in all
FAST = {"durability": Durability.NEVER}


def drain(buffer, points=10_000, size=4 << 20):
    """Numbers in the order in which they were offered, request by request."""
    while found := buffer.peek(points, size):
        yield [number_of(made) for _, made in found]
        buffer.acknowledge([sequence for sequence, _ in found])


def test_a_backlog_of_many_segments_is_opened_and_drained_in_bounded_memory(tmp_path, open_buffer):
    buffer = open_buffer(tmp_path / "buffer", **FAST)
    for number in range(RECORDS):
        buffer.put(record(number, SIZE, Priority(number % 3)))
    buffer.close()
    tracemalloc.start()
    try:
        buffer = open_buffer(tmp_path / "buffer", **FAST)
        assert buffer.statistics().records == RECORDS
        opened = tracemalloc.get_traced_memory()[1]
        delivered = [number for request in drain(buffer, size=1 << 20) for number in request]
        drained = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert delivered == list(range(RECORDS))
    assert opened < 2 << 20
    assert drained < 8 << 20
    assert imbalance(buffer) == 0


def test_a_day_offline_is_delivered_whole_and_in_order(tmp_path):
    """Four exports a minute in three priorities, through restarts, against the default bounds."""
    clock = ManualClock()
    made = 0
    for _ in range(4):
        buffer = DiskBuffer(tmp_path / "buffer", BufferSettings(**FAST), clock, Files())
        for _ in range(1440):
            for priority in Priority:
                buffer.put(record(made, 1000, priority))
                made += 1
            clock.advance(15)
        buffer.close()
    buffer = DiskBuffer(tmp_path / "buffer", BufferSettings(**FAST), clock, Files())
    assert [number for request in drain(buffer) for number in request] == list(range(made))
    now = buffer.statistics()
    assert (now.produced, now.delivered, now.dropped, now.records) == (10 * made, 10 * made, {}, 0)
    buffer.close()
    assert not list((tmp_path / "buffer").glob("[cno]*.segment"))
