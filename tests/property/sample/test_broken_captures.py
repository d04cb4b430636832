"""Whatever bytes a capture holds, reading it ends in ticks or in one clean error."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
import zstandard
from hypothesis import given, settings

from nrdot.errors import CaptureError
from nrdot.sample.replay import ReplaySource

FULL = {"pid": 42, "start": 10**18, "name": "nginx", "cpu_user": 1.5, "cpu_system": 2.5, "rss": 4096}
FULL |= {"faults": [1, 2], "read": 1, "write": 2, "cgroup": "/a.slice", "labels": {"a": "b"}, "cutime": 1.0}
HOST = {"id": "h1", "cpus": 2, "memory": 1 << 30, "boot": "b"}
SOUND = "".join(
    json.dumps({"v": 1, "t": 10**18 + number, "host": HOST, "procs": [FULL, {**FULL, "pid": 43 + number}]})
    + "\n"
    for number in range(3)
).encode()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(FULL)), inner, max_size=3)
    ),
    max_leaves=4,
)


def exhaust(path: Path) -> None:
    source = ReplaySource(path)
    while True:
        source.sample()


def read(data: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        with pytest.raises((StopIteration, CaptureError)) as ended:
            exhaust(path)
        if ended.type is CaptureError:
            assert str(ended.value).startswith(str(path))
            assert "\n" not in str(ended.value)


@given(at=st.integers(0, len(SOUND) - 1), junk=st.binary(max_size=4), cut=st.integers(0, 4))
@settings(max_examples=150, deadline=None)
def test_bytes_that_are_broken_give_ticks_or_a_clean_error(at, junk, cut):
    read(SOUND[:at] + junk + SOUND[at + cut :], "c.jsonl")


@given(at=st.integers(0, 10_000), junk=st.binary(min_size=1, max_size=2))
@settings(max_examples=80, deadline=None)
def test_compressed_bytes_that_are_broken_give_ticks_or_a_clean_error(at, junk):
    data = b"".join(zstandard.compress(line + b"\n") for line in SOUND.splitlines())
    at %= len(data)
    read(data[:at] + junk + data[at + len(junk) :], "c.jsonl.zst")


@given(fields=st.dictionaries(st.sampled_from(sorted(FULL)), JSON, max_size=3))
@settings(max_examples=150, deadline=None)
def test_values_of_any_kind_give_ticks_or_a_clean_error(fields):
    line = json.dumps({"v": 1, "t": 10**18 + 9, "host": HOST, "procs": [FULL | fields]})
    read(SOUND + line.encode() + b"\n", "c.jsonl")
