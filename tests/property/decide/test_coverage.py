"""The kept processes have their share of every sample, and points stay within what they may be."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nrdot.batch import Counter
from nrdot.decide.allowance import FEWEST, LENT, Allowance
from nrdot.decide.budget import SeriesBudget
from nrdot.decide.policy import Policy
from nrdot.decide.rules import Rules
from nrdot.decide.selection import covering
from nrdot.stages import Verdict
from nrdot.testing.hosts.invented import InventedHost

CPU = [Counter.CPU_USER, Counter.CPU_SYSTEM]
shares = st.sampled_from((0.3, 0.5, 0.9, 0.99, 1.0))


def replayed(seed, share, hold, look):
    """Forty samples of a host where processes begin, work, sleep and end; `look` after each verdict."""
    random = Random(seed)
    host = InventedHost()
    policy = Policy(
        [Rules(0.6, 2, 1, 1, hold=hold, grace=0.0, cpu_coverage=share)],
        SeriesBudget(0, reserved=0, points=7),
        export_interval=60.0,
        interval=15.0,
    )
    for number in range(random.randrange(3, 50)):
        host.begin(10 + number, "worker")
    next_pid, verdicts = 1000, []
    for _ in range(40):
        for process in host.processes:
            if random.random() < 0.05:
                host.end(process)
            elif random.random() < 0.4:
                host.run(process, random.choice(CPU), random.choice((0, 1, 1, 2, 5, 300)))
        for _ in range(random.randrange(3)):
            host.begin(next_pid, "worker")
            next_pid += 1
        batch = host.sample()
        table = batch.table
        due = policy.decide(batch)
        if not batch.first:
            look(batch)
        verdicts.append(
            (None if due is None else due.tolist(), table.verdict.tolist(), table.reason.tolist())
        )
        if due is None:
            continue
        rows = due if due.size else np.flatnonzero(table.alive | table.dead)
        table.series[rows] = table.alive[rows] & (table.verdict[rows] == Verdict.KEEP)
        table.changed[rows] = False
        if not due.size:
            table.release()
    return verdicts


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), shares, st.sampled_from((0.0, 60.0, 600.0)))
def test_the_kept_have_their_share_of_every_sample_of_processes_seen_at_both_of_its_ends(seed, share, hold):
    def look(batch):
        table = batch.table
        rows = batch.living[table.observations[batch.living] > 1]
        used = (table.counters - table.previous)[CPU][:, rows].sum(axis=0)
        kept = int(used[table.verdict[rows] == Verdict.KEEP].sum())
        assert kept >= share * int(used.sum()) - 1e-6

    replayed(seed, share, hold, look)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), shares)
def test_the_same_host_gets_the_same_verdicts(seed, share):
    assert replayed(seed, share, 60.0, id) == replayed(seed, share, 60.0, id)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.floats(0, 5), st.booleans()), max_size=30),
    st.floats(0, 1),
)
def test_those_named_have_the_share_and_would_not_have_it_without_the_least_of_them(users, share):
    used = np.array([one[0] for one in users], np.int64)
    usual = np.array([one[1] for one in users])
    kept = np.array([one[2] for one in users], np.bool_)
    ours, others = covering(used, usual, kept, share)
    assert kept[ours].all()
    assert not kept[others].any()
    wanted = share * int(used.sum()) - 1e-6
    named = np.concatenate([ours, others])
    assert len(set(named.tolist())) == len(named)
    assert int(used[named].sum()) >= wanted
    if others.size:
        assert set(ours.tolist()) == set(np.flatnonzero(kept & (used > 0)).tolist())
    if named.size:
        assert int(used[named[:-1]].sum()) < wanted + 2e-6
    for group in (ours, others):
        pairs = list(zip(-used[group], -usual[group], strict=True))
        assert pairs == sorted(pairs)


@given(
    st.floats(0.01, 0.9),
    st.lists(st.tuples(st.integers(0, 900), st.floats(0, 1), st.integers(0, 30)), min_size=1, max_size=60),
)
def test_whoever_keeps_to_the_places_pays_no_more_than_was_earned(share, exports):
    allowance = Allowance(share, points=7, export_interval=60.0)
    earned = LENT * share * FEWEST * 7
    paid = 0
    for processes, wish, between in exports:
        allowance.earn(processes)
        earned += share * max(processes, FEWEST) * 7
        kept = int(wish * allowance.places())
        allowance.settle(kept)
        allowance.pay(7 * kept)
        begun = min(between, allowance.newcomers())
        allowance.pay(2 * 7 * begun)
        paid += 7 * kept + 2 * 7 * begun
        assert paid <= earned + 1e-6
