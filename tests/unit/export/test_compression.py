from __future__ import annotations

import pytest

from nrdot.export.compression import AUTO, MAXIMUM, Link, ladder
from nrdot.testing.delivery.requests import request
from nrdot.testing.servers.otlp import decoded


@pytest.mark.parametrize(
    ("algorithm", "names"),
    [
        ("zstd", ["zstd", "gzip", ""]),
        ("gzip", ["gzip", ""]),
        ("none", [""]),
    ],
)
def test_what_is_tried_and_in_which_order(algorithm, names):
    assert [compressor.name for compressor in ladder(algorithm, None, Link())] == names


@pytest.mark.parametrize("level", [None, 1, 3, MAXIMUM, AUTO])
@pytest.mark.parametrize("algorithm", ["zstd", "gzip", "none"])
def test_every_server_can_read_what_is_written(algorithm, level):
    payload = request(20)
    for compressor in ladder(algorithm, level, Link()):
        assert decoded(compressor.compress(payload), compressor.name) == payload


def test_a_higher_level_is_smaller():
    payload = b"".join(
        request(50, time_ns=1_795_262_400_000_000_000 + tick * 15 * 10**9) for tick in range(10)
    )
    low, maximum = (len(ladder("zstd", level, Link())[0].compress(payload)) for level in (1, MAXIMUM))
    assert maximum < low


def test_without_a_level_a_small_body_is_packed_harder_and_a_large_one_fast():
    for series, level in ((50, 6), (1000, 3)):
        payload = request(series)
        usual, same = (ladder("zstd", one, Link())[0].compress(payload) for one in (None, level))
        other = ladder("zstd", 9 - level, Link())[0].compress(payload)
        assert usual == same != other


def test_the_level_follows_the_link():
    link = Link()
    assert link.level() == 3
    for _ in range(20):
        link.observe(20_000, 10.0)
    assert link.level() == 19
    for _ in range(20):
        link.observe(200_000, 1.0)
    assert link.level() == 9
    for _ in range(20):
        link.observe(5_000_000, 0.5)
    assert link.level() == 3


def test_one_slow_request_makes_no_slow_link():
    link = Link()
    for _ in range(20):
        link.observe(5_000_000, 0.5)
    link.observe(20_000, 10.0)
    assert link.level() == 3


def test_small_requests_and_stopped_clocks_say_nothing_about_the_link():
    link = Link()
    link.observe(100, 10.0)
    link.observe(100_000, 0.0)
    assert link.bytes_per_second is None
