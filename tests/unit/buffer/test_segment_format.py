from random import Random

import pytest

from nrdot.buffer.segment import (
    FIRST_FRAME,
    HEADER_SIZE,
    MARKER,
    Content,
    Damage,
    Frame,
    Head,
    Header,
    Kind,
    NewerFormat,
    Seal,
    pack_head,
    pack_header,
    pack_seal,
    parse_header,
    parse_seal,
    scan,
)

HEADER = Header(Content.RECORDS, 1, b"saltsaltsalt", 7, 1000, 1_795_262_400_000_000_000, b"keykeyke")


def frame(ordinal, body):
    head = Head(len(body), 7 + ordinal, 99, 1000 + 5 * ordinal, 5, len(body), ordinal, Kind.DATA, 1, 0)
    return pack_head(head, body, HEADER.seed) + body


def segment(bodies):
    return pack_header(HEADER) + b"".join(frame(ordinal, body) for ordinal, body in enumerate(bodies))


def read_all(data):
    return list(scan(lambda offset, size: data[offset : offset + size], len(data), HEADER.seed))


def bodies_of(data):
    return [item.body for item in read_all(data) if isinstance(item, Frame)]


BODIES = [Random(number).randbytes(40 + number) for number in range(6)]


def test_what_was_packed_is_read_back():
    assert parse_header(pack_header(HEADER)) == HEADER
    found = read_all(segment(BODIES))
    assert [item.body for item in found] == BODIES
    assert [item.head.ordinal for item in found] == list(range(6))
    assert found[2].head.points_before == 1010


@pytest.mark.parametrize("offset", range(2 * HEADER_SIZE))
def test_either_copy_of_the_header_is_enough(offset):
    data = bytearray(pack_header(HEADER))
    data[offset] ^= 0xFF
    assert parse_header(bytes(data)) == HEADER


def test_a_header_with_both_copies_damaged_is_none():
    data = bytearray(pack_header(HEADER))
    data[20] ^= 1
    data[HEADER_SIZE + 30] ^= 1
    assert parse_header(bytes(data)) is None


def test_a_newer_version_is_told_from_damage_whatever_follows_it():
    newer = b"NRDOTBUF" + (2).to_bytes(2, "little") + b"a layout of its own" * 10
    with pytest.raises(NewerFormat):
        parse_header(newer)


def test_ten_bytes_are_enough_to_tell_a_newer_version():
    newer = b"NRDOTBUF" + (2).to_bytes(2, "little")
    with pytest.raises(NewerFormat):
        parse_header(newer)
    assert parse_header(newer[:9]) is None


def test_a_segment_cut_at_any_byte_keeps_its_complete_records():
    data = segment(BODIES)
    ends = [FIRST_FRAME]
    for body in BODIES:
        ends.append(ends[-1] + len(frame(0, body)))
    for length in range(FIRST_FRAME, len(data)):
        complete = sum(end <= length for end in ends) - 1
        found = read_all(data[:length])
        assert [item.body for item in found if isinstance(item, Frame)] == BODIES[:complete]
        assert all(item.torn for item in found if isinstance(item, Damage))


def test_a_flipped_byte_costs_at_most_the_record_that_it_lies_in():
    data = segment(BODIES)
    start = FIRST_FRAME
    for hit, body in enumerate(BODIES):
        end = start + len(frame(0, body))
        for offset in range(start, end):
            flipped = data[:offset] + bytes([data[offset] ^ 0x40]) + data[offset + 1 :]
            assert bodies_of(flipped) == BODIES[:hit] + BODIES[hit + 1 :]
        start = end


def test_a_payload_that_looks_like_a_frame_is_never_taken_for_one():
    """Whoever names a process may choose bytes of a payload; the salt they cannot know."""
    forged = pack_head(Head(4, 8, 0, 0, 1, 4, 1, Kind.DATA, 1, 0), b"evil", 0) + b"evil"
    data = segment([b"x" * 30 + forged + b"y" * 30, b"honest"])
    damaged = bytearray(data)
    damaged[FIRST_FRAME + 8] ^= (
        1  # the head of the record that holds the forgery: reading must go on behind it
    )
    assert bodies_of(bytes(damaged)) == [b"honest"]


def test_a_frame_of_another_segment_is_never_taken_for_one_of_this():
    other = Header(Content.RECORDS, 1, b"other salt..")
    body = b"stale"
    stale = pack_head(Head(5, 9, 0, 0, 1, 5, 3, Kind.DATA, 1, 0), body, other.seed) + body
    assert bodies_of(segment(BODIES[:1]) + stale) == BODIES[:1]


def test_records_larger_than_the_reading_window_are_read_whole():
    large = Random(1).randbytes(700_000)
    data = bytearray(segment([large, b"small", large]))
    assert bodies_of(bytes(data)) == [large, b"small", large]
    data[FIRST_FRAME] ^= 1
    assert bodies_of(bytes(data)) == [b"small", large]


def test_a_seal_is_found_at_the_end_and_refused_when_damaged():
    seal = Seal(3, 30, 3000, 12, 5, 6)
    packed = pack_seal(seal, HEADER.seed)
    assert parse_seal(packed, HEADER.seed) == seal
    for offset in range(len(packed)):
        damaged = bytearray(packed)
        damaged[offset] ^= 1
        assert parse_seal(bytes(damaged), HEADER.seed) is None


@pytest.mark.parametrize("least", [1, 256 * 1024 - 6, 512 * 1024 - 9])
def test_after_damage_of_any_length_the_next_record_is_found_wherever_it_begins(least):
    """Among them lengths at which the next head lies across two of the pieces in which it is looked for."""
    for length in range(least, least + 12):
        data = pack_header(HEADER) + bytes(length) + frame(0, b"first") + frame(1, b"second")
        damage, *frames = read_all(data)
        assert (damage.offset, damage.size, damage.torn) == (FIRST_FRAME, length, False)
        assert [item.body for item in frames] == [b"first", b"second"]


def test_the_head_of_an_empty_record_at_the_very_end_is_found_behind_damage():
    data = pack_header(HEADER) + bytes(1) + frame(0, b"")
    assert bodies_of(data) == [b""]


@pytest.mark.parametrize("left", [-1, 1, len(BODIES[5]) - 1])  # of the last body; -1 within its head
def test_damage_up_to_a_record_that_is_cut_off_is_the_tail_that_a_crash_left(left):
    """A power cut writes blocks in any order: a head may be there without what is before and behind it."""
    data = bytearray(segment(BODIES))
    holed = len(segment(BODIES[:4]))
    data[holed : holed + 30] = bytes(30)
    del data[len(data) - len(BODIES[5]) + left :]
    *frames, tail = read_all(bytes(data))
    assert [item.body for item in frames] == BODIES[:4]
    assert (tail.offset, tail.size, tail.torn) == (holed, len(data) - holed, True)


def test_a_damaged_record_full_of_markers_is_read_but_once():
    """Whoever fills a payload with them must not be able to hold up a start."""
    data = bytearray(segment([MARKER * 200_000, b"next"]))
    data[FIRST_FRAME + 8] ^= 1
    asked = []

    def read(offset, size):
        asked.append(size)
        return bytes(data[offset : offset + size])

    damage, following = scan(read, len(data), HEADER.seed)
    assert (damage.torn, following.body) == (False, b"next")
    assert sum(asked) < 1.01 * len(data)


@pytest.mark.parametrize("there", [FIRST_FRAME, FIRST_FRAME + 70, len(segment(BODIES[:2])) - 1])
def test_a_file_that_got_shorter_since_its_size_was_asked_ends_where_it_ends(there):
    data = segment(BODIES)
    items = list(scan(lambda offset, size: data[:there][offset : offset + size], len(data), HEADER.seed))
    whole = 1 if there > len(segment(BODIES[:1])) else 0
    assert [item.body for item in items if isinstance(item, Frame)] == BODIES[:whole]
    last = items[-1]
    assert isinstance(last, Damage)
    assert last.offset + last.size == len(data)
