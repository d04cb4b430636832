from __future__ import annotations

import numpy as np

from nrdot.batch import Counter, Table


def test_room_is_made_once_for_many_newcomers_and_nothing_that_was_there_moves():
    table = Table(4)
    rows = [table.open_row(pid, 10 * pid) for pid in range(1, 5)]
    table.counters[Counter.READ, rows] = [1, 2, 3, 4]
    table.reserve(100)
    capacity = table.capacity
    more = [table.open_row(pid, 0) for pid in range(5, 105)]
    assert table.capacity == capacity < 104 * 1.25
    assert sorted(rows + more) == list(range(104))
    assert table.counters[Counter.READ, rows].tolist() == [1, 2, 3, 4]
    assert not table.counters[:, more].any()
    assert {len(column) for column in (table.pid, table.identity, table.cgroup, table.base[0])} == {capacity}


def test_room_that_is_there_is_not_made_again():
    table = Table(16)
    pid = table.pid
    table.reserve(16)
    assert table.pid is pid


def test_a_table_that_grows_one_by_one_keeps_an_eighth_to_spare():
    table, grown = Table(8), 0
    for pid in range(1, 3001):
        before = table.capacity
        table.open_row(pid, 0)
        grown += table.capacity != before
    assert np.count_nonzero(table.alive) == 3000
    assert table.capacity < 3000 * 1.13 + 1
    assert grown < 60
