"""A device without room: what goes, what it is called, and what is told of it."""

from __future__ import annotations

import errno
from itertools import pairwise

from nrdot.stages import Priority
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record


def mixed(count, first=0):
    """Every fourth is critical, the others optional."""
    return [
        record(number, 3000, Priority.OPTIONAL if number % 4 else Priority.CRITICAL)
        for number in range(first, first + count)
    ]


def test_where_the_device_is_full_the_oldest_of_the_lowest_priority_goes_by_that_name(start, disk):
    disk.capacity = 200_000
    buffer = start()
    put_all(buffer, mixed(60))
    assert buffer.alarm == ""
    left = numbers(buffer)
    assert [number for number in left if not number % 4] == list(range(0, 60, 4))
    optional = [number for number in left if number % 4]
    assert optional == [number for number in range(60) if number % 4][-len(optional) :]
    gone = 10 * (60 - len(left))
    assert gone > 0
    for _ in range(2):
        assert buffer.statistics().dropped == {"disk_full": gone}
        assert imbalance(buffer) == 0
        buffer = start()


def test_when_others_fill_the_device_meanwhile_room_is_made_for_the_very_record(start, disk):
    buffer = start()
    put_all(buffer, mixed(40))
    removed = []

    def fails(operation, path):
        if operation == "remove" and path.match("optional-*"):
            removed.append(path)
        return errno.ENOSPC if operation == "append" and path.match("critical-*") and not removed else None

    disk.fail = fails
    buffer.put(record(100, 3000, Priority.CRITICAL))
    assert len(removed) == 1
    assert numbers(buffer)[-1] == 100
    assert set(buffer.statistics().dropped) == {"disk_full"}
    assert (buffer.alarm, imbalance(buffer)) == ("", 0)


def test_where_no_room_can_be_made_records_wait_in_memory_and_nothing_is_dropped(start, disk, clock):
    buffer = start()
    put_all(buffer, mixed(10))
    there = numbers(buffer)
    disk.fail = lambda operation, path: {
        "append": errno.ENOSPC if path.match("critical-*") else None,
        "remove": errno.EIO,
    }.get(operation)
    buffer.put(record(100, 3000, Priority.CRITICAL))
    assert buffer.alarm == "No space left on device"
    assert numbers(buffer) == [*there, 100]
    disk.mend()
    clock.advance(6)
    buffer.put(record(101, 3000, Priority.CRITICAL))
    assert (buffer.alarm, numbers(buffer)) == ("", [*there, 100, 101])
    assert imbalance(buffer) == 0


def test_what_matters_less_does_not_push_out_what_matters_more_when_the_device_is_full(start, disk):
    disk.capacity = 200_000
    buffer = start()
    put_all(buffer, [record(number, 3000, Priority.CRITICAL) for number in range(60)])
    critical = numbers(buffer)
    put_all(buffer, [record(100 + number, 3000, Priority.OPTIONAL) for number in range(5)])
    assert [number for number in numbers(buffer) if number < 100] == critical
    assert imbalance(buffer) == 0


def test_a_device_that_stays_full_whatever_goes_does_not_cost_all_that_waits(start, disk, clock):
    """Something else writes without end and takes what is freed."""
    buffer = start(max_bytes=8 << 20)
    put_all(buffer, [record(number, 30_000) for number in range(60)])
    disk.fail = lambda operation, _path: errno.ENOSPC if operation == "append" else None
    left = [60]
    for attempt in range(3):
        clock.advance(6)
        buffer.put(record(100 + attempt, 30_000))
        left.append(sum(number < 100 for number in numbers(buffer)))
        assert buffer.alarm == "No space left on device"
    went = [before - after for before, after in pairwise(left)]
    assert all(8 <= gone <= 16 for gone in went)  # some segments of four each time, to try it
    assert imbalance(buffer) == 0
    disk.mend()
    clock.advance(6)
    buffer.put(record(200, 30_000))
    assert buffer.alarm == ""
    assert numbers(buffer)[-4:] == [100, 101, 102, 200]
    assert len(numbers(buffer)) == left[-1] + 4
