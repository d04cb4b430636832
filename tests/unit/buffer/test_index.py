"""A segment that is read once from its first frame to its last."""

from __future__ import annotations

import pytest

from nrdot.buffer.index import survey
from nrdot.buffer.segment import FIRST_FRAME, HEAD_SIZE, Content, Head, Header, Kind, pack_head, pack_header
from nrdot.stages import Priority

HEADER = Header(Content.RECORDS, Priority.NORMAL, b"salt of this", 5, 100, 1000)


def frame(sequence, time_ns, points_before, points, ordinal, *, kind=Kind.DATA, damaged=False):
    body = bytes(20 + ordinal)
    head = Head(len(body), sequence, time_ns, points_before, points, 50, ordinal, kind, Priority.NORMAL, 0)
    packed = pack_head(head, body, HEADER.seed)
    return packed + (b"\1" + body[1:] if damaged else body)


def read(data, header=HEADER, below=None):
    return survey(lambda offset, size: data[offset : offset + size], len(data), header, below)


FRAMES = [
    frame(5, 900, 100, 10, 0),
    frame(6, 0, 0, 0, 77, kind=Kind.SEAL),
    frame(7, 300, 110, 20, 1),
    frame(8, 700, 130, 30, 2, damaged=True),
    frame(6, 0, 0, 0, 77, kind=99),  # of a later version
    frame(9, 2000, 160, 40, 3),
]
RECORDS = [at for at, made in enumerate(FRAMES) if at in (0, 2, 3, 5)]


def test_totals_count_every_record_and_the_index_what_is_whole():
    found = read(pack_header(HEADER) + b"".join(FRAMES))
    assert (found.records, found.points, found.last_sequence) == (4, 100, 9)
    assert found.stored == sum(len(FRAMES[at]) for at in RECORDS)
    assert (found.oldest_ns, found.put_ns) == (300, 2000)
    index = found.index
    starts = [FIRST_FRAME + sum(map(len, FRAMES[:at])) for at in (0, 2, 5)]
    assert (list(index.sequences), list(index.ordinals)) == ([5, 7, 9], [0, 1, 3])
    assert (list(index.points), list(index.times)) == ([10, 20, 40], [900, 300, 2000])
    assert (list(index.offsets), list(index.sizes)) == (starts, [HEAD_SIZE + 20 + at for at in (0, 1, 3)])
    assert list(index.raw) == [50] * 3
    assert list(index.missing(found.records)) == [(2, 3)]
    assert list(index.missing(6)) == [(2, 3), (4, 6)]


def test_what_was_written_again_to_the_next_segment_is_left_out():
    found = read(pack_header(HEADER) + b"".join(FRAMES), below=9)
    assert (found.records, found.points, found.last_sequence, found.put_ns) == (3, 60, 8, 1000)
    assert list(found.index.sequences) == [5, 7]


@pytest.mark.parametrize(("first", "last"), [(0, 0), (1, 0), (5, 4)])
def test_a_segment_without_records_ends_before_its_first(first, last):
    header = Header(Content.RECORDS, Priority.NORMAL, b"salt of this", first, 100, 1000)
    found = read(pack_header(header), header)
    assert (found.records, found.points, found.stored, found.last_sequence) == (0, 0, 0, last)
    assert (found.put_ns, len(found.index)) == (1000, 0)
