"""What holds for every profile, whatever happens."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nrdot.decide.budget import SeriesBudget
from nrdot.decide.policy import NEWCOMERS, Policy
from nrdot.decide.rules import Rules
from nrdot.stages import Reason, Verdict
from nrdot.testing.hosts.invented import InventedHost

counts = st.integers(0, 8)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32),
    st.builds(
        Rules,
        threshold=st.floats(0, 1.01),
        top_cpu=counts,
        top_memory=counts,
        top_io=counts,
        hold=st.floats(0, 600),
        grace=st.floats(0, 600),
        visible=st.booleans(),
        cpu_coverage=st.sampled_from((0.0, 0.5, 0.9, 1.0)),
    ),
    st.integers(0, 200),
)
def test_the_never_filtered_are_kept_and_the_budget_holds_for_the_others(seed, rules, limit):
    random = Random(seed)
    host = InventedHost()
    budget = SeriesBudget(limit, reserved=0, points=7)
    policy = Policy([rules], budget, export_interval=60.0, interval=15.0)
    for number in range(random.randrange(1, 40)):
        host.begin(number + 10, "worker")
    critical = {number + 10 for number in range(0, 40, 7)}
    next_pid = 1000
    recent: list[tuple[float, set[int]]] = []
    for tick in range(60):
        for process in host.processes:
            if random.random() < 0.05:
                host.end(process)
        for _ in range(random.randrange(4)):
            host.begin(next_pid, "worker")
            critical |= {next_pid} if next_pid % 11 == 0 else set()
            next_pid += 1
        host.live(random)
        batch = host.sample()
        table = batch.table
        for process in host.processes:
            table.score[process.row] = random.random()
            table.never_filtered[process.row] = process.pid in critical
        due = policy.decide(batch)
        if due is None:
            continue
        alive = table.alive & (table.verdict == Verdict.KEEP)
        if due.size:
            assert alive[due].all()
            table.series[due], table.changed[due] = True, False
            recent.append((tick * 15.0, set(table.pid[due].tolist()) - critical))
            continue
        never = batch.living[table.never_filtered[batch.living]]
        assert (table.verdict[never] == Verdict.KEEP).all()
        assert (table.reason[never] == Reason.NEVER_FILTERED).all()
        assert np.count_nonzero(table.reason[batch.living] == Reason.NEW) <= NEWCOMERS
        table.series[:] = alive
        recent.append((tick * 15.0, set(table.pid[batch.living][alive[batch.living]].tolist()) - critical))
        within = set().union(*(pids for when, pids in recent if tick * 15.0 - when <= 1200.0))
        if limit:
            assert len(within) * 7 <= limit
        table.release()
