import errno
from pathlib import Path

import pytest

from nrdot.buffer.encryption import Keyring
from nrdot.buffer.inspection import status
from nrdot.stages import Priority, Record
from nrdot.testing.clock import NOON_NS
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, waiting

DIRECTORY = Path("/state/buffer")


def test_when_full_the_oldest_of_the_lowest_priority_goes(start):
    buffer = start(max_bytes=100_000)
    put_all(buffer, [record(number, 3000, Priority.CRITICAL) for number in range(10)])
    put_all(buffer, [record(number, 3000, Priority.OPTIONAL) for number in range(10, 25)])
    put_all(buffer, [record(number, 3000, Priority.NORMAL) for number in range(25, 35)])
    left = numbers(buffer)
    assert [number for number in left if number < 10] == list(range(10))
    optional = [number for number in left if 10 <= number < 25]
    assert optional == list(range(25 - len(optional), 25))
    assert 0 < len(optional) < 15
    assert left[-10:] == list(range(25, 35))
    assert imbalance(buffer) == 0


def test_a_newcomer_never_pushes_out_what_matters_more(start):
    buffer = start(max_bytes=40_000)
    put_all(buffer, [record(number, 3000, Priority.CRITICAL) for number in range(12)])
    kept = numbers(buffer)
    put_all(buffer, [record(100 + number, 3000, Priority.NORMAL) for number in range(5)])
    assert [number for number in numbers(buffer) if number < 100] == kept
    assert sum(buffer.statistics().dropped.values()) > 0
    assert imbalance(buffer) == 0


def test_critical_goes_only_for_critical_and_oldest_first(start):
    buffer = start(max_bytes=40_000)
    put_all(buffer, [record(number, 3000, Priority.CRITICAL) for number in range(30)])
    left = numbers(buffer)
    assert left == list(range(30 - len(left), 30))
    assert len(left) > 8


def test_the_disk_never_holds_more_than_the_bound(start, disk):
    buffer = start(max_bytes=64_000)
    for number in range(200):
        buffer.put(record(number, number % 4000, Priority(number % 3)))
        segments = [path for path in disk.paths("*.segment") if not path.match("progress-*")]
        assert sum(len(disk.content(path)) for path in segments) <= 64_000
    buffer.close()
    segments = [path for path in disk.paths("*.segment") if not path.match("progress-*")]
    assert sum(len(disk.content(path)) for path in segments) <= 64_000


def test_the_bound_holds_with_every_header_and_seal(start, disk):
    """Of three lanes, each with a segment that is written; by how much they miss the bound differs."""
    for bound in range(26_400, 26_800, 9):
        buffer = start(keys=Keyring(b"k" * 32), max_bytes=bound)
        put_all(buffer, [record(number, 2100, Priority(number % 3)) for number in range(28)])
        buffer.close()
        paths = [path for path in disk.paths("*.segment") if not path.match("progress-*")]
        assert sum(len(disk.content(path)) for path in paths) <= bound
        for path in disk.paths():
            disk.remove(path)


def test_a_bound_on_records_holds_as_well(start, disk):
    buffer = start(max_records=10)
    put_all(buffer, map(record, range(25)))
    assert numbers(buffer) == list(range(15, 25))
    assert buffer.statistics().dropped == {"full": 150}
    (gap,) = status(disk, DIRECTORY).gaps
    assert (gap.records, gap.first_sequence, gap.last_sequence, gap.oldest_ns) == (15, 1, 15, NOON_NS)


def test_a_record_beyond_its_limit_is_dropped_by_name(start):
    buffer = start(record_bytes=1000, max_bytes=50_000)
    put_all(buffer, [record(1), record(2, 1001), record(3)])
    assert numbers(buffer) == [1, 3]
    assert buffer.statistics().dropped == {"too_large": 10}


def test_a_record_larger_than_the_buffer_evicts_nothing(start):
    buffer = start(max_bytes=20_000)
    put_all(buffer, [record(1), record(2, 30_000, Priority.CRITICAL)])
    assert numbers(buffer) == [1]
    assert buffer.statistics().dropped == {"too_large": 10}


def test_what_waits_too_long_goes(start, clock):
    buffer = start(max_seconds=80.0)
    for number in range(20):
        buffer.put(record(number))
        clock.advance(10)
    left = numbers(buffer)
    assert left == list(range(20 - len(left), 20))
    assert 6 <= len(left) <= 9
    assert buffer.statistics().dropped == {"expired": 10 * (20 - len(left))}
    assert imbalance(buffer) == 0


@pytest.mark.parametrize("seconds", [-3600, 365 * 86400])
def test_a_clock_that_jumps_expires_nothing_and_changes_no_order(start, clock, seconds):
    buffer = start(max_seconds=7200.0)
    put_all(buffer, map(record, range(3)))
    clock.jump(seconds)
    clock.advance(5)
    put_all(buffer, map(record, range(3, 6)))
    assert numbers(buffer) == list(range(6))
    clock.advance(7300)
    assert numbers(buffer) == []


def test_age_goes_on_over_a_restart(start, clock):
    buffer = start(max_seconds=100.0)
    buffer.put(record(0))
    buffer.close()
    clock.advance(90)
    buffer = start(max_seconds=100.0)
    assert numbers(buffer) == [0]
    clock.advance(20)
    assert numbers(buffer) == []


def test_a_record_from_the_future_does_not_wait_for_it(start, clock):
    """The clock was a year ahead for a while, and set back."""
    buffer = start(max_seconds=100.0)
    buffer.put(Record(b"payload", 10, NOON_NS + 365 * 86400 * 10**9))
    buffer = start(max_seconds=100.0)
    assert len(waiting(buffer)) == 1
    clock.advance(110)
    assert waiting(buffer) == []


def test_the_oldest_record_is_known(start):
    buffer = start()
    assert buffer.statistics().oldest_ns is None
    put_all(buffer, map(record, range(5)))
    offered = [sequence for sequence, _ in buffer.peek(1 << 30, 1 << 30)]
    buffer.acknowledge(offered[:2])
    assert buffer.statistics().oldest_ns == NOON_NS + 2
    assert start().statistics().oldest_ns == NOON_NS + 2


@pytest.mark.parametrize("letters", [0, 2])
def test_nothing_is_evicted_for_a_record_that_would_not_fit_afterwards(start, letters):
    buffer = start(max_bytes=60_000)
    if letters:
        buffer.put(record(0, 3000 * letters))
        buffer.reject([sequence for sequence, _ in buffer.peek(1 << 30, 1 << 30)], "400")
    put_all(buffer, [record(number, 3000, Priority.CRITICAL) for number in range(1, 13 - letters)])
    put_all(buffer, [record(100 + number, 2000, Priority.OPTIONAL) for number in range(2)])
    there = numbers(buffer)
    buffer.put(record(200, 22_000, Priority.NORMAL))
    assert numbers(buffer) == there
    assert buffer.statistics().dropped == {"full": 10}
    buffer.put(record(201, 12_500, Priority.NORMAL))
    assert numbers(buffer)[-1] == 201
    assert imbalance(buffer) == 0


def test_the_bound_holds_after_a_restart(start, disk):
    put_all(start(max_bytes=60_000), [record(number, 3000) for number in range(30)])
    buffer = start(max_bytes=60_000)
    kept = len(numbers(buffer))
    for number in range(30, 40):
        buffer.put(record(number, 3000))
        assert sum(len(disk.content(path)) for path in disk.paths("normal-*")) <= 60_000
        assert kept - 1 <= len(numbers(buffer)) <= kept
    assert imbalance(buffer) == 0


def test_what_was_evicted_and_could_not_be_removed_does_not_wait_again(start, disk):
    buffer = start(max_bytes=60_000)
    put_all(buffer, [record(number, 3000) for number in range(30)])
    disk.fail = lambda operation, path: (
        errno.EIO if operation == "remove" and path.match("normal-*") else None
    )
    buffer.put(record(30, 3000))
    left = numbers(buffer)
    assert 0 not in left
    disk.mend()
    again = start(max_bytes=60_000)
    assert set(numbers(again)) <= set(left)
    assert imbalance(again) == 0


def test_room_is_made_though_the_log_cannot_be_synced(start, disk):
    buffer = start(max_bytes=60_000, memory_bytes=1 << 20)
    put_all(buffer, [record(number, 3000) for number in range(30)])
    failing = [errno.EIO]
    disk.fail = lambda operation, path: (
        failing.pop() if failing and operation == "sync" and path.match("progress-*") else None
    )
    buffer.put(record(30, 3000))
    assert failing == []
    left = numbers(buffer)
    assert left[-1] == 30
    assert imbalance(buffer) == 0


@pytest.mark.parametrize("bound", ["max_seconds", "keep_seconds"])
def test_records_are_added_to_a_segment_for_an_eighth_of_what_they_may_wait(start, disk, clock, bound):
    """So what expires with the rest of its segment goes hardly before its time."""
    buffer = start(**{bound: 80_000.0})
    counts = []
    for seconds in (0, 4999, 4999, 4, 9990, 20):
        clock.advance(seconds)
        buffer.put(record(len(counts)))
        counts.append(len(disk.paths("normal-*")))
    assert counts == [1, 1, 1, 2, 2, 3]


def test_on_a_device_smaller_than_the_bound_segments_are_a_64th_of_it_however_full_it_is(start, disk):
    disk.capacity = 64 * 16_000
    buffer = start()
    put_all(buffer, [record(number, 1000) for number in range(600)])
    sizes = {len(disk.content(path)) for path in disk.paths("normal-*")[:-1]}
    assert len(disk.paths("normal-*")) > 30
    assert 14_000 < min(sizes) <= max(sizes) <= 16_200
    assert buffer.statistics().dropped == {}


def test_what_has_expired_and_cannot_be_removed_is_alarmed_and_not_offered(start, disk, clock):
    buffer = start(max_seconds=100.0)
    put_all(buffer, map(record, range(3)))
    disk.fail = lambda operation, path: (
        errno.EIO if operation == "remove" and path.match("normal-*") else None
    )
    clock.advance(110)
    assert numbers(buffer) == []
    assert buffer.alarm == "Input/output error"
    assert buffer.statistics().dropped == {"expired": 30}
    buffer = start()
    assert (numbers(buffer), buffer.statistics().dropped) == ([], {"expired": 30})
    disk.mend()
    clock.advance(6)
    buffer.put(record(3))
    assert (buffer.alarm, numbers(buffer)) == ("", [3])
    assert len(disk.paths("normal-*")) == 1
    assert imbalance(buffer) == 0
