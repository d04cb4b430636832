"""The limit that `explain` names as the one that would keep a process."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nrdot.batch import Counter
from nrdot.decide.budget import SeriesBudget
from nrdot.decide.rules import Rules
from nrdot.stages import Reason
from nrdot.testing.stages.desk import Desk


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=14),
    st.integers(1, 9),
    st.integers(0, 30),
    st.integers(0, 4),
)
def test_the_limit_that_is_told_gives_a_place_and_one_less_does_not(crowd, points, reserved, ended):
    going, modest, counts = (np.array(flags) for flags in zip(*crowd, strict=True))
    begun, seats, active = (~going).cumsum(), (going | counts).cumsum(), int(np.count_nonzero(going))
    budget = SeriesBudget(0, reserved=reserved, points=points)
    budget.end(ended, now=0.0)
    needed = budget.needed(going, begun, seats, active, modest=modest).tolist()
    for place, limit in enumerate(needed):
        budget.limit = limit
        enough = budget.places(active, now=0.0)
        assert budget.allowed(going, begun, seats, enough, modest=modest)[place]
        budget.limit = limit - 1  # a limit of 0 would be none
        short = budget.places(active, now=0.0)
        assert limit == 1 or not budget.allowed(going, begun, seats, short, modest=modest)[place]


BUSY = Rules(threshold=0.6, top_cpu=3, top_memory=0, top_io=0, hold=90.0, grace=0.0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8))
def test_whatever_comes_and_goes_a_vendor_counts_no_more_than_the_budget_and_who_is_kept_stays(seed, places):
    random = Random(seed)
    desk = Desk(12, rules=BUSY, limit=7 * places)
    billed: dict[int, int] = {}
    waited = dict.fromkeys(range(100, 112), 0)
    for export in range(60):
        for pid in random.sample(range(100, 112), k=3):
            desk.host.run(desk.process(pid), Counter.CPU_USER, random.randrange(500))
            desk.scores[pid] = random.random()
        desk.export()
        billed |= dict.fromkeys(desk.kept(), export)
        active = {pid for pid, last in billed.items() if export - last <= 20}
        assert len(active) <= places
        turned = {pid for pid in waited if desk.reason(pid) == Reason.BUDGET}
        # Of those for whom a vendor counts nothing anew nobody is, until somebody waited for twenty minutes.
        assert not turned & active or max(waited.values()) >= 20
        waited = {pid: waited[pid] + 1 if pid in turned - active else 0 for pid in waited}
