"""A second reader of the buffer's files, written from docs/formats/buffer.md and nothing else of ours."""

import hashlib
import json
import re
import struct

import pytest
import xxhash
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nrdot.buffer.encryption import NO_KEYS, Keyring
from nrdot.stages import Priority
from nrdot.testing.delivery.records import put_all, record, sequences

KEY = b"k" * 32


def header_of(data):
    for start in (0, 64):
        copy = data[start : start + 64]
        (check,) = struct.unpack("<Q", copy[56:])
        if check == xxhash.xxh3_64_intdigest(copy[:56]):
            names = ("version", "content", "priority", "salt", "first", "points", "created", "key_id")
            return dict(zip(names, struct.unpack("<HBB12sQQq8s", copy[8:56]), strict=True))
    raise AssertionError("no whole header")


def frames_of(data):
    header = header_of(data)
    seed = int.from_bytes(header["salt"][:8], "little")
    at = 128
    while at < len(data):
        head = data[at : at + 48]
        head_check, body_check = struct.unpack("<QQ", data[at + 48 : at + 64])
        assert head[:4] == b"\xab\x4e\x52\xba"
        assert head_check == xxhash.xxh3_64_intdigest(head, seed)
        stored, sequence, time, _, points, raw, ordinal, kind, priority, coding, _ = struct.unpack(
            "<IQqQIIIBBBB", head[4:]
        )
        body = data[at + 64 : at + 64 + stored]
        assert body_check == xxhash.xxh3_64_intdigest(body, head_check)
        if coding & 2:
            body = opened(header, head, ordinal, body)
        if coding & 1:
            body = zstandard.decompress(body)
        assert len(body) == raw
        yield (
            kind,
            {"sequence": sequence, "time": time, "points": points, "priority": priority},
            ordinal,
            body,
        )
        at += 64 + stored


def opened(header, head, ordinal, body):
    assert header["key_id"] == hashlib.sha256(b"nrdot buffer key id" + KEY).digest()[:8]
    derived = HKDF(SHA256(), 32, header["salt"], b"nrdot buffer segment 1").derive(KEY)
    return AESGCM(derived).decrypt(ordinal.to_bytes(12, "big"), body, head)


def read_directory(disk):
    """Records that wait, by sequence, and the books."""
    left, books, found = {}, None, []
    for path in disk.paths("progress-*.segment"):
        for kind, _, _, body in frames_of(disk.content(path)):
            entry = json.loads(body)
            books = entry["books"]
            if kind == 3:
                left = {}
            for item in entry.get("segments", []) + entry.get("left", []):
                gone = left.setdefault(item["segment"], set())
                for start, stop in item["spans"]:
                    gone |= set(range(start, stop))
    for path in disk.paths("*.segment"):
        if re.fullmatch(r"(optional|normal|critical)-\d{20}\.segment", path.name):
            data = disk.content(path)
            gone = left.get(header_of(data)["salt"].hex(), set())
            for kind, head, ordinal, body in frames_of(data):
                if kind == 1 and ordinal not in gone:
                    found.append((head["sequence"], head | {"payload": body}))
    return [item for _, item in sorted(found, key=lambda pair: pair[0])], books


@pytest.mark.parametrize("keys", [NO_KEYS, Keyring(KEY)])
def test_a_reader_written_from_the_format_page_sees_what_the_buffer_sees(start, disk, keys):
    buffer = start(keys=keys, max_bytes=1 << 20)
    put_all(buffer, [record(number, 3000, Priority(number % 3)) for number in range(30)])
    put_all(buffer, [record(30, 0)] * 3)
    offered = sequences(buffer)
    buffer.acknowledge([*offered[:7], offered[12]], rejected_points=5)
    buffer.drop(offered[20:22], "too_old")
    buffer.close()
    disk.kill()
    buffer = start(keys=keys, max_bytes=1 << 20)
    buffer.acknowledge(sequences(buffer, 2))
    found, books = read_directory(disk)
    expected = [
        {
            "sequence": sequence,
            "time": made.time_ns,
            "points": made.points,
            "priority": made.priority,
            "payload": made.payload,
        }
        for sequence, made in buffer.peek(1 << 40, 1 << 40)
    ]
    assert found == expected
    own = buffer.statistics()
    assert (books["produced"], books["delivered"], books["rejected"], books["dropped"]) == (
        own.produced,
        own.delivered,
        own.rejected,
        own.dropped,
    )
