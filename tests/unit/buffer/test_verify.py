"""Whoever verifies a buffer learns of each file what is wrong with it, and where."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from nrdot.buffer.coding import COMPRESSED
from nrdot.buffer.encryption import Keyring
from nrdot.buffer.inspection import Fault, dump, status, verify
from nrdot.buffer.segment import (
    FIRST_FRAME,
    HEAD_SIZE,
    Content,
    Head,
    Header,
    Kind,
    pack_head,
    pack_header,
)
from nrdot.stages import Priority
from nrdot.testing.delivery.records import put_all, record, sequences

DIRECTORY = Path("/state/buffer")
NAME = "normal-00000000000000000044.segment"
HEADER = Header(Content.RECORDS, 1, b"saltsaltsalt", 44)


def frame(ordinal, body, coding=0):
    head = Head(len(body), 44 + ordinal, 99, 5 * ordinal, 5, len(body), ordinal, Kind.DATA, 1, coding)
    return pack_head(head, body, HEADER.seed) + body


def test_what_is_whole_is_counted_in_files_records_and_points(start, disk):
    buffer = start()
    put_all(buffer, [record(number, points=number + 1, priority=Priority(number % 2)) for number in range(4)])
    buffer.reject(sequences(buffer, 1), "400")
    buffer.close()
    found = verify(disk, DIRECTORY)
    assert (found.files, found.records, found.points) == (len(disk.paths("*.segment")), 5, 10 + 1)
    assert found.whole


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"NRDOTBUF\x09\x00" + bytes(200), Fault(NAME, 0, FIRST_FRAME, "written in a newer format")),
        (bytes(200), Fault(NAME, 0, FIRST_FRAME, "its header is damaged")),
        (
            b"X" + pack_header(HEADER)[1:],
            Fault(NAME, 0, FIRST_FRAME, "one of the two copies of its header is damaged"),
        ),
        (
            pack_header(HEADER) + frame(0, b"not compressed", COMPRESSED) + frame(1, b"whole"),
            Fault(NAME, FIRST_FRAME, HEAD_SIZE + 14, "record 44 does not open"),
        ),
    ],
)
def test_a_fault_is_told_with_its_place_and_the_files_behind_it_are_read_too(start, disk, content, fault):
    start().put(record(0, priority=Priority.OPTIONAL))
    disk.write(DIRECTORY / NAME, content)
    found = verify(disk, DIRECTORY)
    assert found.faults == (fault,)
    assert found.records == 1 + content.count(b"whole")
    assert found.points == 10 + 5 * content.count(b"whole")
    assert not found.whole


def test_a_file_that_ends_within_its_header_or_goes_meanwhile_is_no_fault(start, disk):
    start().put(record(0, priority=Priority.OPTIONAL))
    disk.write(DIRECTORY / NAME, pack_header(HEADER)[:100])
    gone = DIRECTORY / "critical-00000000000000000077.segment"
    disk.write(gone, b"")
    disk.fail = lambda operation, path: errno.ENOENT if (operation, path) == ("open", gone) else None
    found = verify(disk, DIRECTORY)
    assert (found.whole, found.records) == (True, 1)


def test_damage_within_a_frame_is_told_by_what_is_wrong_with_it(start, disk):
    whole = pack_header(HEADER) + frame(0, b"first") + frame(1, b"second") + frame(2, b"third")
    second = len(pack_header(HEADER) + frame(0, b"first"))
    size = len(frame(1, b"second"))
    bad_head = whole[: second + 9] + b"\xff" + whole[second + 10 :]
    bad_body = whole.replace(b"second", b"secand")
    start().close()
    for content, fault in (
        (bad_head, Fault(NAME, second, size, "no frame head with a matching checksum")),
        (bad_body, Fault(NAME, second, size, "the body of record 45 does not match its checksum")),
    ):
        disk.write(DIRECTORY / NAME, content)
        found = verify(disk, DIRECTORY)
        assert (found.faults, found.unfinished, found.records) == ((fault,), (), 2)
        disk.write(DIRECTORY / NAME, content[: second + size - 1])
        found = verify(disk, DIRECTORY)
        assert (found.faults, len(found.unfinished), found.records) == ((), 1, 1)


@pytest.mark.parametrize(
    ("left", "what"), [(10, "no frame head with a matching checksum"), (HEAD_SIZE, "record 45 is cut off")]
)
def test_what_a_crash_left_is_told_with_its_place_apart_from_faults(start, disk, left, what):
    whole = pack_header(HEADER) + frame(0, b"first")
    start().close()
    disk.write(DIRECTORY / NAME, whole + frame(1, b"second")[:left])
    found = verify(disk, DIRECTORY)
    assert (found.faults, found.unfinished) == ((), (Fault(NAME, len(whole), left, what),))


def test_status_tells_which_keys_records_wait_for_and_how_large_the_files_are(start, disk):
    old, new = Keyring(b"k" * 32), Keyring(b"n" * 32, b"k" * 32)
    put_all(start(), map(record, range(4)))
    for _ in range(2):
        put_all(start(keys=old), map(record, range(3)))
    put_all(start(keys=new), [record(number, priority=Priority.CRITICAL) for number in range(2)])
    seen = status(disk, DIRECTORY)
    assert seen.encrypted == {old.current.hex(): 6, new.current.hex(): 2}
    assert seen.waiting == {"optional": 0, "normal": 10, "critical": 2}
    segments = [*disk.paths("normal-*"), *disk.paths("critical-*")]
    assert seen.disk_bytes == sum(len(disk.content(path)) for path in segments)


def test_a_dump_tells_where_a_record_lies_and_how_large_it_is_there(start, disk):
    put_all(start(), map(record, range(2)))
    (path,) = disk.paths("normal-*")
    lines = list(dump(disk, DIRECTORY))
    assert [(line.file, line.stored) for line in lines] == [(path.name, HEAD_SIZE + 204)] * 2
