from __future__ import annotations

import pytest

from nrdot.errors import Permanent, Retryable
from nrdot.export.answer import Answer, judge, retry_after

NOON_NS = 1_795_262_400_000_000_000  # Sat, 21 Nov 2026 12:00:00 GMT
AT_FIVE_PAST = "Sat, 21 Nov 2026 12:05:00 GMT"


def asked(value, **headers):
    return retry_after(Answer(503, {"retry-after": value, **headers}, b""), NOON_NS)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        (AT_FIVE_PAST, 300.0),
        ("Saturday, 21-Nov-26 12:05:00 GMT", 300.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("9" * 5000, 999_999_999.0),
    ],
)
def test_seconds_and_dates_are_understood(value, seconds):
    assert asked(value) == seconds


@pytest.mark.parametrize(
    "value",
    ["", "soon", "-5", "1.5", "0x10", "\u0661", "Sat, 99 Nov 2026 12:05:00 GMT", "Sat, 21 Nov 99999 0:0:0"],
)
def test_garbage_asks_for_nothing(value):
    assert asked(value) is None


@pytest.mark.parametrize("ours_ns", [NOON_NS, NOON_NS - 3600 * 10**9, NOON_NS + 365 * 86_400 * 10**9])
def test_a_date_is_measured_by_the_clock_of_the_server(ours_ns):
    headers = {"retry-after": AT_FIVE_PAST, "date": "Sat, 21 Nov 2026 12:04:00 GMT"}
    assert retry_after(Answer(503, headers, b""), ours_ns) == 60.0


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_a_passing_trouble_carries_what_the_server_asks_for(status):
    with pytest.raises(Retryable) as caught:
        judge(Answer(status, {"retry-after": "9"}, b""), 1, NOON_NS)
    assert caught.value.delay == 9.0
    assert not caught.value.alarm


@pytest.mark.parametrize("status", [400, 409, 422, 500, 599])
def test_what_may_be_the_fault_of_the_data_is_permanent(status):
    with pytest.raises(Permanent) as caught:
        judge(Answer(status, {}, b""), 1, NOON_NS)
    assert not caught.value.too_large


def test_the_words_of_a_server_are_cut_and_printable():
    body = b"no\r\n\x1b[31m\x00" + b"x" * 10_000
    with pytest.raises(Permanent) as caught:
        judge(Answer(400, {"content-type": "text/plain"}, body), 1, NOON_NS)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_the_message_of_a_json_error_is_quoted():
    answer = Answer(403, {"content-type": "application/json"}, b'{"code": 7, "message": "wrong tenant"}')
    with pytest.raises(Retryable, match="wrong tenant"):
        judge(answer, 1, NOON_NS)
