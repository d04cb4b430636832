from pathlib import Path
from random import Random

import pytest

from nrdot.buffer.encryption import NO_KEYS, Keyring
from nrdot.buffer.inspection import dead_letters, status, verify
from nrdot.buffer.repair import repair
from nrdot.errors import StartError
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences

DIRECTORY = Path("/state/buffer")


def filled(start, **options):
    buffer = start(max_bytes=1 << 20, **options)
    put_all(buffer, [record(number, 3000) for number in range(20)])
    buffer.acknowledge(sequences(buffer, 2))
    buffer.reject(sequences(buffer, 1), "400")
    buffer.close()


@pytest.mark.parametrize("keys", [NO_KEYS, Keyring(b"k" * 32)])
def test_after_a_repair_nothing_is_damaged_and_the_rest_is_there(start, disk, clock, keys):
    filled(start, keys=keys)
    segment = disk.paths("normal-*")[1]
    disk.flip(segment, 1000)
    disk.flip(disk.paths("normal-*")[0], 20)  # one copy of its header
    assert len(verify(disk, DIRECTORY, keys).faults) == 2
    done = repair(disk, DIRECTORY, clock, keys)
    assert len(done.rewritten) == 2
    assert done.lost_points == 10
    assert verify(disk, DIRECTORY, keys).whole
    after = start(keys=keys, max_bytes=1 << 20)
    assert len(numbers(after)) == 16
    assert -1 not in numbers(after)
    assert after.statistics().dropped == {"corrupt": 10}
    assert imbalance(after) == 0


def test_a_repair_of_a_whole_buffer_changes_nothing_that_matters(start, disk, clock):
    filled(start)
    before = status(disk, DIRECTORY)
    done = repair(disk, DIRECTORY, clock)
    assert (done.rewritten, done.restored, done.set_aside, done.lost_points) == ((), (), (), 0)
    assert status(disk, DIRECTORY) == before
    assert numbers(start()) == list(range(3, 20))


def test_damaged_originals_are_kept_aside(start, disk, clock):
    filled(start)
    path = disk.paths("normal-*")[1]
    disk.flip(path, 1000)
    damaged = disk.content(path)
    repair(disk, DIRECTORY, clock)
    (aside,) = disk.paths("aside/*")
    assert aside.name == f"{clock.wall_ns()}-{path.name}.damaged"
    assert disk.content(aside) == damaged
    repair(disk, DIRECTORY, clock)
    assert len(numbers(start())) == 16


def test_a_progress_log_and_letters_are_mended_too(start, disk, clock):
    filled(start)
    disk.flip(disk.paths("progress-*")[-1], 150)
    (letter,) = disk.paths("dead/*")
    disk.flip(letter, 300)
    repair(disk, DIRECTORY, clock)
    assert verify(disk, DIRECTORY).whole
    assert [made.reason for made in dead_letters(disk, DIRECTORY)] == ["400"]


def make_newer(disk, path):
    """Turn a segment into one of a format that nobody knows yet, and back."""
    for offset in (8, 72):
        disk.flip(path, offset, 0x04)
    for offset in (0, 64):
        disk.flip(path, offset + 56, 0x04)  # and its checksum, so that neither copy is whole


def test_what_was_set_aside_comes_back_once_it_can_be_read(start, disk, clock):
    """A downgraded agent sets newer segments aside; the upgraded one finds them again."""
    buffer = start()
    put_all(buffer, map(record, range(3)))
    buffer.close()
    (path,) = disk.paths("normal-*")
    make_newer(disk, path)
    start().put(record(3))
    (aside,) = disk.paths("aside/*")
    make_newer(disk, aside)
    disk.kill()
    done = repair(disk, DIRECTORY, clock)
    disk.kill()
    assert done.restored == (aside.name,)
    assert numbers(start()) == [3, 0, 1, 2]
    assert disk.paths("aside/*") == []


def test_a_repair_that_was_interrupted_is_finished_by_the_next(start, disk, clock):
    filled(start)
    path = disk.paths("normal-*")[1]
    whole = disk.content(path)
    disk.remove(path)
    disk.write(path.with_name(path.name + ".new"), whole)
    repair(disk, DIRECTORY, clock)
    assert numbers(start()) == list(range(3, 20))


def test_a_buffer_in_use_is_left_alone(start, disk, clock):
    buffer = start()
    buffer.put(record(1))
    with pytest.raises(StartError, match="is in use by process"):
        repair(disk, DIRECTORY, clock)
    assert numbers(buffer) == [1]


def test_a_repair_of_letters_that_was_interrupted_is_finished_by_the_next(start, disk, clock):
    filled(start)
    (letter,) = disk.paths("dead/*")
    whole = disk.content(letter)
    disk.remove(letter)
    disk.write(letter.with_name(letter.name + ".new"), whole)
    repair(disk, DIRECTORY, clock)
    assert [made.name for made in dead_letters(disk, DIRECTORY)] == [letter.name]


def test_a_repair_that_was_interrupted_while_it_wrote_is_begun_anew(start, disk, clock):
    filled(start)
    path = disk.paths("normal-*")[1]
    disk.write(path.with_name(path.name + ".new"), disk.content(path)[:2000])
    repair(disk, DIRECTORY, clock)
    assert disk.paths("*.new") == []
    assert numbers(start()) == list(range(3, 20))


def test_what_was_lost_is_told_apart_from_what_was_dropped_before(start, disk, clock):
    buffer = start()
    put_all(buffer, map(record, range(5)))
    buffer.drop(sequences(buffer, 2), "too_old")
    buffer.close()
    (path,) = disk.paths("normal-*")
    disk.flip(path, disk.content(path).index(record(3).payload))
    done = repair(disk, DIRECTORY, clock)
    assert done.lost_points == 10
    assert (done.statistics.records, done.statistics.dropped) == (2, {"too_old": 20, "corrupt": 10})


def test_what_comes_back_from_aside_is_encrypted_where_there_is_a_key(start, disk, clock):
    keys = Keyring(b"k" * 32)
    put_all(start(), map(record, range(3)))
    (path,) = disk.paths("normal-*")
    make_newer(disk, path)
    start(keys=keys).close()
    (aside,) = disk.paths("aside/*")
    make_newer(disk, aside)
    repair(disk, DIRECTORY, clock, keys)
    assert not any(record(0).payload in disk.content(path) for path in disk.paths())
    disk.kill()
    assert numbers(start(keys=keys)) == [0, 1, 2]


def test_only_files_of_the_buffer_that_held_something_are_told_as_set_aside(start, disk, clock):
    filled(start)
    newer = disk.paths("normal-*")[0]
    make_newer(disk, newer)
    disk.write(DIRECTORY / "notes.txt", b"mine")
    disk.write(DIRECTORY / "normal-00000000000000000099.segment", b"NRDO")
    assert repair(disk, DIRECTORY, clock).set_aside == (newer.name,)
    assert [path.name for path in disk.paths("aside/*")] == [f"{clock.wall_ns()}-{newer.name}"]


def test_files_in_aside_that_cannot_be_read_whole_stay_and_keep_no_other_from_coming_back(start, disk, clock):
    filled(start)
    first, second = disk.paths("normal-*")[:2]
    damaged = bytearray(disk.content(first))
    damaged[damaged.index(record(3, 3000).payload)] ^= 0xFF
    aside = DIRECTORY / "aside"
    disk.make_directory(aside)
    disk.write(aside / "0-notes", b"mine")
    disk.write(aside / f"1-{first.name}.damaged", bytes(damaged))
    disk.write(aside / f"2-{first.name}", bytes(damaged))
    disk.write(aside / f"3-{second.name}", disk.content(second))
    done = repair(disk, DIRECTORY, clock)
    assert done.restored == (f"3-{second.name}",)
    assert [path.name for path in disk.paths("aside/*")] == [
        "0-notes",
        f"1-{first.name}.damaged",
        f"2-{first.name}",
    ]


def test_a_letter_whose_header_is_damaged_stays_as_it_is(start, disk, clock):
    filled(start)
    (letter,) = disk.paths("dead/*")
    for offset in (20, 84):
        disk.flip(letter, offset)
    before = disk.content(letter)
    assert repair(disk, DIRECTORY, clock).rewritten == ()
    assert disk.content(letter) == before


@pytest.mark.parametrize("seed", range(5))
def test_a_repair_outlives_a_power_cut(start, disk, clock, seed):
    filled(start)
    disk.flip(disk.paths("normal-*")[1], 1000)
    (letter,) = disk.paths("dead/*")
    disk.flip(letter, 20)  # one copy of its header
    disk.write(letter.with_name(letter.name + ".new"), b"of a repair that was interrupted")
    assert len(repair(disk, DIRECTORY, clock).rewritten) == 2
    disk.cut_power(Random(seed))
    assert verify(disk, DIRECTORY).whole
    assert len(numbers(start())) == 16
