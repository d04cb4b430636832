"""The progress log read after damage, and after somebody else wrote to it."""

from __future__ import annotations

import msgspec
import pytest

from nrdot.buffer.books import Books, Entry, Leaving, Snapshot
from nrdot.buffer.progress import read_on
from nrdot.buffer.segment import FIRST_FRAME, HEAD_SIZE, Content, Head, Header, Kind, pack_head, pack_header
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
