"""A ledger's files: crashes, bounds, old days."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from nrdot.ledger.frames import pack, unpack, whole
from nrdot.ledger.rows import HOUR, Outcome, Seen
from nrdot.ledger.store import BACKLOG, DAY, Bounds, Store
from nrdot.testing.recordings.ledger import NOON, hour, minute, minutes, write


def rows_of(file):
    data, start, rows = file.read_bytes(), 0, []
    for end in whole(data):
        rows += unpack(data[start:end])
        start = end
    return rows


def tend(store):
    for _ in range(10_000):
        store.step()
    return sorted(path.name for path in store.directory.iterdir())


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "ledger", Bounds())


def test_a_frame_is_in_the_days_file_at_once_and_nobody_else_may_read_it(store):
    store.put(NOON, minute(NOON))
    file = store.directory / "2026-11-21.jsonl.zst"
    assert rows_of(file) == minute(NOON)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700


def test_a_new_day_is_a_new_file(store):
    store.put(NOON, minute(NOON))
    store.put(NOON + DAY, minute(NOON + DAY))
    assert rows_of(store.directory / "2026-11-22.jsonl.zst") == minute(NOON + DAY)


@pytest.mark.parametrize("cut", [1, 5, 100, 300])
def test_a_torn_tail_costs_the_last_frame_and_the_next_one_can_be_read(store, cut):
    store.put(NOON, minute(NOON))
    store.put(NOON + 60, minute(NOON + 60))
    file = store.directory / "2026-11-21.jsonl.zst"
    os.truncate(file, file.stat().st_size - cut)
    again = Store(store.directory, Bounds())
    again.put(NOON + 120, minute(NOON + 120))
    assert rows_of(file) == minute(NOON) + minute(NOON + 120)


def test_what_another_wrote_behind_our_back_is_kept(store):
    store.put(NOON, minute(NOON))
    file = store.directory / "2026-11-21.jsonl.zst"
    with file.open("ab") as other:
        other.write(pack(minute(NOON + 60)))
    Store(store.directory, Bounds()).put(NOON + 120, minute(NOON + 120))
    assert len(rows_of(file)) == 3 * len(minute())


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(os.name == "nt", reason="there nobody can remove a file that is open")
def test_a_file_that_somebody_removed_begins_anew(store):
    store.put(NOON, minute(NOON))
    file = store.directory / "2026-11-21.jsonl.zst"
    file.unlink()
    store.put(NOON + 60, minute(NOON + 60))
    assert rows_of(file) == minute(NOON + 60)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")
def test_a_ledger_that_is_closed_holds_no_descriptor(store):
    before = descriptors()
    store.put(NOON, minute(NOON))
    store.put(NOON + DAY, minute(NOON + DAY))
    assert descriptors() == before + 1
    store.close()
    assert descriptors() == before


def test_an_unwritable_directory_is_said_once_and_nothing_is_lost_while_memory_has_room(tmp_path, caplog):
    (tmp_path / "ledger").write_text("a file where the directory should be")
    store = Store(tmp_path / "ledger", Bounds())
    for number in range(5):
        store.put(NOON + 60 * number, minute(NOON + 60 * number))
    assert (store.written, store.lost) == (0, 0)
    (tmp_path / "ledger").unlink()
    store.put(NOON + 300, minute(NOON + 300))
    assert rows_of(tmp_path / "ledger" / "2026-11-21.jsonl.zst") == minutes(6)
    assert (store.written, store.lost) == (30, 0)
    assert caplog.text.count("cannot be written") == 1


def test_what_memory_does_not_hold_is_counted_as_lost(tmp_path):
    (tmp_path / "ledger").write_text("a file where the directory should be")
    store = Store(tmp_path / "ledger", Bounds())
    noise = [minute(NOON, revision=os.urandom(BACKLOG // 10).hex()) for _ in range(30)]
    for rows in noise:
        store.put(NOON, rows)
    lost = store.take_lost()
    assert lost > 0
    assert store.take_lost() == 0
    assert lost % len(minute()) == 0


def test_a_frame_that_a_full_disk_cut_is_taken_back(store, tmp_path):
    store.put(NOON, minute(NOON))
    file = store.directory / "2026-11-21.jsonl.zst"
    with file.open("ab") as half:
        half.write(pack(minute(NOON + 60))[:50])  # what a failed write leaves
    store.put(NOON + 120, minute(NOON + 120))
    assert rows_of(file) == minute(NOON) + minute(NOON + 120)


def test_minutes_are_folded_into_hours_after_two_days(store):
    write(store.directory, minutes(120))
    store.put(NOON + 2 * DAY, minute(NOON + 2 * DAY))
    assert tend(store) == ["2026-11-21.jsonl.zst", "2026-11-23.jsonl.zst"]
    assert len(rows_of(store.directory / "2026-11-21.jsonl.zst")) == 600  # not yet two days old
    store.put(NOON + 3 * DAY, minute(NOON + 3 * DAY))
    tend(store)
    rows = rows_of(store.directory / "2026-11-21.jsonl.zst")
    assert [row.t for row in rows] == [NOON] * 5 + [NOON + HOUR] * 5
    assert {row.span for row in rows} == {HOUR}


def test_hours_hold_the_sums_and_means_of_their_minutes(store):
    write(store.directory, minutes(60))
    store.put(NOON + 3 * DAY, minute(NOON + 3 * DAY))
    tend(store)
    folded = rows_of(store.directory / "2026-11-21.jsonl.zst")
    by_verdict = {row.verdict: row for row in folded if isinstance(row, Seen)}
    expected = {row.verdict: row for row in hour() if isinstance(row, Seen)}
    for verdict, row in by_verdict.items():
        for name in (
            "processes",
            "process_seconds",
            "points_sent",
            "bytes_interval",
            "active_sent",
            "seconds",
        ):
            assert getattr(row, name) == getattr(expected[verdict], name), (verdict, name)
    arrived = next(row for row in folded if isinstance(row, Outcome) and row.destination)
    assert (arrived.points_delivered, arrived.requests) == (9000, {"delivered": 60})


def test_a_mean_counts_the_minutes_in_which_a_key_had_no_row_as_nothing(store):
    rows = minutes(60)
    once = [row for row in rows if not (isinstance(row, Seen) and row.verdict == "keep" and row.t > NOON)]
    write(store.directory, once)
    store.put(NOON + 3 * DAY, minute(NOON + 3 * DAY))
    tend(store)
    folded = rows_of(store.directory / "2026-11-21.jsonl.zst")
    (kept,) = [row for row in folded if isinstance(row, Seen) and row.verdict == "keep"]
    assert kept.processes == pytest.approx(10 / 60, abs=0.001)
    assert kept.active_sent == pytest.approx(70 / 60, abs=0.001)


def test_folding_again_changes_nothing(store):
    write(store.directory, minutes(60))
    store.put(NOON + 3 * DAY, minute(NOON + 3 * DAY))
    tend(store)
    before = (store.directory / "2026-11-21.jsonl.zst").read_bytes()
    again = Store(store.directory, Bounds())
    again.put(NOON + 3 * DAY + 60, minute(NOON + 3 * DAY + 60))
    tend(again)
    assert (store.directory / "2026-11-21.jsonl.zst").read_bytes() == before


def test_a_fold_that_was_broken_off_leaves_the_day_as_it_was(store):
    write(store.directory, minutes(60))
    before = (store.directory / "2026-11-21.jsonl.zst").read_bytes()
    store.put(NOON + 3 * DAY, minute(NOON + 3 * DAY))
    for _ in range(20):
        store.step()
    assert (store.directory / "2026-11-21.jsonl.zst").read_bytes() == before


def test_a_damaged_frame_is_left_out_of_the_hours_and_said(store, caplog):
    (file,) = write(store.directory, minutes(60))
    data = bytearray(file.read_bytes())
    data[whole(bytes(data))[4] - 1] ^= 1
    file.write_bytes(data)
    store.put(NOON + 3 * DAY, minute(NOON + 3 * DAY))
    tend(store)
    folded = rows_of(file)
    assert sum(row.points_sent for row in folded if isinstance(row, Seen)) == 59 * 110
    assert "a frame of the ledger is damaged" in caplog.text


def test_days_beyond_the_retention_go(tmp_path):
    store = Store(tmp_path, Bounds(retention=10 * DAY))
    write(tmp_path, [row for day in range(20) for row in hour(NOON + day * DAY)])
    store.put(NOON + 19 * DAY, minute(NOON + 19 * DAY))
    assert tend(store)[0] == "2026-11-30.jsonl.zst"


def test_the_oldest_days_go_where_all_together_are_too_much_and_today_stays(tmp_path):
    write(tmp_path, [row for day in range(20) for row in hour(NOON + day * DAY)])
    one = (tmp_path / "2026-11-21.jsonl.zst").stat().st_size
    store = Store(tmp_path, Bounds(max_size=5 * one))
    store.put(NOON + 20 * DAY, minute(NOON + 20 * DAY))
    left = tend(store)
    assert left[-1] == "2026-12-11.jsonl.zst"
    assert sum((tmp_path / name).stat().st_size for name in left) <= 5 * one
    tiny = Store(tmp_path, Bounds(max_size=1))
    tiny.put(NOON + 21 * DAY, minute(NOON + 21 * DAY))
    assert tend(tiny) == ["2026-12-12.jsonl.zst"]


def test_other_files_in_the_directory_are_left_alone(tmp_path):
    (tmp_path / "notes.jsonl.zst").write_bytes(b"mine")
    (tmp_path / "2020-01-01.txt").write_bytes(b"mine")
    store = Store(tmp_path, Bounds(retention=DAY))
    store.put(NOON, minute(NOON))
    assert tend(store) == ["2020-01-01.txt", "2026-11-21.jsonl.zst", "notes.jsonl.zst"]


def test_how_long_nobody_wrote_is_told_from_the_newest_file(store):
    assert store.silent_since(NOON * 10**9) == 0.0
    store.put(NOON, minute(NOON))
    written = (store.directory / "2026-11-21.jsonl.zst").stat().st_mtime_ns
    assert store.silent_since(written + 5 * 10**9) == 5.0
