"""Row 50 of the faults: nothing can be changed in a trail without being found."""

import pytest

from nrdot.audit.disk import Disk
from nrdot.audit.trail import Trail
from nrdot.audit.verify import verify
from nrdot.testing.clock import ManualClock


@pytest.fixture
def trail(tmp_path):
    made = Trail(tmp_path / "audit", ManualClock(), Disk())
    for number in range(3):
        made.append({"change_type": "reload", "user": "ada", "new_value": {"budget": number}})
    return made


@pytest.fixture
def piece(trail):
    (path,) = trail.directory.glob("*.jsonl")
    return path


def whole(trail):
    return verify(trail.directory, Disk()).whole


def test_every_byte_that_is_changed_is_found(trail, piece):
    data = piece.read_bytes()
    assert whole(trail)
    for position in range(len(data)):
        if position == len(data) - 1:
            continue  # the last line's end holds nothing
        changed = bytearray(data)
        changed[position] ^= 0x01
        piece.write_bytes(changed)
        assert not whole(trail), position


def test_every_length_that_a_trail_is_cut_to_is_found(trail, piece):
    data = piece.read_bytes()
    for length in range(len(data) - 1):
        piece.write_bytes(data[:length])
        assert not whole(trail), length


def test_every_line_that_is_removed_or_moved_is_found(trail, piece):
    lines = piece.read_bytes().splitlines(keepends=True)
    others = [lines[:index] + lines[index + 1 :] for index in range(len(lines))] + [
        [lines[1], lines[0], lines[2]],
        [lines[0], lines[2], lines[1]],
    ]
    for other in others:
        piece.write_bytes(b"".join(other))
        assert not whole(trail), other


def test_a_line_that_stands_there_twice_says_nothing_new(trail, piece):
    """Copies may overlap, so the same entry again is no fault; it is counted once."""
    lines = piece.read_bytes().splitlines(keepends=True)
    piece.write_bytes(b"".join([*lines, lines[1]]))

    found = verify(trail.directory, Disk())
    assert (found.whole, found.entries) == (True, 3)
