import errno
import logging

from nrdot.buffer.settings import Durability
from nrdot.stages import Priority
from nrdot.testing.clock import NOON_NS
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences, waiting


def test_a_disk_that_cannot_be_written_turns_the_buffer_to_memory_and_says_so_once(start, disk, caplog):
    buffer = start(memory_bytes=24 << 20)
    put_all(buffer, map(record, range(3)))
    disk.read_only = True
    with caplog.at_level(logging.WARNING):
        put_all(buffer, map(record, range(3, 10)))
    assert buffer.alarm == "Read-only file system"
    assert [message for message in caplog.messages if "records wait in memory" in message] == caplog.messages
    (message,) = caplog.messages
    assert message.startswith("cannot write to the buffer /state/buffer: Read-only file system; ")
    assert "memory, 24 MiB at most, until it can be written again" in message
    assert numbers(buffer) == list(range(10))
    assert imbalance(buffer) == 0


def test_what_waits_in_memory_is_what_was_put(start, disk):
    buffer = start()
    disk.read_only = True
    records = [record(number, points=3 + number, priority=Priority(number % 3)) for number in range(6)]
    put_all(buffer, records)
    assert waiting(buffer) == records
    held = buffer.statistics().bytes
    buffer.acknowledge(sequences(buffer))
    assert held > 6 * 200
    assert buffer.statistics().bytes == 0


def test_records_go_back_to_disk_by_themselves_in_order(start, disk, clock, caplog):
    buffer = start()
    put_all(buffer, [record(number, priority=Priority(number % 3)) for number in range(3)])
    disk.read_only = True
    put_all(buffer, [record(number, priority=Priority(number % 3)) for number in range(3, 9)])
    disk.read_only = False
    clock.advance(6)
    buffer.put(record(9))
    assert buffer.alarm == ""
    assert "can be written again; 6 records went there from memory" in caplog.text
    assert numbers(buffer) == list(range(10))
    held = buffer.statistics().bytes
    again = start()
    assert numbers(again) == list(range(10))
    assert again.statistics().bytes == held


def test_what_waits_in_memory_goes_to_a_disk_that_works_again_when_the_buffer_is_closed(start, disk):
    buffer = start()
    disk.read_only = True
    put_all(buffer, map(record, range(3)))
    disk.read_only = False
    buffer.close()
    assert numbers(start()) == [0, 1, 2]


def test_memory_takes_up_to_its_last_byte(start, disk):
    made = record(0)
    needed = len(made.payload) + 400  # bytes of its own and of the objects around it
    for memory_bytes, kept in ((needed, [0]), (needed - 1, [])):
        buffer = start(memory_bytes=memory_bytes)
        disk.read_only = True
        buffer.put(made)
        assert numbers(buffer) == kept
        disk.read_only = False


def test_the_disk_is_not_tried_again_before_its_time(start, disk, clock):
    buffer = start(retry_seconds=5.0)
    disk.read_only = True
    buffer.put(record(0))
    tries = []
    disk.fail = lambda operation, _path: tries.append(operation)
    put_all(buffer, map(record, range(1, 50)))
    assert tries == []
    clock.advance(6)
    buffer.put(record(50))
    assert "create" in tries


def test_delivery_goes_on_while_the_disk_cannot_be_written(start, disk, clock):
    buffer = start()
    put_all(buffer, map(record, range(4)))
    disk.read_only = True
    put_all(buffer, map(record, range(4, 8)))
    assert (buffer.statistics().records, buffer.statistics().oldest_ns) == (8, NOON_NS)
    buffer.acknowledge(sequences(buffer, 6))
    assert numbers(buffer) == [6, 7]
    now = buffer.statistics()
    assert (now.delivered, now.records, now.oldest_ns) == (60, 2, NOON_NS + 6)
    disk.read_only = False
    clock.advance(6)
    assert numbers(buffer) == [6, 7]
    after = start()
    assert numbers(after) == [6, 7]
    assert after.statistics().delivered == 60


def test_memory_is_bounded_and_lets_go_of_the_lowest_priority_first(start, disk):
    buffer = start(memory_bytes=20_000)
    disk.read_only = True
    put_all(buffer, [record(number, 1000, Priority.CRITICAL) for number in range(5)])
    put_all(buffer, [record(number, 1000, Priority.OPTIONAL) for number in range(5, 30)])
    left = numbers(buffer)
    assert left[:5] == list(range(5))
    assert left[5:] == list(range(30 - len(left[5:]), 30))
    assert buffer.statistics().dropped == {"memory_full": 10 * (30 - len(left))}
    assert imbalance(buffer) == 0


def test_what_waited_in_memory_is_said_to_be_lost_when_the_process_ends_with_it(start, disk, caplog):
    buffer = start()
    put_all(buffer, map(record, range(3)))
    disk.read_only = True
    put_all(buffer, map(record, range(3, 5)))
    buffer.close()
    assert "2 records that waited in memory are lost with this process: Read-only file system" in caplog.text
    disk.read_only = False
    after = start()
    assert numbers(after) == [0, 1, 2]
    assert imbalance(after) == 0


def test_points_that_memory_took_with_it_are_in_the_books_where_the_log_knew_of_them(start, disk, clock):
    buffer = start()
    disk.read_only = True
    put_all(buffer, map(record, range(4)))
    disk.read_only = False
    # The log can be written again, the records cannot.
    disk.fail = lambda operation, path: (
        errno.EIO if path.match("normal-*") and operation == "create" else None
    )
    clock.advance(6)
    buffer.put(record(4))
    disk.mend()
    after = start()
    now = after.statistics()
    assert (now.records, now.produced, now.dropped) == (0, 40, {"unaccounted": 40})


def test_a_start_on_a_disk_that_fails_after_the_lock_goes_to_memory(start, disk, clock):
    disk.fail = lambda operation, _path: errno.ENOSPC if operation == "create" else None
    buffer = start()
    assert buffer.alarm == "No space left on device"
    put_all(buffer, map(record, range(3)))
    assert numbers(buffer) == [0, 1, 2]
    disk.mend()
    clock.advance(6)
    buffer.put(record(3))
    assert (buffer.alarm, numbers(start())) == ("", [0, 1, 2, 3])


def test_a_segment_that_could_be_neither_begun_nor_removed_is_in_nobodys_way(start, disk, clock):
    buffer = start()
    disk.fail = lambda operation, _path: errno.EIO if operation in ("sync_directory", "remove") else None
    put_all(buffer, map(record, range(3)))
    assert buffer.alarm
    disk.mend()
    clock.advance(6)
    buffer.put(record(3))
    assert buffer.alarm == ""
    assert numbers(start()) == [0, 1, 2, 3]


def test_a_segment_that_was_given_up_makes_way_for_its_records_though_nothing_is_delivered(
    start, disk, clock
):
    buffer = start(durability=Durability.INTERVAL, sync_seconds=3600.0)
    put_all(buffer, map(record, range(3)))
    disk.read_only = True
    buffer.flush()
    assert buffer.alarm
    disk.read_only = False
    clock.advance(6)
    buffer.put(record(3))
    assert buffer.alarm == ""
    assert numbers(start()) == [0, 1, 2, 3]
