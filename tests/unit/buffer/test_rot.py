"""Bytes that change while the buffer runs, after it has learned what its segments hold."""

from __future__ import annotations

import errno

import pytest
import xxhash

from nrdot.buffer.encryption import Keyring
from nrdot.buffer.inspection import dead_letters
from nrdot.buffer.segment import HEAD_SIZE, parse_header
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences

CHECKS = 16  # bytes, at the end of a head


def test_a_record_that_rots_while_it_waits_is_dropped_by_name_and_the_others_are_offered(start, disk):
    buffer = start(gap_resource={"host.name": "a"})
    put_all(buffer, map(record, range(4)))
    assert numbers(buffer) == [0, 1, 2, 3]
    (path,) = disk.paths("normal-*")
    disk.flip(path, disk.content(path).index(record(1).payload))
    assert numbers(buffer) == [0, 2, 3]
    for _ in range(2):
        assert buffer.statistics().dropped == {"corrupt": 10}
        assert imbalance(buffer) == 0
        buffer = start(gap_resource={"host.name": "a"})
    assert numbers(buffer) == [0, 2, 3]
    buffer.acknowledge(sequences(buffer, 1))
    (*_, (_, gap)) = buffer.peek(1 << 40, 1 << 40)
    assert b"corrupt" in gap.payload


def test_a_record_that_rots_between_its_offer_and_its_refusal_leaves_the_others_a_letter(start, disk, clock):
    buffer = start()
    put_all(buffer, map(record, range(3)))
    offered = sequences(buffer)
    (path,) = disk.paths("normal-*")
    disk.flip(path, disk.content(path).index(record(1).payload))
    buffer.reject(offered, "400 Bad Request")
    (letter,) = dead_letters(disk, path.parent)
    assert [made for _, made in letter.records] == [record(0), record(2)]
    assert (buffer.statistics().records, buffer.statistics().rejected) == (0, 30)
    assert imbalance(buffer) == 0


@pytest.mark.parametrize("restarted", [False, True])
def test_an_encrypted_record_that_somebody_changed_with_all_its_checksums_is_not_delivered(
    start, disk, restarted
):
    """Checksums need no key; the seal of the encryption does."""
    keys = Keyring(b"k" * 32)
    buffer = start(keys=keys)
    put_all(buffer, map(record, range(3)))
    (path,) = disk.paths("normal-*")
    data = disk.content(path)
    second = data.index(b"\xabNR\xba", data.index(b"\xabNR\xba") + 1)
    third = data.index(b"\xabNR\xba", second + 1)
    head, body = data[second : second + HEAD_SIZE], bytearray(data[second + HEAD_SIZE : third])
    body[5] ^= 1
    seed = parse_header(data).seed
    head = head[:-CHECKS]
    check = xxhash.xxh3_64_intdigest(head, seed)
    checks = [check, xxhash.xxh3_64_intdigest(bytes(body), check)]
    forged = head + b"".join(number.to_bytes(8, "little") for number in checks) + body
    for at, (before, after) in enumerate(zip(data[second:third], forged, strict=True), second):
        disk.flip(path, at, before ^ after)
    if restarted:
        buffer = start(keys=keys)
    assert numbers(buffer) == [0, 2]
    assert buffer.statistics().dropped == {"corrupt": 10}
    assert imbalance(buffer) == 0


def test_a_segment_that_stops_to_be_readable_in_the_middle_waits_and_comes_back(start, disk, clock):
    buffer = start(retry_seconds=5.0)
    put_all(buffer, map(record, range(4)))
    assert numbers(buffer) == [0, 1, 2, 3]
    reads = []

    def fails(operation, _path):
        reads.append(operation) if operation == "read" else None
        return errno.EIO if operation == "read" and len(reads) > 2 else None

    disk.fail = fails
    assert numbers(buffer) == [0, 1]
    assert len(reads) == 3  # what cannot be read is not asked for record by record
    disk.mend()
    assert numbers(buffer) == []
    clock.advance(5)
    assert numbers(buffer) == [0, 1, 2, 3]
    assert (buffer.statistics().dropped, imbalance(buffer)) == ({}, 0)
