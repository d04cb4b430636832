"""A buffer that takes another configuration while it runs."""

import pytest

from nrdot.buffer.encryption import NO_KEYS, Keyring
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.stages import Priority
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences
from nrdot.testing.waiting import until

WHOLE = BufferSettings(max_bytes=1 << 20)


def syncs_of(disk, action):
    return len([name for name in disk.synced(action) if not name.startswith("progress")])


def test_a_smaller_bound_makes_the_oldest_give_way_and_counts_them(start):
    buffer = start(max_bytes=1 << 20)
    put_all(buffer, [record(number, 3000) for number in range(40)])
    buffer.use(BufferSettings(max_bytes=60_000), NO_KEYS)
    assert numbers(buffer) == list(range(40))
    buffer.put(record(40, 3000))
    left = numbers(buffer)
    assert left[-1] == 40
    assert 5 < len(left) < 20
    assert set(buffer.statistics().dropped) == {"full"}
    assert imbalance(buffer) == 0


def test_a_larger_bound_holds_from_the_next_record_on(start):
    buffer = start(max_bytes=60_000)
    put_all(buffer, [record(number, 3000) for number in range(40)])
    kept = len(numbers(buffer))
    buffer.use(WHOLE, NO_KEYS)
    put_all(buffer, [record(number, 3000) for number in range(40, 80)])
    assert len(numbers(buffer)) == kept + 40


def test_a_bound_in_records_holds_from_the_next_record_on(start):
    buffer = start(max_bytes=1 << 20)
    put_all(buffer, map(record, range(30)))
    buffer.use(BufferSettings(max_bytes=1 << 20, max_records=10), NO_KEYS)
    put_all(buffer, map(record, range(30, 60)))
    assert buffer.statistics().records <= 10
    assert numbers(buffer)[-1] == 59
    assert imbalance(buffer) == 0


def test_what_concerns_no_file_begins_no_file(start, disk):
    buffer = start()
    put_all(buffer, map(record, range(3)))
    buffer.use(BufferSettings(newest_first=True, max_records=1000, memory_bytes=1 << 20), NO_KEYS)
    put_all(buffer, map(record, range(3, 6)))
    assert len(disk.paths("normal-*")) == 1


def test_an_interval_that_a_reload_asks_for_is_kept_without_anybody_calling(start, disk):
    buffer = start(durability=Durability.NEVER)
    buffer.use(BufferSettings(durability=Durability.INTERVAL, sync_seconds=0.01), NO_KEYS)
    buffer.put(record(1))
    (path,) = disk.paths("normal-*")
    until(lambda: disk.durable_size(path) == len(disk.content(path)), "nothing synced what was put")


def test_the_order_turns_round(start):
    buffer = start()
    put_all(buffer, map(record, range(4)))
    buffer.use(BufferSettings(newest_first=True), NO_KEYS)
    assert numbers(buffer) == [3, 2, 1, 0]


@pytest.mark.parametrize("before", Durability)
@pytest.mark.parametrize("after", Durability)
def test_another_durability_holds_from_the_next_record_on(start, disk, before, after):
    buffer = start(durability=before, sync_seconds=3600.0)
    put_all(buffer, [record(number, 50, Priority(number % 3)) for number in range(6)])
    buffer.use(BufferSettings(durability=after, sync_seconds=3600.0), NO_KEYS)
    syncs = syncs_of(disk, lambda: put_all(buffer, [record(number) for number in range(6, 9)]))
    assert syncs == (3 if after is Durability.EACH else 0)
    assert (buffer._flusher is not None) == (after is Durability.INTERVAL)
    assert numbers(buffer) == list(range(9))
    buffer.close()
    assert numbers(start()) == list(range(9))


def test_what_one_promise_wrote_is_durable_before_the_next_one_holds(start, disk):
    buffer = start(durability=Durability.INTERVAL, sync_seconds=3600.0)
    put_all(buffer, map(record, range(3)))
    syncs = syncs_of(disk, lambda: buffer.use(BufferSettings(durability=Durability.NEVER), NO_KEYS))
    assert syncs == 1
    assert all(disk.durable_size(path) for path in disk.paths("normal-*"))


def test_a_disk_that_fails_during_a_reload_loses_nothing(start, disk, clock):
    buffer = start(durability=Durability.INTERVAL, sync_seconds=3600.0)
    put_all(buffer, map(record, range(3)))
    disk.read_only = True
    buffer.use(BufferSettings(), Keyring(b"k" * 32))
    assert buffer.alarm
    assert buffer.statistics().alarm == buffer.alarm
    assert numbers(buffer) == [0, 1, 2]
    disk.read_only = False
    clock.advance(6)
    buffer.put(record(3))
    assert (buffer.statistics().alarm, numbers(buffer)) == ("", [0, 1, 2, 3])


def test_keys_rotate_at_every_record_and_everything_stays_readable(start):
    keys = [bytes([number]) * 32 for number in range(1, 8)]
    buffer = start()
    ring = NO_KEYS
    for number, key in enumerate(keys):
        ring = Keyring(key).joined(ring)
        buffer.use(BufferSettings(), ring)
        buffer.put(record(number))
        if number % 2:
            buffer.reject(sequences(buffer, 1), "400")
    assert numbers(buffer) == list(range(3, 7))
    buffer.use(BufferSettings(), ring.retired())
    buffer.put(record(7))
    assert numbers(buffer) == list(range(3, 8))
    after = start()
    assert numbers(after) == [7]
    after.use(BufferSettings(), ring)
    assert numbers(after) == list(range(3, 8))
    assert imbalance(after) == 0


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_leaves_is_overwritten_from_the_reload_on_where_that_is_asked_for(start, disk, overwrite):
    buffer = start(max_bytes=60_000, overwrite=not overwrite)
    put_all(buffer, [record(number, 3000) for number in range(10)])
    buffer.use(BufferSettings(max_bytes=60_000, overwrite=overwrite), NO_KEYS)
    steps = []
    disk.fail = lambda operation, _path: steps.append(operation)
    buffer.acknowledge(sequences(buffer))
    put_all(buffer, [record(number, 3000) for number in range(10, 30)])
    assert "remove" in steps
    assert ("overwrite" in steps) is overwrite
