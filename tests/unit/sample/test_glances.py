"""A look at some processes between two samples."""

from __future__ import annotations

import numpy as np
import pytest

from nrdot.batch import Counter, Gauge


def rows(host, *pids):
    return np.array([host.row(pid) for pid in pids], np.intp)


@pytest.fixture
def busy(host):
    """Two processes that have been seen twice."""
    for pid in (42, 43):
        host.proc.add(pid, "job")
    host.sample()
    host.sample()
    return host


def test_only_those_that_are_asked_for_are_written(busy):
    for pid in (42, 43):
        busy.proc.run(pid, user=50)
    batch = busy.source.glance(rows(busy, 42))
    assert batch.moved.tolist() == [busy.row(42)]
    assert (batch.seconds, batch.born.size, batch.named.size, batch.died.size) == (0.0, 0, 0, 0)
    grown = busy.table.counters[Counter.CPU_USER] - busy.table.previous[Counter.CPU_USER]
    assert grown[rows(busy, 42, 43)].tolist() == [50, 0]


def test_the_next_sample_tells_rates_since_the_last_one(busy):
    busy.proc.run(42, user=100)
    for _ in range(2):
        busy.source.glance(rows(busy, 42))
    busy.proc.run(42, user=50)
    busy.sample(after=15)
    assert busy.delta(42, Counter.CPU_USER) == 150
    assert busy.table.cpu[busy.row(42)] == pytest.approx(0.1)


def test_who_ended_waits_for_the_next_sample(busy):
    busy.proc.remove(42)
    gone = rows(busy, 42)
    assert busy.source.glance(gone).moved.size == 0
    assert busy.sample().died.tolist() == gone.tolist()


def test_a_new_parent_is_news_for_the_next_sample_too(busy):
    busy.proc.run(42, user=5)
    busy.proc.change(42, parent=43)
    row = rows(busy, 42)
    assert busy.source.glance(row).moved.size == 0
    assert busy.sample().named.tolist() == row.tolist()


def test_threads_are_left_to_the_sample_which_chooses_the_gate_by_them(busy):
    busy.proc.run(42, user=5)
    busy.proc.change(42, threads=3)
    busy.source.glance(rows(busy, 42))
    assert busy.table.gauges[Gauge.THREADS, busy.row(42)] == 1
    busy.sample()
    assert busy.table.gauges[Gauge.THREADS, busy.row(42)] == 3
