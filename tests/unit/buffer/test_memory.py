from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest

from nrdot.buffer.memory import MemoryBuffer
from nrdot.stages import Priority, Record
from nrdot.testing.clock import NOON_NS
from nrdot.testing.delivery.requests import POINTS, record


def filled(buffer, *records):
    for each in records:
        buffer.put(each)
    return buffer


def sequences(buffer, points=10**9, size=10**9):
    return [sequence for sequence, _ in buffer.peek(points, size)]


@pytest.mark.parametrize("plain", [0, 10**9])
def test_records_come_back_as_they_went_in_and_in_order(plain):
    records = [record(3, first=pid, priority=Priority(pid % 3)) for pid in range(1, 6)]
    buffer = filled(MemoryBuffer(plain=plain), *records)
    assert [each for _, each in buffer.peek(10**9, 10**9)] == records
    assert sequences(buffer) == [1, 2, 3, 4, 5]


def test_records_stay_until_they_are_acknowledged():
    buffer = filled(MemoryBuffer(), record(1), record(2))
    assert sequences(buffer) == sequences(buffer) == [1, 2]
    buffer.acknowledge([1])
    assert sequences(buffer) == [2]


def test_a_look_is_bounded_by_points_and_bytes_but_never_empty():
    buffer = filled(MemoryBuffer(), *(record(2, first=pid) for pid in range(1, 5)))
    one = len(record(2).payload)
    assert sequences(buffer, points=4 * POINTS) == [1, 2]
    assert sequences(buffer, points=1) == [1]
    assert sequences(buffer, size=3 * one) == [1, 2, 3]
    assert sequences(buffer, size=1) == [1]
    assert sequences(MemoryBuffer()) == []


def test_the_newest_come_first_where_that_is_wanted():
    buffer = filled(MemoryBuffer(newest_first=True), *(record(1, first=pid) for pid in range(1, 5)))
    assert sequences(buffer, points=2 * POINTS) == [4, 3]


def test_a_full_buffer_drops_the_lowest_priority_first_and_of_that_the_oldest():
    one = record(1, priority=Priority.OPTIONAL)
    buffer = MemoryBuffer(4 * (len(one.payload) + 400))
    filled(
        buffer,
        record(1, priority=Priority.CRITICAL),
        record(1, priority=Priority.OPTIONAL),
        record(1, priority=Priority.NORMAL),
        record(1, priority=Priority.OPTIONAL),
    )
    left = []
    for _ in range(4):
        buffer.put(record(1, priority=Priority.CRITICAL))
        left.append(sequences(buffer))
    assert left == [[1, 3, 4, 5], [1, 3, 5, 6], [1, 5, 6, 7], [5, 6, 7, 8]]
    assert buffer.statistics().dropped == {"full": 4 * POINTS}
    assert buffer.statistics().segments == 0


def test_a_newcomer_never_pushes_out_what_is_worth_more():
    one = record(1)
    buffer = MemoryBuffer(2 * (len(one.payload) + 400))
    filled(buffer, record(1, priority=Priority.CRITICAL), record(1, priority=Priority.CRITICAL))
    for _ in range(2):
        buffer.put(record(1, priority=Priority.NORMAL))
    assert sequences(buffer) == [1, 2]
    assert buffer.statistics().dropped == {"full": 2 * POINTS}


def test_a_record_that_can_never_fit_pushes_nothing_out():
    buffer = filled(MemoryBuffer(5000, plain=10**9), record(1), record(1))
    buffer.put(record(1000, priority=Priority.CRITICAL))
    assert sequences(buffer) == [1, 2]


def test_what_was_pushed_out_while_it_was_on_its_way_counts_as_dropped_only():
    one = record(1)
    buffer = filled(MemoryBuffer(len(one.payload) + 400), one)
    on_its_way = sequences(buffer)
    buffer.put(record(1))
    buffer.acknowledge(on_its_way, rejected_points=POINTS)
    seen = buffer.statistics()
    assert (seen.produced, seen.delivered, seen.rejected, seen.dropped) == (
        2 * POINTS,
        0,
        0,
        {"full": POINTS},
    )


def test_what_an_endpoint_refused_counts_as_rejected():
    buffer = filled(MemoryBuffer(), record(3), record(2))
    buffer.acknowledge([1], rejected_points=5)
    buffer.reject([2], "poisoned")
    seen = buffer.statistics()
    assert (seen.delivered, seen.rejected) == (3 * POINTS - 5, 5 + 2 * POINTS)


def test_what_is_delivered_and_refused_adds_up():
    buffer = filled(MemoryBuffer(), *(record(1, first=pid) for pid in range(1, 5)))
    buffer.acknowledge([1, 2])
    assert (buffer.statistics().delivered, buffer.statistics().rejected) == (2 * POINTS, 0)
    for sequence in (3, 4):
        buffer.acknowledge([sequence], rejected_points=2)
    assert (buffer.statistics().delivered, buffer.statistics().rejected) == (4 * POINTS - 4, 4)


def test_what_is_dropped_is_counted_by_its_reason():
    buffer = filled(MemoryBuffer(), *(record(1, first=pid) for pid in range(1, 5)))
    buffer.drop([1], "too_old")
    buffer.drop([2], "too_old")
    buffer.drop([3], "other")
    buffer.drop([1, 99], "gone before")
    assert buffer.statistics().dropped == {"too_old": 2 * POINTS, "other": POINTS}
    assert sequences(buffer) == [4]


def test_the_statistics_tell_what_waits():
    buffer = MemoryBuffer()
    assert buffer.statistics().oldest_ns is None
    filled(buffer, record(1, time_ns=5 * 10**18), record(1, time_ns=6 * 10**18))
    seen = buffer.statistics()
    assert (seen.records, seen.oldest_ns) == (2, 5 * 10**18)
    assert seen.bytes > 2 * len(record(1).payload)


@pytest.mark.parametrize("plain", [0, 300_000, 10**9])
def test_memory_stays_within_the_capacity(plain):
    capacity = 500_000
    buffer = MemoryBuffer(capacity, plain=plain)
    payloads = [record(20, first=pid) for pid in range(100)]
    tracemalloc.start()
    try:
        for number in range(1500):
            each = payloads[number % 100]
            # A copy, because a buffer that shares the test's own bytes would look smaller than it is.
            buffer.put(replace(each, payload=bytes(bytearray(each.payload))))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert buffer.statistics().dropped["full"] > 0
    assert capacity / 2 < held < capacity * 1.1


def test_an_outage_is_kept_in_a_fraction_of_its_size():
    buffer = MemoryBuffer(plain=0)
    size = 0
    for pid in range(1, 20):
        each = record(100, first=pid)
        size += len(each.payload)
        buffer.put(each)
    assert buffer.statistics().bytes < size / 10


def test_what_is_kept_plain_and_what_goes_is_decided_to_the_byte():
    made = Record(bytes(1000), 1, NOON_NS)
    cost = 1000 + 400  # and the objects around it
    for plain, compressed in ((999, True), (1000, False)):
        buffer = filled(MemoryBuffer(plain=plain), made)
        assert (buffer.statistics().bytes < cost) == compressed
    for capacity, kept in ((2 * cost, 2), (2 * cost - 1, 1)):
        buffer = filled(MemoryBuffer(capacity, plain=10**9), made, made)
        assert buffer.statistics().records == kept
