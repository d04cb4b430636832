"""The table of a minute: what is added by cell comes out whole, and once."""

from __future__ import annotations

import numpy as np

from nrdot.ledger.cells import NOBODY
from nrdot.ledger.sums import Sum, Sums


def told(sums):
    return {
        cell: {Sum(entry): value for entry, value in enumerate(line) if value} for cell, line in sums.close()
    }


def test_sums_come_out_by_cell_as_whole_numbers_and_begin_anew():
    sums = Sums()
    sums.add(Sum.BYTES_SENT, np.array([0, 0, 2**53 - 1]))
    sums.add(Sum.PROCESS_MILLISECONDS, np.array([0, 14_999.9996]))
    sums.add_one(Sum.POINTS_SENT, 1, 7)
    sums.add_one(Sum.POINTS_SENT, 1, 7)
    assert told(sums) == {
        1: {Sum.PROCESS_MILLISECONDS: 15_000, Sum.POINTS_SENT: 14},
        2: {Sum.BYTES_SENT: 2**53 - 1},
    }
    assert told(sums) == {}


def test_there_is_room_for_any_number_of_cells():
    sums = Sums()
    sums.add_one(Sum.HOURLY_SENT, 100, 3)
    sums.add(Sum.HOURLY_SENT, np.arange(1000))
    assert told(sums)[100] == {Sum.HOURLY_SENT: 103}
    assert len(told(sums)) == 0


def test_what_is_nobodys_is_not_told():
    sums = Sums()
    sums.add(Sum.RSS_SECONDS, np.array([5.0]))
    assert NOBODY == 0
    assert told(sums) == {}
