import errno
from random import Random

import pytest

from nrdot.buffer.settings import Durability
from nrdot.stages import Priority
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences
from nrdot.testing.waiting import until


def syncs_of(disk, action):
    return len([name for name in disk.synced(action) if not name.startswith("progress")])


@pytest.mark.parametrize(
    ("durability", "syncs"), [(Durability.EACH, 10), (Durability.INTERVAL, 0), (Durability.NEVER, 0)]
)
def test_each_record_is_synced_only_where_that_was_asked_for(start, disk, durability, syncs):
    buffer = start(durability=durability, sync_seconds=3600.0)
    assert syncs_of(disk, lambda: put_all(buffer, map(record, range(10)))) == syncs


def test_where_nothing_is_to_be_forced_to_the_device_new_segments_are_not_either(start, disk):
    buffer = start(durability=Durability.NEVER, max_bytes=1 << 20)
    forced = []
    disk.fail = lambda operation, path: forced.append(path) if operation.startswith("sync") else None
    put_all(buffer, [record(number, 5000) for number in range(10)])
    buffer.flush()
    assert (len(disk.paths("normal-*")) > 2, forced) == (True, [])


@pytest.mark.parametrize("seed", range(20))
def test_a_power_cut_loses_nothing_that_was_synced_one_by_one(start, disk, seed):
    buffer = start(max_bytes=1 << 20)
    put_all(buffer, [record(number, 3000, Priority(number % 3)) for number in range(12)])
    disk.cut_power(Random(seed))
    after = start()
    assert numbers(after) == list(range(12))
    assert imbalance(after) == 0


@pytest.mark.parametrize("seed", range(20))
def test_a_power_cut_loses_at_most_what_was_put_since_the_last_flush(start, disk, seed):
    buffer = start(durability=Durability.INTERVAL, sync_seconds=3600.0, max_bytes=1 << 20)
    put_all(buffer, map(record, range(6)))
    buffer.flush()
    put_all(buffer, map(record, range(6, 10)))
    disk.cut_power(Random(seed))
    left = numbers(start())
    assert left[:6] == list(range(6))
    assert left == sorted(left)


def test_the_interval_is_kept_without_anybody_calling(start, disk):
    """A thread of its own: the agent may have nothing to put for minutes."""
    buffer = start(durability=Durability.INTERVAL, sync_seconds=0.01)
    buffer.put(record(1))
    (path,) = disk.paths("normal-*")
    until(lambda: disk.durable_size(path) == len(disk.content(path)), "nothing synced what was put")


def test_what_waits_for_a_sync_is_bounded(start, disk):
    buffer = start(durability=Durability.INTERVAL, sync_seconds=3600.0)
    put_all(buffer, [record(number, 200_000) for number in range(12)])
    (path,) = disk.paths("normal-*")
    assert len(disk.content(path)) - disk.durable_size(path) < 1_500_000


def test_after_a_failed_sync_the_record_goes_to_a_new_segment(start, disk):
    """The kernel tells once of a page that it could not write: the old file proves nothing any more."""
    buffer = start()
    put_all(buffer, map(record, range(3)))
    disk.fail_once("sync", "normal-*")
    put_all(buffer, map(record, range(3, 6)))
    old, new = disk.paths("normal-*")
    assert buffer.alarm == ""
    before = disk.content(old)
    put_all(buffer, map(record, range(6, 8)))
    assert disk.content(old) == before
    assert disk.durable_size(new) == len(disk.content(new))
    assert numbers(buffer) == list(range(8))
    disk.cut_power(Random(1))
    assert numbers(start()) == list(range(8))


def test_a_record_that_was_written_twice_because_of_a_failed_sync_is_there_once(start, disk):
    buffer = start()
    put_all(buffer, map(record, range(3)))
    disk.fail_once("sync", "normal-*")
    put_all(buffer, map(record, range(3, 6)))
    after = start()
    assert numbers(after) == list(range(6))
    assert after.statistics().produced == 60


@pytest.mark.parametrize("seed", range(10))
def test_what_was_delivered_before_a_flush_does_not_come_back_after_a_power_cut(start, disk, seed):
    buffer = start()
    put_all(buffer, map(record, range(6)))
    buffer.acknowledge(sequences(buffer, 4))
    buffer.flush()
    for _ in range(3):
        start()  # each start begins a new file of the log and removes an old one
    disk.cut_power(Random(seed))
    after = start()
    assert numbers(after) == [4, 5]
    assert after.statistics().delivered == 40


def test_records_of_an_interval_whose_sync_failed_are_written_again(start, disk):
    buffer = start(durability=Durability.INTERVAL, sync_seconds=3600.0)
    put_all(buffer, map(record, range(2)))
    buffer.flush()
    put_all(buffer, map(record, range(2, 6)))
    buffer.acknowledge(sequences(buffer, 3))
    disk.fail_once("sync", "normal-*")
    buffer.flush()
    assert numbers(buffer) == [3, 4, 5]
    assert imbalance(buffer) == 0
    disk.cut_power(Random(3))
    after = start()
    assert numbers(after)[-3:] == [3, 4, 5]
    assert imbalance(after) == 0


def test_what_was_synced_before_a_sync_failed_stays_and_each_record_is_there_once(start, disk):
    buffer = start(durability=Durability.INTERVAL, sync_seconds=3600.0)
    put_all(buffer, map(record, range(2)))
    buffer.flush()
    put_all(buffer, map(record, range(2, 4)))
    disk.fail_once("sync", "normal-*")
    buffer.flush()
    seen = buffer.statistics()
    assert (seen.records, seen.segments) == (4, 2)
    for _ in range(2):
        assert numbers(buffer) == list(range(4))
        now = buffer.statistics()
        assert (now.records, now.bytes, now.produced, now.dropped) == (4, seen.bytes, 40, {})
        buffer = start()


def test_records_of_every_priority_whose_sync_failed_are_written_again(start, disk):
    buffer = start(durability=Durability.INTERVAL, sync_seconds=3600.0)
    put_all(buffer, [record(number, priority=Priority(number % 3)) for number in range(6)])
    failing = {f"{priority.name.lower()}-*" for priority in Priority}

    def fails(operation, path):
        hit = {name for name in failing if operation == "sync" and path.match(name)}
        failing.difference_update(hit)
        return errno.EIO if hit else None

    disk.fail = fails
    buffer.flush()
    assert (failing, buffer.alarm) == (set(), "")
    for _ in range(2):
        assert numbers(buffer) == list(range(6))
        assert (buffer.statistics().records, imbalance(buffer)) == (6, 0)
        disk.cut_power(Random(4))
        buffer = start()


@pytest.mark.parametrize("files", ["normal-*", "progress-*"])
def test_at_an_interval_a_device_that_never_syncs_turns_the_buffer_to_memory(start, disk, clock, files):
    buffer = start(durability=Durability.INTERVAL, sync_seconds=3600.0)
    put_all(buffer, map(record, range(4)))
    buffer.acknowledge(sequences(buffer, 1))
    disk.fail = lambda operation, path: errno.EIO if operation == "sync" and path.match(files) else None
    buffer.flush()
    assert buffer.alarm == "Input/output error"
    assert numbers(buffer) == [1, 2, 3]
    assert (buffer.statistics().produced, imbalance(buffer)) == (40, 0)
    disk.mend()
    clock.advance(6)
    buffer.put(record(4))
    buffer.flush()
    assert buffer.alarm == ""
    disk.cut_power(Random(2))
    again = start()
    assert numbers(again) == [1, 2, 3, 4]
    assert imbalance(again) == 0


def test_a_device_that_never_syncs_turns_the_buffer_to_memory(start, disk, clock):
    buffer = start()
    buffer.put(record(0))
    disk.fail = lambda operation, _path: errno.EIO if operation == "sync" else None
    put_all(buffer, map(record, range(1, 5)))
    assert buffer.alarm == "Input/output error"
    assert numbers(buffer) == list(range(5))
    disk.mend()
    clock.advance(6)
    buffer.put(record(5))
    assert buffer.alarm == ""
    disk.cut_power(Random(2))
    assert numbers(start()) == list(range(6))


def test_what_a_killed_process_left_in_the_kernel_is_made_durable_at_the_next_start(start, disk):
    buffer = start(durability=Durability.NEVER)
    put_all(buffer, map(record, range(4)))
    assert numbers(start(durability=Durability.EACH)) == list(range(4))
    disk.cut_power(Random(5))
    assert numbers(start()) == list(range(4))
    assert buffer.alarm == ""


@pytest.mark.parametrize("acknowledged", [0, 2, 4])
def test_when_a_sync_fails_what_still_waits_is_written_again_and_counted_once(start, disk, acknowledged):
    buffer = start(durability=Durability.INTERVAL, sync_seconds=3600.0)
    put_all(buffer, map(record, range(4)))
    buffer.acknowledge(sequences(buffer, acknowledged))
    failing = [errno.EIO]
    disk.fail = lambda operation, path: (
        failing.pop() if failing and operation == "sync" and path.match("normal-*") else None
    )
    buffer.flush()
    assert failing == []
    for _ in range(2):
        seen = buffer.statistics()
        assert numbers(buffer) == list(range(acknowledged, 4))
        assert (seen.records, seen.produced) == (4 - acknowledged, 40)
        assert (seen.delivered, seen.dropped) == (10 * acknowledged, {})
        assert imbalance(buffer) == 0
        buffer = start()


def test_a_file_that_can_neither_be_written_nor_removed_nor_looked_at_costs_no_record(start, disk, clock):
    buffer = start()
    disk.fail = lambda operation, path: (
        errno.EIO
        if operation in ("size", "remove") or (operation == "append" and disk.content(path))
        else None
    )
    buffer.put(record(0))
    assert numbers(buffer) == [0]
    assert buffer.alarm == "Input/output error"
    disk.mend()
    clock.advance(6)
    buffer.put(record(1))
    assert (buffer.alarm, numbers(buffer)) == ("", [0, 1])
    assert len(disk.paths("normal-*")) == 1
    assert imbalance(buffer) == 0


@pytest.mark.parametrize("size", [900, 2000])  # some records a segment, or one
@pytest.mark.parametrize("step", ["create", "append", "frame", "sync"])
def test_the_bound_holds_through_segments_that_were_given_up(start, disk, step, size):
    buffer = start(max_bytes=64_000)

    def fails(operation, path):
        if operation == "append" and step == "frame" and disk.content(path):
            operation = "frame"  # of a record, not the header of the file
        return failing.pop() if failing and operation == step and path.match("normal-*") else None

    for number in range(120):
        failing = [errno.EIO] if number % 7 == 0 else []
        disk.fail = fails
        buffer.put(record(number, size))
        disk.mend()
        used = sum(len(disk.content(path)) for path in disk.paths("*.segment") if path.match("normal-*"))
        assert used <= 64_000
    assert buffer.alarm == ""
    left = numbers(buffer)
    assert left == list(range(120 - len(left), 120))
    assert len(left) * size > 30_000  # and the room is used
    assert imbalance(buffer) == 0
