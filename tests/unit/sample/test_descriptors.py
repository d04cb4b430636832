from __future__ import annotations

import gc
import resource

import numpy as np
import pytest

from nrdot.sample.files import RESERVED, raise_descriptor_limit
from nrdot.testing.hosts.sampled import SampledHost


def history(host):
    """A few samples in which everything happens, and the columns after each."""
    columns = []
    for pid in range(100, 130):
        host.proc.add(pid, f"p{pid}", threads=1 + pid % 3)
    # From the beginning: the kernel asks for rights at each read, a file of a fake tree when it is opened.
    host.proc.deny(128, "io")
    for tick in range(30):
        for pid in range(100, 130):
            if pid in host.proc.processes and (pid + tick) % 5 == 0:
                host.proc.run(pid, user=1, written=4096, rss=4096)
        if tick % 7 == 3:
            host.proc.exit(100 + tick)
        if tick % 7 == 5:
            host.proc.replace_program(129, f"exec{tick}")
        host.sample()
        order = np.argsort(host.table.pid[host.table.alive])
        columns.append(
            [
                column[..., host.table.alive][..., order].tolist()
                for column in (host.table.pid, host.table.counters, host.table.gauges, host.table.parent)
            ]
        )
    return columns


@pytest.fixture(scope="module")
def unlimited():
    with SampledHost(descriptors=10_000) as host:
        return history(host)


@pytest.mark.parametrize("budget", [0, 1, 2, 3, 5, 20, 40])
def test_a_spent_budget_of_descriptors_changes_no_answer(unlimited, budget):
    with SampledHost(descriptors=budget) as host:
        assert history(host) == unlimited
        assert host.source._files.kept <= budget


def test_descriptors_are_closed_when_processes_end_or_rest():
    with SampledHost(descriptors=1000) as host:
        for pid in range(100, 120):
            host.proc.add(pid, "a")
        for _ in range(3):
            host.sample()  # until words that may still change have been read
        gates = host.source._files.kept - 3  # the agent's own files aside: it moves at every sample
        for pid in range(100, 120):
            host.proc.run(pid)
        host.sample()
        # Three files of each that moved, but for those whose rights are looked at anew.
        assert gates + 3 * 10 < host.source._files.kept <= gates + 3 * 21
        for _ in range(45):
            host.sample()
        assert gates <= host.source._files.kept <= gates + 3
        for pid in range(100, 120):
            host.proc.remove(pid)
        host.sample()
        assert host.source._files.kept <= gates + 3 - 20


@pytest.mark.parametrize("gated", [True, False])
def test_a_sampler_that_is_let_go_keeps_no_descriptor(gated):
    with SampledHost(gated=gated, descriptors=1000) as host:
        for pid in range(100, 120):
            host.proc.add(pid, "a")
            host.proc.run(pid)
        for _ in range(3):
            host.sample()
        files = host.source._files
        assert files.kept > 20
        del host.source, host.table
        gc.collect()
        assert files.kept == 0


def test_the_limit_is_raised_to_the_hard_one_and_some_is_left_to_others():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] // 2, before[1]))
        budget = raise_descriptor_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == before[1]
        assert budget == before[1] - RESERVED
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
