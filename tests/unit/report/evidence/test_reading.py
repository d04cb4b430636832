"""What a ledger's files may be like, and what the report says of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
import zstandard

from nrdot.ledger.compact import compact
from nrdot.ledger.frames import pack
from nrdot.report.evidence.files import NoLedgerError, find, mend
from nrdot.testing.hosts.procfs import unprivileged
from nrdot.testing.recordings import ledger

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
    assert "1 of 3 frames damaged" in said(found, "damaged")


def test_lines_that_are_no_rows_are_counted(reported, folder, hours):
    ledger.write(folder, hours(2))
    lines = zstandard.compress(
        b'not json\n{"kind":"seen","v":1,"t":"noon"}\n[1,2]\n{"kind":"seen","v":1,"t":1000000000000000}\n'
    )
    with (folder / NAME).open("ab") as file:
        file.write(lines)
    found = reported([])
    assert found["points"]["unoptimized"] == 2 * 42_000
    assert "4 lines without a row" in said(found, "without a row")


def test_newer_formats_and_unknown_kinds_are_left_out_and_said(reported, folder, hours):
    ledger.write(folder, hours(2))
    newer = b'{"kind":"seen","v":2,"t":%d,"points_unoptimized":5}\n{"kind":"else","v":1,"t":%d}\n'
    with (folder / NAME).open("ab") as file:
        file.write(zstandard.compress(newer % (START, START)))
    found = reported([])
    assert found["points"]["unoptimized"] == 2 * 42_000
    assert said(found, "1 row of a newer format")
    assert said(found, "1 row of a kind")


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
    assert "10 rows of the future" in said(found, "of the future")


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
    assert said(found, "4 rows not written by an agent")


def test_a_copy_of_a_day_counts_once(reported, folder, hours):
    ledger.write(folder / "h1", hours(2))
    ledger.write(folder / "copy-of-h1", hours(2))
    found = reported([])
    assert found["points"]["unoptimized"] == 2 * 42_000
    assert said(found, "here twice, counted once: 1 day of a host")
    assert not [line for line in found["left_out"] if "several machines" in line]


@pytest.mark.parametrize("order", [("early", "late"), ("late", "early")])
def test_of_two_copies_of_a_day_the_one_that_goes_further_counts(reported, folder, hours, order):
    short, long = order
    ledger.write(folder / short, hours(12))
    ledger.write(folder / long, hours(24))
    assert reported([])["points"]["unoptimized"] == 24 * 42_000


def test_cloned_machines_with_one_id_are_told_from_copies(reported, folder, hours):
    ledger.write(folder / "one", hours(2))
    ledger.write(folder / "other", hours(2, boot="b2"))
    found = reported([])
    assert found["points"]["unoptimized"] == 2 * 42_000
    assert said(found, "several machines call themselves h1, and one of them was counted")


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


def test_parquet_that_lies_here_twice_counts_once(reported, folder, hours):
    packed(folder, hours(48), folder / "2026-11.parquet")
    (folder / "backup").mkdir()
    (folder / "backup" / "2026-11.parquet").write_bytes((folder / "2026-11.parquet").read_bytes())
    found = reported([])
    assert found["points"]["unoptimized"] == 48 * 42_000
    assert found["window"]["host_hours_seen"] == 48
    assert said(found, "here twice as Parquet, counted once: 2 days of a host")


def test_parts_of_a_day_in_two_parquet_files_both_count(reported, folder, hours):
    """As engines write them that split a table as they please."""
    packed(folder, hours(10), folder / "part-1.parquet")
    packed(folder, hours(14, START + 10 * HOUR), folder / "part-2.parquet")
    found = reported([])
    assert found["points"]["unoptimized"] == 24 * 42_000
    assert not [line for line in found["left_out"] if "twice" in line]


def test_parquet_of_something_else_is_refused_by_name(reported, folder):
    folder.mkdir()
    duckdb.sql(f"COPY (SELECT 1 AS x) TO '{folder / 'else.parquet'}' (FORMAT parquet)")
    with pytest.raises(NoLedgerError, match=r"else\.parquet: no ledger, it has no column host, kind, t, v"):
        reported([])


@pytest.mark.parametrize("data", [b"", b"PAR1 but nothing more", b"x" * 500])
def test_parquet_that_cannot_be_read_costs_itself_alone(reported, folder, hours, data):
    folder.mkdir()
    (folder / "it's 2026-10.parquet").write_bytes(data)
    found = reported(hours(2))
    assert found["points"]["unoptimized"] == 2 * 42_000
    line = said(found, "not Parquet as it should be")
    assert "it's 2026-10.parquet" in line
    assert "LINE 1" not in line


def test_parquet_with_rows_that_cannot_be_used_is_read_without_them(reported, folder, hours):
    ledger.write(folder, hours(24))
    file = folder / NAME
    duckdb.sql(
        f"""COPY (SELECT * FROM read_json('{file}')
        UNION ALL BY NAME SELECT 'seen' AS kind, 2 AS v, {START} AS t
        UNION ALL BY NAME SELECT 'seen' AS kind, 1 AS v, {START} AS t, 'keep' AS verdict, -7 AS points_sent
        UNION ALL BY NAME SELECT 'seen' AS kind, 1 AS v, {START} AS t, 'kept' AS verdict)
        TO '{folder / "2026-11.parquet"}' (FORMAT parquet)"""
    )
    file.unlink()
    found = reported([])
    assert found["points"]["unoptimized"] == 24 * 42_000
    assert said(found, "Parquet: 1 row of a newer format")
    assert said(found, "Parquet: 1 row with a number that cannot be")
    assert said(found, "Parquet: 1 row of a verdict")


def test_parquet_whose_pages_are_damaged_is_one_line_that_names_it(reported, folder, hours):
    packed(folder, hours(24 * 20), folder / "2026-11.parquet")
    data = bytearray((folder / "2026-11.parquet").read_bytes())
    data[4 : len(data) // 3] = os.urandom(len(data) // 3 - 4)
    (folder / "2026-11.parquet").write_bytes(bytes(data))
    with pytest.raises(NoLedgerError, match="the ledger cannot be read to its end") as error:
        reported([])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ('"verdict":"keep","points_sent":-50000000', "with a number that cannot be"),
        ('"verdict":"keep","bytes_sent":9000000000000000000', "with a number that cannot be"),
        ('"verdict":"keep","process_seconds":1e300', "with a number that cannot be"),
        ('"verdict":"keep","cpu_seconds":-20', "with a number that cannot be"),
        ('"verdict":"keep","span":-60', "with a number that cannot be"),
        ('"verdict":"kept"', "of a verdict that this nrdot does not know"),
    ],
)
def test_a_row_that_cannot_be_is_left_out_and_said(reported, folder, hours, fields, words):
    ledger.write(folder, hours(2))
    row = f'{{"kind":"seen","v":1,"t":{START},"host":"h1",{fields}}}\n'
    with (folder / NAME).open("ab") as file:
        file.write(zstandard.compress(row.encode()))
    found = reported([])
    assert found["points"]["sent"] == 2 * 9_000
    assert f"{NAME}: 1 row {words}; left out" in said(found, words)


def test_a_clock_that_went_back_is_no_number_that_cannot_be(reported, hours):
    found = reported([*hours(2), ledger.agent(START + 2 * HOUR, gap_seconds=-7200.0, gap_reason="clock")])
    assert said(found, "the wall clock jumped: 1 break on 1 host, 2.0 h in all")
    assert not [line for line in found["left_out"] if "cannot be" in line]


def test_a_line_without_end_costs_its_file_alone(reported, folder, hours):
    folder.mkdir()
    (folder / "2026-11-20.jsonl").write_text('{"kind":"' + "x" * 40_000_000)
    (folder / "2026-11-19.jsonl.zst").write_bytes(zstandard.compress(bytes(40_000_000)))
    found = reported(hours(2))
    assert found["points"]["unoptimized"] == 2 * 42_000
    lines = [line for line in found["left_out"] if "cannot be read" in line]
    assert [line.split(": ")[0].rpartition("/")[2] for line in lines] == [
        "2026-11-19.jsonl.zst",
        "2026-11-20.jsonl",
    ]


def test_what_is_named_as_a_day_and_is_no_file_is_not_waited_for(reported, folder, hours):
    folder.mkdir()
    os.mkfifo(folder / "2026-11-19.jsonl.zst")
    (folder / "2026-11-20.jsonl.zst").symlink_to(folder / "nowhere")
    found = reported(hours(2))
    assert found["points"]["unoptimized"] == 2 * 42_000
    assert said(found, "2026-11-19.jsonl.zst: not a regular file")
    assert said(found, "2026-11-20.jsonl.zst: cannot be read: No such file or directory")


def test_links_to_hosts_ledgers_are_followed_and_a_circle_of_them_ends(reported, folder, hours, tmp_path):
    ledger.write(tmp_path / "elsewhere" / "h1", hours(2))
    folder.mkdir()
    (folder / "h1").symlink_to(tmp_path / "elsewhere" / "h1")
    (tmp_path / "elsewhere" / "h1" / "up").symlink_to(folder)
    assert reported([])["points"]["unoptimized"] == 2 * 42_000


@contextmanager
def as_nobody():
    """Root may read everything, so permissions are tried as somebody else."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def open_folder():
    """Below /tmp itself: pytest's own folders are closed to others."""
    with tempfile.TemporaryDirectory(prefix="nrdot-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def partly_closed(open_folder, hours):
    folder = open_folder
    ledger.write(folder / "h1", hours(2))
    ledger.write(folder / "h2", hours(2, host="h2"))
    ledger.write(folder / "h3", hours(2, host="h3"))
    for path in (folder / "h2", folder / "h3" / NAME):
        path.chmod(0)
    yield folder
    (folder / "h2").chmod(0o755)


def test_what_may_not_be_read_costs_itself_and_is_said(partly_closed, tmp_path):
    with as_nobody():
        found = find(partly_closed)
        fine = mend(found.lines, tmp_path, found.left_out)
    assert fine == [partly_closed / "h1" / NAME]
    assert any(line.endswith("h2: Permission denied; the folder was left out") for line in found.left_out)
    assert any(
        line.endswith(f"h3/{NAME}: cannot be read: Permission denied; the file was left out")
        for line in found.left_out
    )


def test_why_there_is_not_one_row_is_told(reported, folder):
    folder.mkdir()
    (folder / NAME).write_bytes(zstandard.compress(b'{"kind":"seen","v":2,"t":%d}\n' % START))
    with pytest.raises(NoLedgerError, match=r"its day is 2026-11-21; .* 1 row of a newer format"):
        reported([])


def test_a_directory_without_a_ledger_is_refused(reported, folder):
    with pytest.raises(NoLedgerError, match="does not exist"):
        reported([])
    folder.mkdir()
    with pytest.raises(NoLedgerError, match="no ledger in it"):
        reported([])


def test_folders_that_are_closed_to_us_are_named_where_nothing_else_is_there():
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "host").mkdir()
        (place / "host").chmod(0)
        with unprivileged(), pytest.raises(NoLedgerError) as caught:
            find(place)
        (place / "host").chmod(0o700)
    assert str(caught.value).endswith(f"{place}/host: Permission denied; the folder was left out")


@pytest.mark.parametrize("packed", [False, True], ids=["lines", "parquet"])
def test_a_folder_whose_name_looks_like_a_pattern_stands_for_itself_alone(reported, folder, hours, packed):
    hosts = ("h*", "h1", "h[2]", "it's")
    for host in hosts:
        ledger.write(folder / host, hours(2, host=host))
        if packed:
            compact(folder / host, folder / host, "2026-12-24", remove=True, progress=lambda _: None)
    found = reported([])
    assert found["window"]["hosts"] == len(hosts)
    assert found["points"]["unoptimized"] == len(hosts) * 2 * 42_000
