"""Descriptors that run out in the middle of a sample: somebody uses more than we left."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager

import pytest

from nrdot.batch import Counter, Gauge
from nrdot.sample.files import RETREAT
from nrdot.testing.hosts.sampled import SampledHost


@contextmanager
def exhausted(files, left=1):
    """Nobody gets a descriptor any more but for `left` of them, which is what the spare one gives way to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    while not taken or taken[-1] < files._spare:
        taken.append(os.open(os.devnull, os.O_RDONLY))
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files._spare + left, hard))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)


def answers(host):
    table = host.table
    return {
        pid: (
            table.counters[:, host.row(pid)].tolist(),
            table.gauges[:, host.row(pid)].tolist(),
            table.identity[host.row(pid)],
        )
        for pid in host.known()
    }


def history(host, sample):
    for pid in range(100, 110):
        host.proc.add(pid, f"p{pid}")
    host.sample()
    host.sample()
    seen = []
    for tick in range(6):
        host.proc.run(100 + tick, user=3, written=4096)
        host.proc.add(200 + tick, "late", user=2)
        host.proc.replace_program(109, f"exec{tick}")
        if tick == 3:
            host.proc.remove(108)
        sample(tick)
        seen.append(answers(host))
    return seen


def test_the_answers_are_those_of_a_process_that_has_enough():
    with SampledHost() as enough, SampledHost() as few:
        shorts = []

        def short_sample(tick):
            few.clock.advance(15)
            few.proc.advance(15)
            few.proc.run(5_000_000)
            if tick % 2:
                with exhausted(few.source._files):
                    shorts.append(few.source.sample().short)
            else:
                assert few.source.sample().short == 0

        assert history(few, short_sample) == history(enough, lambda _tick: enough.sample())
        assert len(shorts) == 3
        assert all(shorts)


def test_a_shortage_leaves_more_descriptors_to_the_others_of_this_process():
    with SampledHost(descriptors=1000) as host:
        for pid in range(100, 200):
            host.proc.add(pid, "a")
        host.sample()
        for _ in range(2):
            for pid in range(100, 200):
                host.proc.run(pid)
            host.sample()
        kept = host.source._files.kept
        host.proc.add(300, "b")
        host.clock.advance(15)
        with exhausted(host.source._files):
            host.source.sample()
        host.sample()
        assert host.source._files.kept <= kept - RETREAT
        assert 300 in host.known()


@pytest.mark.parametrize("late", [False, True])
def test_what_cannot_be_read_at_all_is_read_at_the_next_sample(late):
    with SampledHost(descriptors=0) as host:
        host.proc.add(42, "a", rss=4096)
        host.sample()
        host.sample()
        host.proc.run(42, user=5, rss=8192)
        if late:
            host.proc.add(43, "b")
        with exhausted(host.source._files, left=0):
            batch = host.source.sample()
        assert batch.short > 0
        assert batch.died.size == 0
        host.sample()
        assert host.delta(42, Counter.CPU_USER) == 5
        assert host.gauge(42, Gauge.RSS) == 4096 + 8192
        assert (43 in host.known()) == late
