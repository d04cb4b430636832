"""What a ledger's files may be like, and what the report says of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import duckdb
import pytest
import zstandard

from nrdot.ledger.frames import pack
from nrdot.report.files import NoLedgerError
from nrdot.testing import ledger

HOUR, DAY = 3600, 86400
START = ledger.NOON - 12 * HOUR
NAME = "2026-11-21.jsonl.zst"


def said(found, words):
    lines = [line for line in found["left_out"] if words in line]
    assert len(lines) == 1, found["left_out"]
    assert "\n" not in lines[0]
    return lines[0]


def test_a_torn_tail_costs_its_frame_and_is_said(reported, folder, hours):
    ledger.write(folder, hours(3))
    file = folder / NAME
    whole = file.stat().st_size
    file.write_bytes(file.read_bytes() + pack(hours(1, START + 3 * HOUR))[:-9])
    found = reported([])
    assert found["points"]["unoptimized"] == 3 * 42_000
    assert f"torn after byte {whole:,}" in said(found, "torn")


def test_a_damaged_frame_in_the_middle_costs_itself_alone(reported, folder, hours):
    folder.mkdir()
    frames = [pack(hours(1, START + number * HOUR)) for number in range(3)]
    broken = bytearray(frames[1])
    broken[len(broken) // 2] ^= 0xFF
    (folder / NAME).write_bytes(frames[0] + bytes(broken) + frames[2])
    found = reported([])
    assert found["points"]["unoptimized"] == 2 * 42_000
    assert "1 of 3 frames are damaged" in said(found, "damaged")


def test_lines_that_are_no_rows_are_counted(reported, folder, hours):
    ledger.write(folder, hours(2))
    lines = zstandard.compress(
        b'not json\n{"kind":"seen","v":1,"t":"noon"}\n[1,2]\n{"kind":"seen","v":1,"t":1000000000000000}\n'
    )
    with (folder / NAME).open("ab") as file:
        file.write(lines)
    found = reported([])
    assert found["points"]["unoptimized"] == 2 * 42_000
    assert "4 lines that are no rows" in said(found, "no rows")


def test_newer_formats_and_unknown_kinds_are_left_out_and_said(reported, folder, hours):
    ledger.write(folder, hours(2))
    newer = b'{"kind":"seen","v":2,"t":%d,"points_unoptimized":5}\n{"kind":"else","v":1,"t":%d}\n'
    with (folder / NAME).open("ab") as file:
        file.write(zstandard.compress(newer % (START, START)))
    found = reported([])
    assert found["points"]["unoptimized"] == 2 * 42_000
    assert said(found, "1 rows of a newer format")
    assert said(found, "1 rows of a kind")


def test_a_file_that_is_no_ledger_is_named_and_the_others_are_read(reported, folder, hours):
    ledger.write(folder, hours(2))
    (folder / "2026-11-20.jsonl.zst").write_bytes(b"something else entirely")
    (folder / "notes.txt").write_text("hello")
    found = reported([])
    assert found["points"]["unoptimized"] == 2 * 42_000
    assert said(found, "2026-11-20.jsonl.zst: not zstd")
    assert said(found, "notes.txt: not named as a ledger's day")


def test_a_jump_of_the_clock_within_a_days_file_is_left_out(reported, folder, hours):
    ledger.write(folder, hours(2))
    with (folder / NAME).open("ab") as file:
        file.write(pack(hours(1, START + 300 * DAY)))
    found = reported([])
    assert found["points"]["unoptimized"] == 2 * 42_000
    assert "5 rows whose time is not of the file's day" in said(found, "clock jumped")


def test_rows_of_the_future_are_left_out_unless_all_are(reported, hours):
    found = reported([*hours(2), *hours(2, START + 20 * DAY)], now=START + DAY)
    assert found["points"]["unoptimized"] == 2 * 42_000
    assert "rows are of the future" in said(found, "of the future")


def test_where_every_row_is_of_the_future_this_clock_is_wrong(reported, hours):
    found = reported(hours(2), now=START - 300 * DAY)
    assert found["points"]["unoptimized"] == 2 * 42_000
    assert said(found, "this machine's clock is behind")


def test_days_are_utc_wherever_the_report_is_made(folder, hours):
    ledger.write(folder, hours(24, START - 10 * DAY))
    done = subprocess.run(
        [sys.executable, "-m", "nrdot", "report", "--ledger", str(folder), "--since", "30d", "--json"],
        env={**os.environ, "TZ": "America/New_York"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    found = json.loads(done.stdout)
    assert found["points"]["unoptimized"] == 24 * 42_000
    assert [day["day"] for day in found["days"]] == ["2026-11-11"]


def test_the_agents_own_word_about_gaps_and_lost_rows_is_passed_on(reported, hours):
    late = ledger.agent(START + 5 * HOUR, gap_seconds=10_800.0, gap_reason="down", lost_rows=4)
    found = reported([*hours(2), late])
    assert said(found, "no agent ran: 1 break on 1 host, 3.0 h in all")
    assert said(found, "4 rows could not be written")


def test_a_copy_of_a_day_counts_once(reported, folder, hours):
    ledger.write(folder / "h1", hours(2))
    ledger.write(folder / "copy-of-h1", hours(2))
    found = reported([])
    assert found["points"]["unoptimized"] == 2 * 42_000
    assert said(found, "1 days of a host lie here twice")


def packed(folder, rows, target):
    ledger.write(folder, rows)
    files = sorted(folder.glob("*.jsonl.zst"))
    duckdb.sql(
        f"COPY (SELECT * FROM read_json({[str(file) for file in files]})) TO '{target}' (FORMAT parquet)"
    )
    for file in files:
        file.unlink()


def test_parquet_is_read_beside_lines_even_where_it_lacks_columns_that_were_never_written(
    reported, folder, hours
):
    packed(folder, hours(24), folder / "2026-11.parquet")
    found = reported(hours(24, START + DAY))
    assert found["points"]["unoptimized"] == 48 * 42_000
    assert found["critical"]["coverage"] == 1.0


def test_a_day_that_lies_here_as_lines_and_as_parquet_counts_once(reported, folder, hours):
    packed(folder, hours(24), folder / "2026-11.parquet")
    found = reported(hours(24))
    assert found["points"]["unoptimized"] == 24 * 42_000
    assert said(found, "both as JSON lines and as Parquet")


def test_parquet_of_something_else_is_refused_by_name(reported, folder):
    folder.mkdir()
    duckdb.sql(f"COPY (SELECT 1 AS x) TO '{folder / 'else.parquet'}' (FORMAT parquet)")
    with pytest.raises(NoLedgerError, match=r"else\.parquet: no ledger, it has no column host, kind, t, v"):
        reported([])


def test_days_before_the_window_are_not_even_opened(reported, folder, hours):
    ledger.write(folder, hours(24, START + 40 * DAY))
    (folder / "2026-01-01.jsonl.zst").write_bytes(b"would be said if it were opened")
    found = reported([], since=7.0 * DAY)
    assert not [line for line in found["left_out"] if "2026-01-01" in line]


def test_where_the_window_is_empty_the_extent_of_the_ledger_is_told(reported, hours):
    from datetime import UTC, datetime

    with pytest.raises(NoLedgerError, match="the ledger goes from 2026-11-21 00:00 UTC to"):
        reported(hours(2), since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC))


def test_a_directory_without_a_ledger_is_refused(reported, folder):
    with pytest.raises(NoLedgerError, match="does not exist"):
        reported([])
    folder.mkdir()
    with pytest.raises(NoLedgerError, match="no ledger in it"):
        reported([])
