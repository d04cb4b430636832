"""The progress log read after damage, and after somebody else wrote to it."""

from __future__ import annotations

import errno

import msgspec
import pytest

from nrdot.buffer.books import Books, Entry, Leaving, Snapshot
from nrdot.buffer.progress import read_on
from nrdot.buffer.segment import (
    FIRST_FRAME,
    HEAD_SIZE,
    Content,
    Frame,
    Head,
    Header,
    Kind,
    pack_head,
    pack_header,
    parse_header,
    scan,
)
from nrdot.buffer.settings import Durability
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences

HEADER = Header(Content.PROGRESS, 0, b"salt of logs")
SNAPSHOT = Snapshot(Books(produced=90), [], [], [90, 0, 0], 10)


def entry(delivered, start):
    """Three records leave one segment."""
    return Entry(Books(produced=90, delivered=delivered), [Leaving("aa", [(start, start + 3)], 3, 30, 300)])


def file_of(*frames):
    data = pack_header(HEADER)
    for kind, content in frames:
        body = content if isinstance(content, bytes) else msgspec.json.encode(content)
        data += pack_head(Head(len(body), 1, 0, 0, 0, len(body), 1, kind, 0, 0), body, HEADER.seed) + body
    return data


def read(data):
    return read_on(None, lambda offset, size: data[offset : offset + size], len(data), HEADER)


def test_what_left_a_segment_adds_up_over_all_entries():
    found = read(
        file_of((Kind.SNAPSHOT, SNAPSHOT), (Kind.SETTLED, entry(30, 0)), (Kind.SETTLED, entry(60, 5)))
    )
    left = found.left["aa"]
    assert (list(left.spans), left.records, left.points, left.stored) == ([(0, 3), (5, 8)], 6, 60, 600)
    assert found.books.delivered == 60


@pytest.mark.parametrize(
    "strange",
    [
        (99, entry(70, 9)),  # of a later version
        (Kind.SETTLED, b"not our words"),
        (Kind.DATA, entry(70, 9)),
    ],
)
def test_what_nobody_understands_is_passed_over_and_what_follows_counts(strange):
    found = read(file_of((Kind.SNAPSHOT, SNAPSHOT), strange, (Kind.SETTLED, entry(60, 5))))
    assert (list(found.left["aa"].spans), found.books.delivered) == ([(5, 8)], 60)


def test_an_entry_after_a_damaged_one_counts():
    first = file_of((Kind.SNAPSHOT, SNAPSHOT))
    whole = file_of((Kind.SNAPSHOT, SNAPSHOT), (Kind.SETTLED, entry(30, 0)), (Kind.SETTLED, entry(60, 5)))
    damaged = bytearray(whole)
    damaged[len(first) + HEAD_SIZE + 3] ^= 1
    found = read(bytes(damaged))
    assert (list(found.left["aa"].spans), found.books.delivered) == ([(5, 8)], 60)


def test_entries_without_the_snapshot_that_they_follow_say_nothing():
    assert read(file_of((Kind.SETTLED, entry(30, 0)))) is None


def test_where_the_only_snapshot_is_damaged_everything_waits_again(start, disk):
    buffer = start()
    put_all(buffer, map(record, range(6)))
    buffer.acknowledge(sequences(buffer, 2))
    (path,) = disk.paths("progress-*")
    disk.flip(path, FIRST_FRAME + HEAD_SIZE + 3)
    buffer = start()
    assert numbers(buffer) == list(range(6))
    assert imbalance(buffer) == 0


def test_the_log_is_written_as_its_page_says(start, disk, clock):
    for generation in (1, 2):
        buffer = start()
        header = parse_header(disk.content(disk.paths("progress-*")[-1]))
        assert header == Header(Content.PROGRESS, 0, header.salt, generation, 0, clock.wall_ns())
        clock.advance(60)
    put_all(buffer, map(record, range(4)))
    offered = sequences(buffer)
    buffer.acknowledge(offered[:1])
    buffer.reject(offered[1:2], "400")
    buffer.drop(offered[2:3], "too_old")
    data = disk.content(disk.paths("progress-*")[-1])
    frames = list(scan(lambda offset, size: data[offset : offset + size], len(data), header.seed))
    assert all(isinstance(frame, Frame) for frame in frames)
    kinds = [frame.head.kind for frame in frames]
    assert kinds == [Kind.SNAPSHOT, Kind.SETTLED, Kind.SETTLED, Kind.GAP]
    assert [frame.head.sequence for frame in frames] == [1, 2, 3, 4]


def test_two_files_of_the_log_stay_however_often_it_begins(start, disk):
    for _ in range(5):
        start()
    assert [path.name for path in disk.paths("progress-*")] == [
        f"progress-{number:020}.segment" for number in (4, 5)
    ]


def test_old_files_of_the_log_that_cannot_be_removed_are_in_nobodys_way(start, disk):
    disk.fail = lambda operation, path: (
        errno.EIO if operation == "remove" and path.match("progress-*") else None
    )
    for _ in range(4):
        buffer = start()
        assert buffer.alarm == ""
    disk.mend()
    start()
    assert len(disk.paths("progress-*")) == 2


@pytest.mark.parametrize("removable", [True, False])
@pytest.mark.parametrize("step", ["append", "frame", "sync"])
def test_a_log_that_cannot_be_begun_is_tried_again_and_leaves_nothing(start, disk, clock, step, removable):
    buffer = start(sync_seconds=0.0)
    put_all(buffer, map(record, range(3)))
    failing = {step} if removable else {step, "remove"}

    def fails(operation, path):
        if operation == "append" and step == "frame" and disk.content(path):
            operation = "frame"  # behind the header of the file
        return errno.EIO if operation in failing and path.match("progress-*") else None

    disk.fail = fails
    buffer.acknowledge(sequences(buffer, 1))
    assert buffer.alarm == "Input/output error"
    for _ in range(5):
        clock.advance(6)
        buffer.put(record(9))
        assert buffer.alarm == "Input/output error"
    if removable:
        assert len(disk.paths("progress-*")) == 1
    disk.mend()
    clock.advance(6)
    assert numbers(buffer) == [1, 2, 9, 9, 9, 9, 9]
    assert buffer.alarm == ""
    again = start()
    assert len(disk.paths("progress-*")) == 2
    assert numbers(again) == [1, 2, 9, 9, 9, 9, 9]
    assert imbalance(again) == 0


@pytest.mark.parametrize("durability", [Durability.EACH, Durability.NEVER])
def test_acknowledgements_are_forced_to_the_device_once_in_an_interval(start, disk, clock, durability):
    buffer = start(durability=durability, sync_seconds=2.0)
    put_all(buffer, map(record, range(12)))
    counts = []
    for seconds in (0.5, 0.5, 1.0, 0.5, 1.4, 0.5):
        clock.advance(seconds)
        counts.append(len(disk.synced(lambda: buffer.acknowledge(sequences(buffer, 1)))))
    assert counts == ([0, 0, 0, 0, 0, 0] if durability is Durability.NEVER else [0, 0, 1, 0, 0, 1])


def test_a_flush_forces_what_left_to_the_device_and_then_nothing_until_more_leaves(start, disk):
    buffer = start()
    put_all(buffer, map(record, range(3)))
    assert len(disk.synced(buffer.flush)) == 0
    for _ in range(2):
        buffer.acknowledge(sequences(buffer, 1))
        assert [len(disk.synced(buffer.flush)), len(disk.synced(buffer.flush))] == [1, 0]


def test_a_log_that_cannot_be_synced_before_a_segment_goes_keeps_the_segment(start, disk, clock):
    buffer = start(max_bytes=1 << 20)
    put_all(buffer, [record(number, 9000) for number in range(4)])
    there = disk.paths("normal-*")
    disk.fail = lambda operation, path: (
        errno.EIO if operation == "sync" and path.match("progress-*") else None
    )
    buffer.acknowledge(sequences(buffer, 2))
    assert (buffer.alarm, disk.paths("normal-*")) == ("Input/output error", there)
    disk.mend()
    clock.advance(6)
    assert numbers(buffer) == [2, 3]
    assert (buffer.alarm, len(disk.paths("normal-*"))) == ("", len(there) - 2)
    assert imbalance(buffer) == 0


@pytest.mark.parametrize("step", ["append", "sync"])
def test_a_log_that_failed_is_left_alone_until_its_time(start, disk, clock, step):
    buffer = start(sync_seconds=0.0, retry_seconds=5.0)
    put_all(buffer, map(record, range(9)))
    tries = []

    def fails(operation, path):
        if path.match("progress-*"):
            tries.append(operation)
        return errno.EIO if operation == step and path.match("progress-*") else None

    disk.fail = fails
    buffer.acknowledge(sequences(buffer, 1))
    asked = len(tries)
    for _ in range(3):
        buffer.acknowledge(sequences(buffer, 1))
    assert (len(tries), buffer.alarm) == (asked, "Input/output error")
    clock.advance(5)
    buffer.put(record(9))
    assert len(tries) > asked
    asked = len(tries)
    for _ in range(3):
        buffer.acknowledge(sequences(buffer, 1))
    assert len(tries) == asked
    disk.mend()
    clock.advance(5)
    assert (numbers(buffer), buffer.alarm) == ([7, 8, 9], "")
    assert numbers(start()) == [7, 8, 9]
