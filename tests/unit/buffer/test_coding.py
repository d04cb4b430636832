from random import Random

import pytest
import zstandard

from nrdot.buffer.coding import COMPRESSED, Coder
from nrdot.buffer.segment import Head, Kind
from nrdot.stages import Record

NOISE = Random(1).randbytes(10_000)


def head(parcel, **changed):
    fields = {
        "stored": len(parcel.body),
        "sequence": 1,
        "time_ns": 0,
        "points_before": 0,
        "points": 1,
        "raw": parcel.raw,
        "ordinal": 0,
        "kind": Kind.DATA,
        "priority": 1,
        "coding": parcel.coding,
    }
    return Head(**(fields | changed))


@pytest.mark.parametrize("payload", [b"", b"x", b"metric " * 5000, NOISE])
def test_a_payload_is_the_same_after_packing_whatever_it_holds(payload):
    coder = Coder()
    parcel = coder.pack(1, Record(payload, 1, 0))
    assert coder.unpack(parcel).payload == payload
    assert coder.open(head(parcel), parcel.body, None) == payload
    assert len(parcel.body) <= len(payload)


def series(count):
    """What one export looks like: words that return in each series, and what is its own."""
    chance = Random(2)
    return b"".join(
        b"host.id bench process.pid %d process.command /opt/service-%d --id %s"
        b" process.cpu.time %s process.memory.usage %s process.threads"
        % (
            chance.randrange(1 << 15),
            chance.randrange(30),
            chance.randbytes(12).hex().encode(),
            chance.randbytes(4),
            chance.randbytes(4),
        )
        for _ in range(count)
    )


@pytest.mark.parametrize("count", [10, 100, 512, 2000])
def test_small_tables_find_as_much_in_a_record_as_level_3(count):
    payload = series(count)
    level_3 = zstandard.ZstdCompressor(level=3).compress(payload)
    assert len(Coder().pack(1, Record(payload, 1, 0)).body) <= 1.02 * len(level_3)


def test_what_does_not_compress_is_stored_as_it_is_and_its_like_tried_again_in_time():
    coder = Coder()
    assert coder.pack(1, Record(NOISE, 1, 0)).coding == 0
    assert coder.pack(2, Record(b"small " * 100, 1, 0)).coding == COMPRESSED
    codings = [coder.pack(number, Record(b"metric " * 5000, 1, 0)).coding for number in range(20)]
    assert codings == [0] * 15 + [COMPRESSED] * 5


def test_a_body_that_claims_another_size_does_not_open():
    """A few bytes of zstd may unfold to gigabytes; the size in the head is what memory is given for."""
    coder = Coder()
    parcel = coder.pack(1, Record(bytes(1 << 20), 1, 0))
    assert coder.open(head(parcel, raw=100), parcel.body, None) is None
    assert coder.open(head(parcel), parcel.body[:-1], None) is None
    assert coder.open(head(parcel), b"no zstd at all", None) is None
    assert coder.open(head(parcel, coding=0), parcel.body, None) is None
