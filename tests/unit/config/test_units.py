from __future__ import annotations

import pytest

from nrdot.config.problem import MalformedError
from nrdot.config.values.units import duration, endpoint, offset, proxy, share, size

DAY = 86400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15), ("5m", 300), ("300s", 300), ("1h30m", 5400), ("30d", 30 * DAY),
        ("7 years", 7 * 365 * DAY), ("500ms", 0.5), ("1.5h", 5400), ("2 weeks", 14 * DAY),
        ("1 Day 2 Hours", DAY + 7200),
        ("0", 0), ("0s", 0),
    ],
)  # fmt: skip
def test_a_duration_becomes_seconds(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "15", "s", "-5s", "1,5h", "5 parsecs", "1h30", "5S5", "M", "१s", "9" * 400 + "s"]
)
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(MalformedError) as caught:
        duration(text)
    assert "15s" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "count"),
    [("64MiB", 64 * 2**20), ("1GB", 10**9), ("4096", 4096), ("1.5 kB", 1500), ("2 TiB", 2**41), ("10b", 10)],
)
def test_a_size_becomes_bytes(text, count):
    assert size(text) == count


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1 parsec", "1GBit", "1e9"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(MalformedError):
        size(text)


def test_a_percentage_needs_its_sign():
    assert share("1%") == pytest.approx(0.01)
    assert share("12.5 %") == pytest.approx(0.125)
    with pytest.raises(MalformedError, match="percentage"):
        share("0.01")


def test_a_time_around_an_event_is_signed_seconds():
    assert [offset(text) for text in ("T-24h", "T+0h", "T+1h30m")] == [-DAY, 0, 5400]
    with pytest.raises(MalformedError):
        offset("24h")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318"),
        ("https://otlp.example.com/", "https://otlp.example.com"),
        ("https://example.com/otlp/v1/metrics", "https://example.com/otlp/v1/metrics"),
        ("http://[::1]:4318", "http://[::1]:4318"),
    ],
)
def test_an_http_endpoint_is_kept_as_it_is(text, kept):
    assert endpoint(text) == kept


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("http://collector:4317", "http://collector:4318"),
        ("collector:4317", "http://collector:4318"),
        ("grpc://collector", "http://collector:4318"),
        ("grpcs://collector:443", "https://collector:4318"),
        ("https://[2001:db8::1]:4317", "https://[2001:db8::1]:4318"),
    ],
)
def test_a_grpc_endpoint_is_refused_and_the_http_one_named(text, hint):
    with pytest.raises(MalformedError, match="gRPC") as caught:
        endpoint(text)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "text",
    ["", "collector:4318", "ftp://collector", "http://", "http://:4318", "http://host:port", "http://host:99999",
     "http://[::1", "http://a b/", "http://host/?q=1", "http://user:secret@host"],
)  # fmt: skip
def test_what_is_no_endpoint_is_refused_without_repeating_credentials(text):
    with pytest.raises(MalformedError) as caught:
        endpoint(text)
    assert "secret" not in f"{caught.value.message}{caught.value.hint}"


def test_a_proxy_may_hold_a_password_that_no_message_repeats():
    assert proxy("http://user:secret@proxy:3128") == "http://user:secret@proxy:3128"
    assert proxy("") == ""
    for text in ("socks5://user:secret@proxy", "proxy:3128", "http://proxy:secret"):
        with pytest.raises(MalformedError) as caught:
            proxy(text)
        assert "secret" not in f"{caught.value.message}{caught.value.hint}"
