from __future__ import annotations

import pytest

from nrdot.export.protobuf import halves, status_message
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
