import errno
import shutil
from pathlib import Path

import pytest

from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.encryption import NO_KEYS
from nrdot.buffer.files import Files
from nrdot.buffer.inspection import status
from nrdot.buffer.segment import FIRST_FRAME, Content, Header, pack_header
from nrdot.buffer.settings import BufferSettings, Durability
from nrdot.errors import StartError
from nrdot.stages import Priority
from nrdot.testing.clock import ManualClock
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences

DIRECTORY = Path("/state/buffer")


def test_foreign_files_stay_where_they_are_and_nobody_minds(start, disk, caplog):
    put_all(start(), map(record, range(3)))
    strange = {DIRECTORY / name: b"not ours" for name in ("README", "normal-1.segment", ".segment", "x")}
    for path, data in strange.items():
        disk.write(path, data)
    buffer = start()
    put_all(buffer, [record(3)])
    assert numbers(buffer) == [0, 1, 2, 3]
    assert {path: disk.content(path) for path in strange} == strange
    assert "README: not a file of the buffer; set aside" in caplog.text


def test_a_segment_that_a_crash_left_within_its_header_goes(start, disk):
    path = DIRECTORY / "normal-00000000000000000077.segment"
    disk.write(path, b"NRDO")
    assert numbers(start()) == []
    assert path not in disk.paths()


def test_a_newer_format_is_moved_aside_and_kept(start, disk):
    put_all(start(), map(record, range(3)))
    newer = b"NRDOTBUF" + (9).to_bytes(2, "little") + b"who knows" * 99
    disk.write(DIRECTORY / "normal-00000000000000000077.segment", newer)
    disk.write(DIRECTORY / "progress-00000000000000000099.segment", newer)
    buffer = start()
    assert numbers(buffer) == [0, 1, 2]
    assert [disk.content(path) for path in disk.paths("aside/*")] == [newer, newer]
    buffer.put(record(3))
    assert numbers(start()) == [0, 1, 2, 3]


def test_each_file_that_is_not_used_is_told_with_its_reason_and_ours_are_moved_aside(start, disk):
    put_all(start(), map(record, range(3)))
    salt = b"a salt of 12"
    strange = {
        "README": (b"not ours", "not a file of the buffer"),
        f"normal-{77:020}.segment": (b"NRDO", "ends within its header"),
        f"normal-{78:020}.segment": (bytes(FIRST_FRAME), "its header is damaged"),
        f"normal-{79:020}.segment": (b"NRDOTBUF" + b"\x09\0" + bytes(200), "written in a newer format"),
        f"normal-{80:020}.segment": (
            pack_header(Header(Content.LETTERS, 0, salt)),
            "its header belongs to another kind of file",
        ),
        f"normal-{81:020}.segment": (
            pack_header(Header(Content.RECORDS, len(Priority), salt)),
            "its header belongs to another kind of file",
        ),
        f"progress-{99:020}.segment": (
            pack_header(Header(Content.RECORDS, 0, salt)),
            "its header belongs to another kind of file",
        ),
    }
    for name, (data, _) in strange.items():
        disk.write(DIRECTORY / name, data)
    assert status(disk, DIRECTORY).unused == tuple(f"{name}: {why}" for name, (_, why) in strange.items())
    buffer = start()
    assert numbers(buffer) == [0, 1, 2]
    assert imbalance(buffer) == 0
    moved = [name.partition("-")[2] for name in status(disk, DIRECTORY).set_aside]
    assert moved == list(strange)[2:]
    assert status(disk, DIRECTORY).unused == ("README: not a file of the buffer",)


def test_a_segment_with_a_destroyed_header_is_moved_aside_and_kept(start, disk):
    buffer = start()
    put_all(buffer, map(record, range(3)))
    buffer.close()
    (path,) = disk.paths("normal-*")
    disk.flip(path, 30)
    disk.flip(path, 100)
    before = disk.content(path)
    buffer = start()
    assert numbers(buffer) == []
    assert [disk.content(path) for path in disk.paths("aside/*")] == [before]
    assert buffer.statistics().dropped == {"unaccounted": 30}
    assert imbalance(buffer) == 0


@pytest.mark.parametrize("operation", ["remove", "move"])
def test_what_cannot_be_set_aside_today_stays_and_is_not_used(start, disk, operation):
    put_all(start(), map(record, range(3)))
    strange = {
        DIRECTORY / "normal-00000000000000000077.segment": b"NRDO",
        DIRECTORY / "normal-00000000000000000088.segment": b"NRDOTBUF"
        + (9).to_bytes(2, "little")
        + bytes(200),
    }
    for path, data in strange.items():
        disk.write(path, data)
    disk.fail = lambda name, path: errno.EIO if name == operation and path in strange else None
    assert numbers(start()) == [0, 1, 2]
    assert strange.keys() & set(disk.paths())
    disk.mend()
    assert numbers(start()) == [0, 1, 2]
    assert not strange.keys() & set(disk.paths())


@pytest.mark.parametrize("destroy", ["remove", "cut", "flip"])
def test_without_a_progress_log_everything_in_the_segments_waits_again(start, disk, destroy, caplog):
    buffer = start()
    put_all(buffer, map(record, range(6)))
    buffer.acknowledge(sequences(buffer, 2))
    for path in disk.paths("progress-*"):
        if destroy == "remove":
            disk.remove(path)
        elif destroy == "cut":
            disk.cut(path, 10)
        else:
            for offset in range(len(disk.content(path))):
                disk.flip(path, offset)
    buffer = start()
    assert numbers(buffer) == list(range(6))
    assert imbalance(buffer) == 0
    assert "what lies in the segments is sent again" in caplog.text
    buffer.acknowledge(sequences(buffer))
    assert (buffer.statistics().produced, buffer.statistics().delivered) == (60, 60)


def test_a_damaged_snapshot_is_made_good_by_the_generation_before(start, disk):
    buffer = start()
    put_all(buffer, map(record, range(6)))
    buffer.acknowledge(sequences(buffer, 2))
    buffer = start()
    newest = disk.paths("progress-*")[-1]
    disk.flip(newest, 140)
    buffer = start()
    assert numbers(buffer) == [2, 3, 4, 5]
    assert buffer.statistics().delivered == 20


def test_a_second_process_ends_with_a_line_that_names_the_first(start, disk, clock):
    start()
    with pytest.raises(StartError) as caught:
        DiskBuffer(DIRECTORY, BufferSettings(), clock, disk)
    message = str(caught.value)
    assert "/state/buffer is in use by process " in message
    assert message.split("process ")[1].split(";", maxsplit=1)[0].isdigit()
    assert "\n" not in message
    disk.cut(DIRECTORY / "lock", 0)  # of a file system that shows a locked file to nobody
    with pytest.raises(StartError, match="/state/buffer is in use by process unknown;"):
        DiskBuffer(DIRECTORY, BufferSettings(), clock, disk)


def test_a_directory_that_cannot_be_written_is_a_clean_error_at_the_start(disk, clock):
    disk.read_only = True
    with pytest.raises(StartError, match="cannot write to the buffer /state/buffer: Read-only file system"):
        DiskBuffer(DIRECTORY, BufferSettings(), clock, disk)


def test_a_directory_that_cannot_be_read_is_a_clean_error_and_left_to_the_next(start, disk, clock):
    put_all(start(), map(record, range(3)))
    disk.kill()
    disk.fail = lambda operation, path: errno.EIO if (operation, path) == ("list", DIRECTORY) else None
    with pytest.raises(StartError, match="cannot read the buffer /state/buffer: Input/output error"):
        DiskBuffer(DIRECTORY, BufferSettings(), clock, disk)
    disk.mend()
    buffer = DiskBuffer(DIRECTORY, BufferSettings(), clock, disk)  # the first gave the lock back
    assert numbers(buffer) == [0, 1, 2]


@pytest.mark.parametrize("gone", range(4))
def test_a_segment_that_is_gone_after_a_kill_is_missed_in_the_books(start, disk, gone):
    """The log knows nothing of it yet; the next segment of its priority tells what was before."""
    buffer = start(max_bytes=1 << 20, record_bytes=10_000)
    put_all(buffer, [record(number, 9000, points=2**number) for number in range(4)])
    buffer.put(record(4, 20_000, points=100))  # too large: produced, and in no segment
    put_all(buffer, [record(5, 9000, points=1000)])
    disk.remove(disk.paths("normal-*")[gone])
    for _ in range(2):
        buffer = start(max_bytes=1 << 20)
        now = buffer.statistics()
        assert (now.produced, now.dropped) == (1115, {"too_large": 100, "unaccounted": 2**gone})
        assert imbalance(buffer) == 0


def test_a_segment_that_somebody_removed_is_missed_in_the_books(start, disk, caplog):
    buffer = start(max_bytes=1 << 20)
    put_all(buffer, [record(number, 9000) for number in range(6)])
    disk.remove(disk.paths("normal-*")[1])
    before = numbers(buffer)
    assert before != list(range(6))
    assert imbalance(buffer) == 0
    assert "cannot be read any more; they count as dropped" in caplog.text
    after = start()
    assert numbers(after) == before
    assert imbalance(after) == 0


def test_a_segment_that_comes_back_after_it_was_missed_does_not_wait_again(start, disk):
    """It counts as dropped, and a record is never two things."""
    buffer = start(max_bytes=1 << 20)
    put_all(buffer, [record(number, 9000) for number in range(6)])
    path = disk.paths("normal-*")[1]
    data = disk.content(path)
    disk.remove(path)
    before = numbers(buffer)
    disk.write(path, data)
    after = start()
    assert numbers(after) == before
    assert imbalance(after) == 0


def test_an_unfinished_segment_that_comes_back_after_it_was_missed_does_not_wait_again(start, disk):
    put_all(start(), map(record, range(3)))
    buffer = start()
    put_all(buffer, map(record, range(3, 6)))
    path = disk.paths("normal-*")[0]
    data = disk.content(path)
    disk.remove(path)
    assert numbers(buffer) == [3, 4, 5]
    disk.write(path, data)
    for _ in range(2):
        buffer = start()
        assert numbers(buffer) == [3, 4, 5]
        assert buffer.statistics().dropped == {"unaccounted": 30}
        assert imbalance(buffer) == 0


def test_a_segment_that_cannot_be_read_today_is_there_tomorrow(start, disk, caplog):
    """Not even its name is used again, though nobody can tell what numbers it holds."""
    put_all(start(), map(record, range(3)))
    for path in disk.paths("progress-*"):
        disk.remove(path)
    disk.fail = lambda operation, path: (
        errno.EIO if (operation, path.name[-9:]) == ("open", "1.segment") else None
    )
    buffer = start()
    put_all(buffer, map(record, range(3, 6)))
    assert numbers(buffer) == [3, 4, 5]
    assert "1.segment: cannot be read: Input/output error; set aside" in caplog.text
    disk.mend()
    assert numbers(start()) == list(range(6))


def test_a_directory_that_somebody_clears_away_is_made_again(tmp_path):
    clock = ManualClock()
    directory = tmp_path / "buffer"
    buffer = DiskBuffer(directory, BufferSettings(), clock, Files())
    put_all(buffer, map(record, range(3)))
    shutil.rmtree(directory)
    buffer.use(BufferSettings(durability=Durability.NEVER), NO_KEYS)
    put_all(buffer, map(record, range(3, 6)))
    assert numbers(buffer) == [3, 4, 5]
    assert buffer.statistics().dropped == {"unaccounted": 30}
    clock.advance(6)
    buffer.put(record(6))
    assert buffer.alarm == ""
    assert numbers(buffer) == [3, 4, 5, 6]
    assert imbalance(buffer) == 0
    buffer.close()
