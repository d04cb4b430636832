"""Rows to bytes and back, and where whole frames end."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import msgspec
import pytest
import zstandard

from nrdot.ledger.frames import pack, unpack, whole
from nrdot.ledger.rows import VERSION, Outcome, Seen, Talker, columns, every_column
from nrdot.testing.recordings.ledger import NOON, agent, kept, minute, minutes, talker, write

PAGE = Path(__file__).parents[3] / "docs" / "formats" / "ledger.md"


def test_rows_come_back_as_they_were():
    rows = [*minute(), agent(NOON, top=[talker("postgres")], points_dropped={"full": 3})]
    assert list(unpack(pack(rows))) == rows


def test_what_is_nothing_is_not_written():
    line = zstandard.ZstdDecompressor().decompress(pack([kept(NOON, namespace="", tenant="")])).decode()
    assert "namespace" not in line
    assert "tenant" not in line
    assert "points_suppressed" not in line
    assert '"v":1' in line


def test_zeros_that_an_older_agent_wrote_out_are_read_as_what_is_not_written():
    old = (
        b'{"kind":"seen","v":1,"t":1795262400,"seconds":60.0,"host":"h","profile":"balanced","verdict":"roll_up",'
        b'"reason":"below","baseline":60.0,"interval":60.0,"processes":127.0,"process_seconds":7620.0,'
        b'"rss":94728192.0,"points_interval":889,"active_unoptimized":889.0,"active_sent":0.0}'
    )
    (row,) = unpack(zstandard.ZstdCompressor(1, write_checksum=True).compress(old + b"\n"))
    assert (row.processes, row.rss, row.active_sent, row.hourly_sent) == (127.0, 94728192.0, 0, 0)
    again = zstandard.ZstdDecompressor().decompress(pack([msgspec.structs.replace(row, active_sent=0)]))
    assert b"active_sent" not in again


def test_rows_of_a_newer_version_are_left_out():
    rows = [kept(NOON), msgspec.structs.replace(kept(NOON), v=VERSION + 1)]
    assert list(unpack(pack(rows))) == rows[:1]


def test_every_end_of_a_whole_frame_is_found_wherever_the_file_is_cut():
    frames = [pack(minute(NOON + 60 * number)) for number in range(3)]
    data = b"".join(frames)
    ends = [len(frames[0]), len(frames[0]) + len(frames[1]), len(data)]
    for cut in range(len(data) + 1):
        assert whole(data[:cut]) == [end for end in ends if end <= cut]


@pytest.mark.parametrize("size", [0, 100, 300, 70_000, 300_000])
@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_frames_of_any_writer_are_measured(size, checksum, known):
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    for content in (data, b"\0" * size):
        compressor = zstandard.ZstdCompressor(3, write_checksum=checksum, write_content_size=known)
        frame = compressor.compress(content)
        assert whole(frame + b"rubbish") == [len(frame)]


def test_a_damaged_frame_is_refused_by_its_checksum():
    frame = bytearray(pack(minute()))
    frame[-1] ^= 1
    with pytest.raises(ValueError, match="checksum"):
        list(unpack(bytes(frame)))


def test_the_pages_query_reads_a_ledger_as_it_lies(tmp_path):
    (file,) = write(tmp_path, minutes(3))
    with file.open("ab") as torn:
        torn.write(pack(minute())[:100])
    (query,) = re.findall(r"```sql[^\n]*\n(.*?)```", PAGE.read_text(), re.DOTALL)
    query = re.sub(r"\{.*?\}", repr(every_column()), query).replace("'ledger/", f"'{tmp_path}/")
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT kind, count(*) FROM ({query}) GROUP BY kind ORDER BY kind"
        ).fetchall()
    assert dict(rows)["seen"] == 9
    assert dict(rows)["outcome"] > 0


def test_duckdb_reads_a_days_file_as_it_lies(tmp_path):
    (file,) = write(tmp_path, minutes(3))
    with file.open("ab") as torn:
        torn.write(pack(minute())[:100])
    with duckdb.connect() as connection:
        (seen, sent, dropped) = connection.execute(
            "SELECT count(*), sum(points_sent), count(points_dropped['full']) FROM read_json(?, columns = "
            f"{every_column()!r}, format = 'newline_delimited', ignore_errors = true) WHERE kind = 'seen'",
            [str(file)],
        ).fetchone()
    assert (seen, sent, dropped) == (9, 3 * 110, 0)


def test_the_page_names_every_field():
    named = set(re.findall(r"`([a-z0-9_]+)`", PAGE.read_text()))
    for kind in (Seen, Outcome, Talker):
        assert columns(kind).keys() <= named | {"name"}
