"""Captures that somebody else wrote, and wrongly: what is wrong is told by its line, whatever the file is."""

from __future__ import annotations

import json

import pytest
import zstandard

from nrdot.errors import CaptureError
from nrdot.testing.recordings.capture_lines import BORN, HOST, process, replayed, tick


def test_blank_lines_are_no_ticks_and_still_count_as_lines(capture):
    with pytest.raises(CaptureError, match="line 3"):
        replayed(capture(tick(0), "", "{"))
    assert len(replayed(capture(tick(0), "", tick(1), "  "))) == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2: not a tick of a capture"),
        ("[]", "line 2: not a tick"),
        ('{"v":1,"t":5}', "procs"),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "line 2"),
        (tick(1, v=2), "line 2: a capture of version 2; this NRDOT reads version 1"),
        (tick(1, {"pid": 7, "start": BORN}), "7 is listed as unchanged, but no tick before told"),
        (tick(1, process(), process()), "process 42 is listed twice"),
        (tick(1, process(7, cpu_user=None)), "process 7 has a name but no cpu_user"),
        (tick(1, process(7, cpu_system=None)), "process 7 has a name but no cpu_system"),
        (tick(1, process(7, rss=None)), "process 7 has a name but no rss"),
        (tick(1, process(cpu_user="1")), r"`float \| null`, got `str` - at `\$.procs\[0\].cpu_user`"),
        (tick(1, process(cpu_user=-1)), ">= 0"),
        (tick(1, process(cpu_user=1e300)), "<= "),
        (tick(1, process(rss=1 << 70)), "line 2"),
        (tick(1, process(faults=[1])), "length"),
        (tick(1, process(), host=HOST | {"id": "h2"}), "host h2 in a capture of h1"),
        (tick(1, process(), host=HOST | {"hz": 0}), ">= 1"),
        ('{"v":1,"t":NaN,"procs":[]}', "line 2"),
    ],
)  # fmt: skip
def test_a_broken_line_is_an_error_that_names_file_and_line(capture, line, reason):
    path = capture(tick(0, process()), line, tick(2, process()))
    with pytest.raises(CaptureError, match=reason) as error:
        replayed(path)
    assert str(error.value).startswith(f"{path}, line 2: ")
    assert "\n" not in str(error.value)


def test_half_a_line_at_the_end_of_a_plain_file_is_an_error_too(capture):
    path = capture(tick(0), tick(1))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(CaptureError, match="line 2"):
        replayed(path)


def test_a_last_line_without_its_newline_counts(capture):
    path = capture(tick(0), tick(1))
    path.write_bytes(path.read_bytes()[:-1])
    assert len(replayed(path)) == 2


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_a_capture_without_a_tick_is_an_error(tmp_path, content):
    path = tmp_path / "empty.jsonl"
    path.write_bytes(content)
    with pytest.raises(CaptureError, match="ends before its first tick; record it anew") as told:
        replayed(path)
    assert "line 0" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "reason"), [("missing.jsonl", "No such file"), (".", "a directory is no capture")]
)
def test_a_file_that_cannot_be_read_is_an_error_with_its_reason(tmp_path, name, reason):
    with pytest.raises(CaptureError, match=reason):
        replayed(tmp_path / name)


def test_a_name_that_says_zstd_on_something_else_is_an_error(capture):
    with pytest.raises(CaptureError, match="line 1: not zstd data"):
        replayed(capture(tick(0), name="web.jsonl.zst"))


@pytest.mark.parametrize("frames", [1, 2])
def test_compressed_captures_may_have_one_frame_or_many(tmp_path, frames):
    lines = [json.dumps(tick(number, process())).encode() + b"\n" for number in range(4)]
    path = tmp_path / "web.jsonl.zst"
    step = 4 // frames
    path.write_bytes(
        b"".join(zstandard.compress(b"".join(lines[at : at + step])) for at in range(0, 4, step))
    )  # fmt: skip
    assert len(replayed(path)) == 4


def test_a_line_that_inflates_without_end_is_refused_in_bounded_memory(tmp_path):
    path = tmp_path / "bomb.jsonl.zst"
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    with path.open("wb") as file:
        for _ in range(65):
            file.write(compressor.compress(b" " * (1 << 20)))
        file.write(compressor.flush())
    assert path.stat().st_size < 100_000
    with pytest.raises(CaptureError, match="longer than 64 MiB"):
        replayed(path)
