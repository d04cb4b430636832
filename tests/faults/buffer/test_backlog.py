"""Rows 12 and 14: a large backlog at the start, a day offline."""

import json
import shutil
import subprocess
import sys
import tracemalloc
from random import Random

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.stages import Priority, Record
from nrdot.testing.clock import NOON_NS, ManualClock
from nrdot.testing.delivery.records import imbalance, number_of, record

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


STARTING = """
import json, sys
from pathlib import Path
from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.settings import BufferSettings
from nrdot.clock import SystemClock

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024

before = peak()
buffer = DiskBuffer(Path(sys.argv[1]), BufferSettings(max_bytes=2 << 30), SystemClock(), Files())
found = buffer.peek(10_000, 4 << 20)
print(json.dumps([buffer.statistics().records, len(found), peak() - before]))
"""


def test_a_gigabyte_of_backlog_costs_a_start_little_memory(tmp_path, open_buffer):
    """Resident memory of a process of its own; the time that it takes is a figure of the bench."""
    directory, noise = tmp_path / "buffer", Random(1).randbytes(500_000)
    buffer = open_buffer(directory, max_bytes=2 << 30, **FAST)
    for number in range(2048):
        buffer.put(Record(number.to_bytes(4, "big") + noise, 10, NOON_NS + number, Priority(number % 3)))
    assert buffer.statistics().bytes > 1_000_000_000
    buffer.close()
    try:
        command = [sys.executable, "-c", STARTING, str(directory)]
        records, first, memory = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    finally:
        shutil.rmtree(directory)
    assert (records, first) == (2048, 8)
    assert memory < 20_000_000


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
