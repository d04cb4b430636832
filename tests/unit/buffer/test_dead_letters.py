import errno
from pathlib import Path
from random import Random

import pytest

from nrdot.buffer.coding import COMPRESSED
from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.encryption import Keyring
from nrdot.buffer.files import Files
from nrdot.buffer.inspection import WaitingRecord, dead_letters, dump_letters, replay
from nrdot.buffer.letters import Letter
from nrdot.buffer.repair import repair
from nrdot.buffer.segment import Content, Head, Header, Kind, pack_head, pack_header
from nrdot.buffer.settings import BufferSettings
from nrdot.stages import Priority
from nrdot.testing.clock import NOON_NS, ManualClock
from nrdot.testing.delivery.records import imbalance, number_of, numbers, put_all, record, sequences

DIRECTORY = Path("/state/buffer")


def rejected(start, count=3, **options):
    buffer = start(**options)
    put_all(buffer, map(record, range(count)))
    buffer.reject(sequences(buffer, 2), "400 Bad Request")
    return buffer


def test_what_an_endpoint_refuses_for_good_can_be_looked_at(start, disk, clock):
    rejected(start)
    (letter,) = dead_letters(disk, DIRECTORY)
    assert letter.reason == "400 Bad Request"
    assert letter.time_ns == clock.wall_ns()
    assert letter.records == ((1, record(0)), (2, record(1)))
    assert letter.unreadable == ""
    (path,) = disk.paths("dead/*")
    assert (letter.name, letter.size) == (path.name, len(disk.content(path)))


@pytest.mark.parametrize("seed", range(10))
def test_a_letter_outlives_a_power_cut(start, disk, seed):
    rejected(start)
    disk.cut_power(Random(seed))
    (letter,) = dead_letters(disk, DIRECTORY)
    assert len(letter.records) == 2


@pytest.mark.parametrize("seed", range(10))
def test_a_letter_that_is_to_be_sent_again_outlives_a_power_cut(start, disk, seed):
    rejected(start).close()
    replay(disk, DIRECTORY)
    disk.cut_power(Random(seed))
    assert sorted(numbers(start())) == [0, 1, 2]


def test_what_root_has_sent_again_belongs_to_the_agent_again(tmp_path):
    given = []

    class Watching(Files):
        def give_back(self, directory):
            given.append(directory)

    buffer = DiskBuffer(tmp_path, BufferSettings(), ManualClock(), Watching())
    buffer.put(record(0))
    buffer.reject(sequences(buffer), "400 Bad Request")
    replay(Watching(), tmp_path)
    assert given == [tmp_path]
    buffer.close()
    repair(Watching(), tmp_path, ManualClock())
    assert given == [tmp_path, tmp_path]


@pytest.mark.parametrize("stays", [False, True])
def test_of_a_letter_that_cannot_be_kept_nothing_stays_that_could_be_removed(start, disk, stays):
    disk.fail = lambda operation, path: (
        errno.EIO if "dead" in path.parts and operation in ("sync", "remove" if stays else "") else None
    )
    buffer = rejected(start)
    assert (numbers(buffer), buffer.statistics().rejected) == ([2], 20)
    assert bool(disk.paths("dead/*")) == stays


def test_of_letters_that_do_not_fit_together_the_newest_stays(start, disk, clock):
    buffer = start(max_bytes=64_000)  # a sixteenth of it for letters
    for number in range(4):
        clock.advance(1)
        buffer.put(record(number, 2500))
        buffer.reject(sequences(buffer), "400 Bad Request")
        (letter,) = dead_letters(disk, DIRECTORY)
        assert number_of(letter.records[0][1]) == number


def test_the_queue_moves_on_and_the_books_count_it(start):
    buffer = rejected(start)
    assert numbers(buffer) == [2]
    assert buffer.statistics().rejected == 20
    assert imbalance(buffer) == 0


def test_letters_are_sent_again_by_the_buffer_that_runs(start, disk, clock):
    buffer = rejected(start)
    (letter,) = dead_letters(disk, DIRECTORY)
    assert replay(disk, DIRECTORY) == [letter.name]
    clock.advance(2)
    assert numbers(buffer) == [2, 0, 1]
    assert list(dead_letters(disk, DIRECTORY)) == []
    assert imbalance(buffer) == 0
    assert numbers(start()) == [2, 0, 1]


def test_letters_are_sent_again_by_the_next_buffer(start, disk):
    rejected(start)
    assert replay(disk, DIRECTORY, ["no such letter"]) == []
    (letter,) = dead_letters(disk, DIRECTORY)
    replay(disk, DIRECTORY, [letter.name])
    assert numbers(start()) == [2, 0, 1]


def test_a_letter_that_cannot_be_opened_stays_a_letter(start, disk, caplog):
    rejected(start, keys=Keyring(b"k" * 32))
    (letter,) = dead_letters(disk, DIRECTORY)
    assert (letter.records, letter.unreadable) == ((), "its key is missing")
    replay(disk, DIRECTORY)
    start()
    assert "its key is missing; it stays a dead letter" in caplog.text
    (letter,) = dead_letters(disk, DIRECTORY, Keyring(b"k" * 32))
    assert len(letter.records) == 2


def test_the_oldest_letters_give_way(start, disk, clock):
    buffer = start(max_bytes=200_000)
    for number in range(20):
        buffer.put(record(number, 3000))
        buffer.reject(sequences(buffer), "400")
        clock.advance(1)
    kept = [number_of(letter.records[0][1]) for letter in dead_letters(disk, DIRECTORY)]
    assert kept == list(range(20 - len(kept), 20))
    assert 1 < len(kept) < 5
    assert buffer.statistics().rejected == 200


def test_rejecting_goes_on_when_no_letter_can_be_written(start, disk, caplog):
    buffer = start()
    put_all(buffer, map(record, range(3)))
    disk.read_only = True
    buffer.reject(sequences(buffer, 1), "400")
    assert "cannot keep 1 rejected records" in caplog.text
    assert numbers(buffer) == [1, 2]
    assert imbalance(buffer) == 0


def test_records_that_wait_in_memory_become_letters_too(start, disk, clock):
    buffer = start()
    disk.fail = lambda _operation, path: errno.EIO if path.match("normal-*") else None
    put_all(buffer, map(record, range(2)))
    buffer.reject(sequences(buffer, 1), "400")
    disk.mend()
    (letter,) = dead_letters(disk, DIRECTORY)
    assert number_of(letter.records[0][1]) == 0
    assert numbers(buffer) == [1]


def test_a_letter_that_cannot_be_read_is_passed_over_once_and_the_others_are_sent(start, disk, clock, caplog):
    buffer = start()
    for number in range(2):
        buffer.put(record(number))
        buffer.reject(sequences(buffer), "400")
        clock.advance(1)
    first, _ = replay(disk, DIRECTORY)
    disk.fail = lambda operation, path: errno.EIO if operation == "open" and path.name == first else None
    for _ in range(3):
        clock.advance(2)
        assert numbers(buffer) == [1]
    assert caplog.text.count(f"{first}: Input/output error; it is not sent again") == 1
    assert disk.paths(first) != []


def test_a_letter_that_somebody_took_away_is_in_nobodys_way(start, disk, clock, caplog):
    buffer = start(max_bytes=200_000)
    for number in range(20):
        buffer.put(record(number, 3000))
        buffer.reject(sequences(buffer), "400")
        clock.advance(1)
        if number == 3:
            for path in disk.paths("*/dead/*"):
                disk.remove(path)
    kept = [number_of(letter.records[0][1]) for letter in dead_letters(disk, DIRECTORY)]
    assert kept == list(range(20 - len(kept), 20))
    assert 1 < len(kept) < 5
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("start_of_file", "why"),
    [
        (b"NRDOTBUF\x09\x00", "written in a newer format"),
        (b"mine", "not a dead letter, or its header is damaged"),
    ],
)
def test_a_letter_that_nobody_can_read_is_listed_with_the_reason(disk, start_of_file, why):
    disk.write(DIRECTORY / "dead" / "a.segment", start_of_file + bytes(200))
    (letter,) = dead_letters(disk, DIRECTORY)
    assert letter == Letter("a.segment", "", 0, len(start_of_file) + 200, (), why)


def test_a_damaged_letter_is_listed_with_what_is_left_of_it(start, disk):
    rejected(start)
    (path,) = disk.paths("dead/*")
    disk.flip(path, disk.content(path).index(record(0).payload))
    (letter,) = dead_letters(disk, DIRECTORY)
    assert letter.records == ((2, record(1)),)
    assert "checksum" in letter.unreadable


def test_what_letters_hold_is_listed_with_where_it_lies(start, disk):
    rejected(start)
    (letter,) = dead_letters(disk, DIRECTORY)
    assert list(dump_letters(disk, DIRECTORY)) == [
        WaitingRecord(1 + number, Priority.NORMAL, 10, NOON_NS + number, 204, letter.name, record(number))
        for number in range(2)
    ]


def test_a_letter_taken_away_while_others_are_read_is_passed_over(start, disk, clock):
    buffer = start()
    for number in range(2):
        buffer.put(record(number))
        buffer.reject(sequences(buffer), "400")
        clock.advance(1)
    first, second = disk.paths("dead/*")
    disk.fail = lambda operation, path: errno.ENOENT if (operation, path) == ("open", first) else None
    assert [letter.name for letter in dead_letters(disk, DIRECTORY)] == [second.name]


def test_letters_of_an_earlier_process_count_for_the_bound(start, disk, clock):
    for first, count in ((0, 3), (20, 1)):
        buffer = start(max_bytes=200_000)
        for number in range(first, first + count):
            buffer.put(record(number, 3000))
            buffer.reject(sequences(buffer), "400")
            clock.advance(1)
    kept = [number_of(letter.records[0][1]) for letter in dead_letters(disk, DIRECTORY)]
    assert kept == [1, 2, 20]


def test_letters_keep_priority_and_open_with_their_key_alone(start, disk):
    keys = Keyring(b"k" * 32)
    buffer = start(keys=keys)
    critical = record(0, priority=Priority.CRITICAL)
    buffer.put(critical)
    buffer.reject(sequences(buffer), "400")
    assert list(dump_letters(disk, DIRECTORY)) == []
    assert [line.record for line in dump_letters(disk, DIRECTORY, keys)] == [critical]


def test_a_record_of_a_letter_that_does_not_open_is_named(disk):
    header = Header(Content.LETTERS, 0, b"saltsaltsalt", 44)
    body = b"not compressed"
    head = Head(len(body), 44, 99, 0, 5, len(body), 1, Kind.DATA, 1, COMPRESSED)
    content = pack_header(header) + pack_head(head, body, header.seed) + body
    disk.write(DIRECTORY / "dead" / "a.segment", content)
    (letter,) = dead_letters(disk, DIRECTORY)
    assert letter == Letter("a.segment", "", 0, len(content), (), "record 44 does not open")


def test_a_letter_whose_reason_is_in_words_that_are_not_ours_is_read_and_sent_again(start, disk):
    header = Header(Content.LETTERS, 0, b"saltsaltsalt", 44)
    content = pack_header(header)
    for ordinal, (kind, body) in enumerate([(Kind.NOTE, b"refused, they said"), (Kind.DATA, b"payload")]):
        head = Head(len(body), 44, 99, 0, 5, len(body), ordinal, kind, 1, 0)
        content += pack_head(head, body, header.seed) + body
    disk.write(DIRECTORY / "dead" / "a.segment", content)
    (letter,) = dead_letters(disk, DIRECTORY)
    assert (letter.reason, letter.unreadable) == ("", "")
    replay(disk, DIRECTORY)
    buffer = start()
    assert [made.payload for _, made in buffer.peek(100, 100)] == [b"payload"]
    assert disk.paths("replay/*") == disk.paths("dead/*") == []


def test_letters_behind_one_that_cannot_be_read_are_sent_again_with_it(start, disk, clock):
    buffer = start()
    for number in range(2):
        buffer.put(record(number))
        buffer.reject(sequences(buffer), "400")
        clock.advance(1)
    buffer.close()
    damaged, _ = replay(disk, DIRECTORY)
    disk.flip(DIRECTORY / "replay" / damaged, -1)
    assert numbers(start()) == [1]
    assert [path.name for path in disk.paths("dead/*")] == [damaged]


def test_where_nobody_can_look_for_letters_to_send_again_that_is_said_once(start, disk, clock, caplog):
    buffer = start()
    disk.fail = lambda operation, path: errno.EIO if (operation, path.name) == ("list", "replay") else None
    for number in range(3):
        clock.advance(2)
        buffer.put(record(number))
    assert numbers(buffer) == [0, 1, 2]
    assert caplog.text.count("/state/buffer/replay: Input/output error; it is not sent again") == 1
