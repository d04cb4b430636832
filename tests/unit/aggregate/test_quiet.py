"""Which series are left out between heartbeats because nothing changed."""

from __future__ import annotations

import numpy as np
import pytest

from nrdot.aggregate.quiet import Quiet
from nrdot.batch import Counter, Gauge
from nrdot.testing.hosts.invented import InventedHost

SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND


class Said:
    """Two processes of which everything was said at `NOW`."""

    def __init__(self, always: tuple[int, ...] = ()) -> None:
        self.host = InventedHost()
        self.rows = [self.host.begin(pid, "nginx") for pid in (100, 101)]
        self.host.sample()
        self.table = self.host.table
        self.quiet = Quiet(120.0, lambda count: np.isin(np.arange(count), always))
        self.rows = np.array([process.row for process in self.rows])
        self.quiet.sent(self.table, self.rows, NOW)

    def loud(self, seconds: float = 15) -> list[int]:
        return self.quiet.loud(self.table, self.rows, NOW + round(seconds * SECOND)).tolist()


def test_a_series_of_which_nothing_changed_is_left_out():
    assert Said().loud() == []


@pytest.mark.parametrize("counter", [Counter.CPU_USER, Counter.WRITTEN])
def test_only_the_series_whose_counter_grew_speaks(counter):
    said = Said()
    said.table.counters[counter, said.rows[1]] += 1
    assert said.loud() == [said.rows[1]]


@pytest.mark.parametrize("gauge", [Gauge.RSS, Gauge.THREADS, Gauge.SWAP])
def test_only_the_series_whose_level_changed_speaks(gauge):
    said = Said()
    said.table.gauges[gauge, said.rows[0]] += 1
    assert said.loud() == [said.rows[0]]


def test_what_children_used_is_no_news_of_a_series_since_their_group_carries_it():
    said = Said()
    said.table.counters[Counter.CHILD_USER, said.rows[0]] += 50
    assert said.loud() == []


def test_a_silent_series_speaks_at_its_heartbeat_and_an_export_that_is_a_second_early_is_that():
    said = Said()
    assert said.loud(118.999) == []
    assert said.loud(119) == said.rows.tolist()


def test_rows_that_are_exempt_speak_every_time_and_the_others_do_not():
    said = Said(always=(0,))
    assert said.rows[0] == 0
    assert said.loud() == [0]


def test_what_was_said_stays_with_its_row_while_the_table_grows():
    said = Said()
    said.table.counters[Counter.CPU_USER, said.rows] = 7, 9
    said.table.gauges[Gauge.RSS, said.rows] = 4096, 8192
    said.quiet.sent(said.table, said.rows, NOW)
    before = said.table.capacity
    for pid in range(200, 220):
        said.host.begin(pid, "cron")
    for row, (used, resident) in zip(said.host.processes[:2], ((7, 4096), (9, 8192)), strict=True):
        row.counters[Counter.CPU_USER], row.rss = used, resident
    said.host.sample()
    assert said.table.capacity > before
    assert said.loud() == []


def test_the_successor_knows_what_was_said():
    said = Said()
    successor = Quiet(120.0, lambda count: np.zeros(count, np.bool_))
    successor.adopt(said.quiet)
    assert successor.loud(said.table, said.rows, NOW + SECOND).tolist() == []
