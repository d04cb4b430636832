from threading import Event, Thread

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.files import Files
from nrdot.buffer.segment import HEAD_SIZE
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.clock import SystemClock
from nrdot.stages import Priority, Record
from nrdot.testing.clock import NOON_NS
from nrdot.testing.delivery.records import imbalance, number_of, numbers, put_all, record, sequences, waiting


def test_records_come_back_whole_and_in_the_order_they_were_put(start):
    buffer = start()
    made = [record(number, priority=Priority(number % 3)) for number in range(9)]
    put_all(buffer, made)
    assert waiting(buffer) == made
    assert waiting(start()) == made


def test_newest_first_offers_the_present_before_the_past(start):
    buffer = start(newest_first=True)
    put_all(buffer, [record(number, priority=Priority(number % 3)) for number in range(6)])
    assert numbers(buffer) == [5, 4, 3, 2, 1, 0]
    buffer.acknowledge(sequences(buffer, 2))
    assert numbers(start(newest_first=True)) == [3, 2, 1, 0]


def test_newest_first_goes_back_over_segments_and_memory(start, disk):
    buffer = start(newest_first=True, max_bytes=1 << 20)
    put_all(buffer, [record(number, 5000, Priority(number % 2)) for number in range(20)])
    disk.read_only = True
    put_all(buffer, [record(number, 5000, Priority(number % 2)) for number in range(20, 26)])
    assert len(disk.paths("normal-*")) > 2
    assert numbers(buffer) == list(range(25, -1, -1))
    buffer.acknowledge(sequences(buffer)[22:23])
    assert numbers(buffer) == [*range(25, 3, -1), 2, 1, 0]
    buffer.acknowledge(sequences(buffer)[10:])
    assert numbers(buffer) == list(range(25, 15, -1))


def test_peek_takes_as_many_as_fit_and_at_least_one(start):
    buffer = start()
    put_all(buffer, [record(number, size=96, points=10) for number in range(5)])
    assert len(buffer.peek(25, 1 << 20)) == 2
    assert len(buffer.peek(1 << 20, 350)) == 3
    assert len(buffer.peek(1, 1)) == 1
    assert len(buffer.peek(0, 0)) == 1


def test_peek_takes_what_fits_to_the_last_point_and_byte(start):
    buffer = start()
    put_all(buffer, [record(number, size=96, points=10) for number in range(5)])
    assert [len(buffer.peek(points, 1 << 20)) for points in (19, 20, 29, 30)] == [1, 2, 2, 3]
    assert [len(buffer.peek(1 << 20, size)) for size in (199, 200, 299, 300)] == [1, 2, 2, 3]


def test_a_record_of_a_clock_before_1970_is_a_record(start):
    made = Record(b"payload", 3, -5)
    start().put(made)
    buffer = start()
    assert waiting(buffer) == [made]
    assert buffer.statistics().oldest_ns == -5


def test_peek_of_an_empty_buffer_is_empty(start):
    assert start().peek(100, 100) == []


def test_what_left_does_not_come_back(start):
    buffer = start()
    put_all(buffer, map(record, range(8)))
    offered = sequences(buffer)
    buffer.acknowledge([offered[6], offered[1]])
    buffer.drop([offered[2]], "too_old")
    buffer.reject([offered[4]], "400")
    assert numbers(buffer) == [0, 3, 5, 7]
    assert numbers(start()) == [0, 3, 5, 7]


def test_the_books_say_where_every_point_went_and_survive_restarts(start):
    buffer = start()
    put_all(buffer, [record(number, points=100) for number in range(6)])
    offered = sequences(buffer)
    buffer.acknowledge(offered[:2], rejected_points=7)
    buffer.reject(offered[2:3], "400")
    buffer.drop(offered[3:4], "too_old")
    for _ in range(3):
        now = buffer.statistics()
        assert (now.produced, now.delivered, now.rejected) == (600, 193, 107)
        assert now.dropped == {"too_old": 100}
        assert (now.records, now.oldest_ns, now.bytes) == (2, NOON_NS + 4, 2 * (HEAD_SIZE + 204))
        assert imbalance(buffer) == 0
        buffer.close()
        buffer = start()
    buffer.acknowledge(sequences(buffer))
    put_all(buffer, [record(6, points=1)])
    assert start().statistics().produced == 601


def test_what_waits_takes_as_many_bytes_after_a_restart(start):
    buffer = start(max_bytes=1 << 20)
    put_all(buffer, [record(number, 4000) for number in range(24)])
    offered = sequences(buffer)
    buffer.acknowledge([offered[0], offered[5], offered[6], offered[10]])
    assert buffer.statistics().bytes == 20 * (HEAD_SIZE + 4004)
    buffer.close()
    buffer = start(max_bytes=1 << 20)
    assert (buffer.statistics().bytes, buffer.statistics().segments) == (20 * (HEAD_SIZE + 4004), 8)


def test_numbers_that_do_not_wait_are_passed_over(start):
    buffer = start()
    put_all(buffer, map(record, range(3)))
    first = sequences(buffer, 1)
    buffer.acknowledge([*first, *first])
    buffer.acknowledge([*first, 999])
    buffer.drop(first, "too_old")
    buffer.reject(first, "400")
    assert buffer.statistics().delivered == 10
    buffer.acknowledge([*first, *sequences(buffer, 1)])
    assert buffer.statistics().delivered == 20
    assert imbalance(buffer) == 0


def test_delivered_segments_leave_the_disk(start, disk):
    buffer = start(max_bytes=1 << 20)
    put_all(buffer, [record(number, size=5000) for number in range(40)])
    full = disk.used
    buffer.acknowledge(sequences(buffer))
    assert disk.used < full / 8
    buffer.close()
    assert not disk.paths("normal-*")


def test_putting_after_close_is_counted_and_does_not_raise(start):
    buffer = start()
    buffer.close()
    buffer.put(record(1))
    buffer.close()
    assert buffer.statistics().dropped == {"closed": 10}


def test_what_endpoints_refuse_adds_up(start):
    buffer = start()
    put_all(buffer, map(record, range(4)))
    for refused in (3, 4):
        buffer.acknowledge(sequences(buffer, 1), rejected_points=refused)
    buffer.reject(sequences(buffer, 1), "400 Bad Request")
    now = buffer.statistics()
    assert (now.delivered, now.rejected, imbalance(buffer)) == (13, 17, 0)


def test_a_segment_that_goes_does_not_end_the_one_that_is_written(start, disk):
    buffer = start(max_bytes=1 << 20)
    put_all(buffer, [record(number, 3000) for number in range(7)])
    first, active = disk.paths("normal-*")
    buffer.acknowledge(sequences(buffer, 5))
    assert first not in disk.paths()
    buffer.put(record(7, 3000))
    assert disk.paths("normal-*") == [active]


def test_records_as_long_as_a_seal_are_records(start):
    put_all(start(), [record(number, 40) for number in range(3)])
    again = start()
    assert numbers(again) == [0, 1, 2]
    assert (again.statistics().records, again.statistics().dropped) == (3, {})


def test_a_long_life_keeps_few_files_and_short_logs(start, disk):
    buffer = start(max_bytes=1 << 20)
    for number in range(600):
        buffer.put(record(number))
        buffer.acknowledge(sequences(buffer))
    assert len(disk.paths()) <= 5
    assert disk.used < 100_000
    after = start().statistics()
    assert (after.produced, after.delivered) == (6000, 6000)


def test_a_thread_that_puts_and_one_that_delivers_do_not_disturb_each_other(tmp_path):
    settings = BufferSettings(max_bytes=16 << 20, durability=Durability.NEVER)
    buffer = DiskBuffer(tmp_path / "buffer", settings, SystemClock(), Files())
    writer = Thread(target=put_all, args=(buffer, [record(number) for number in range(3000)]))
    writer.start()
    delivered = []
    while len(delivered) < 3000:
        found = buffer.peek(300, 1 << 20)
        delivered += [number_of(made) for _, made in found]
        buffer.acknowledge([sequence for sequence, _ in found])
    writer.join()
    assert delivered == list(range(3000))
    assert imbalance(buffer) == 0
    buffer.close()


def test_a_buffer_that_closes_while_it_is_drained_keeps_what_nobody_acknowledged_in_time(tmp_path):
    settings = BufferSettings(max_bytes=16 << 20, durability=Durability.NEVER)
    for run in range(5):
        buffer = DiskBuffer(tmp_path / f"buffer{run}", settings, SystemClock(), Files())
        put_all(buffer, [record(number) for number in range(400)])
        delivered, faults, begun = [], [], Event()

        def drain(buffer=buffer, delivered=delivered, faults=faults, begun=begun):
            try:
                while found := buffer.peek(50, 1 << 20):
                    delivered.extend(number_of(made) for _, made in found)
                    buffer.acknowledge([sequence for sequence, _ in found])
                    begun.set()
            except Exception as error:  # noqa: BLE001 - whatever it is, the thread must not have met it
                faults.append(error)

        drainer = Thread(target=drain)
        drainer.start()
        assert begun.wait(30)
        buffer.close()
        drainer.join()
        after = DiskBuffer(tmp_path / f"buffer{run}", settings, SystemClock(), Files())
        kept = [number_of(made) for _, made in after.peek(1 << 20, 1 << 30)]
        after.close()
        assert not faults
        assert set(delivered) | set(kept) == set(range(400))
        assert len(delivered) + len(kept) <= 400 + 50  # the request that was under way, at most, goes again
