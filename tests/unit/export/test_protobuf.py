from __future__ import annotations

import pytest

from nrdot.export.protobuf import halves, partial_success, status_message
from nrdot.testing.delivery.requests import pids, request


@pytest.mark.parametrize("processes", [2, 3, 10, 101])
def test_a_request_is_cut_between_resources_into_two_of_about_the_same_size(processes):
    one, other = halves(request(processes))
    assert pids(one) + pids(other) == list(range(1, processes + 1))
    assert abs(len(pids(one)) - len(pids(other))) <= 1


def test_a_single_resource_cannot_be_cut():
    assert halves(request(1)) is None
    assert halves(b"") is None


def test_bytes_that_are_no_request_cannot_be_cut():
    whole = request(2)
    assert halves(whole[:-1]) is None
    assert halves(b"\xff" * 40) is None
    assert halves(b"\x0a") is None


def test_unknown_fields_travel_along():
    # varint, eight bytes, four bytes, of fields that no request has
    extra = b"\x98\x06\x96\x01" + b"\x99\x06" + bytes(8) + b"\x9d\x06" + bytes(4)
    one, other = halves(extra + request(2))
    assert one + other == extra + request(2)


def test_the_message_of_a_status_is_found():
    assert status_message(b"\x08\x03\x12\x03why") == "why"
    assert status_message(b"") == ""
    assert status_message(b"<html>") == ""
    assert status_message(b"\x12\xff\x01short") == ""


def test_nothing_is_rejected_by_an_answer_that_says_nothing():
    assert partial_success(b"") == (0, "")
    assert partial_success(b"\x0a\x00") == (0, "")


def test_fields_of_another_kind_than_ours_are_not_taken_for_them():
    assert partial_success(b"\x08\x07") == (0, "")  # a number where the message should be
    assert partial_success(b"\x0a\x0e\x0a\x01x\x10\x05\x11" + bytes(7) + b"\x01") == (0, "")


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"\x00", b"\x07\x00", b"\x0a\x05\x08\x01", b"\x0a\x02\x12\x05", b"\x0a\x03\x12\x01\xff"],
    ids=["a page", "nothing", "no field", "cut off", "cut off inside", "no text"],
)
def test_bytes_that_are_no_answer_of_otlp_are_refused(body):
    with pytest.raises(ValueError, match=r"field|wire type|cut off|decode"):
        partial_success(body)
