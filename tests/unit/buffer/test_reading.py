"""Segments that the file system does not read for a while."""

from __future__ import annotations

import errno

from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences


def test_a_segment_that_cannot_be_read_is_left_alone_for_a_while_and_comes_back(start, disk, clock):
    put_all(start(), map(record, range(3)))
    buffer = start(retry_seconds=5.0)
    (old,) = disk.paths("normal-*")
    put_all(buffer, map(record, range(3, 6)))
    tries = []

    def fails(operation, path):
        if path != old or operation not in ("open", "read"):
            return None
        tries.append(operation)
        return errno.EIO

    disk.fail = fails
    assert numbers(buffer) == [3, 4, 5]
    asked = len(tries)
    assert numbers(buffer) == [3, 4, 5]
    assert len(tries) == asked
    disk.mend()
    assert numbers(buffer) == [3, 4, 5]
    clock.advance(6)
    assert numbers(buffer) == [0, 1, 2, 3, 4, 5]
    assert imbalance(buffer) == 0


def test_few_segments_are_open_and_known_record_by_record_at_a_time(start, disk):
    put_all(start(max_bytes=1 << 20), [record(number, 3000) for number in range(200)])
    buffer = start(max_bytes=1 << 20)
    buffer.put(record(200, 3000))
    assert numbers(buffer) == list(range(201))
    (segments,) = [lane.segments for lane in buffer._store.lanes.values() if lane.segments]
    assert len(segments) > 30
    assert sum(segment.index is not None for segment in segments[:-1]) <= 6
    assert segments[-1].index is not None  # the one that is written
    assert len(disk._descriptors) < 12


def test_a_segment_that_no_start_could_read_keeps_its_numbers(start, disk, clock):
    put_all(start(), map(record, range(3)))
    (old,) = disk.paths("normal-*")
    disk.fail = lambda operation, path: errno.EIO if path == old and operation in ("open", "read") else None
    buffer = start()
    put_all(buffer, map(record, range(3, 6)))
    given = set(sequences(buffer))
    buffer.close()
    disk.mend()
    buffer = start()
    assert numbers(buffer) == [0, 1, 2, 3, 4, 5]
    assert len(set(sequences(buffer))) == 6
    assert given < set(sequences(buffer))
