"""The limit that `explain` names as the one that would keep a process."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nrdot.decide.budget import KEPT_BACK, SeriesBudget


def fits(budget, limit, going, modest):
    """What `Trimming.kept` asks, of each place in the order."""
    budget.limit = limit
    total, new = budget.places(int(np.count_nonzero(going)), now=0.0)
    free = np.where(modest, new - total // KEPT_BACK, new)
    return (np.arange(len(going)) < total) & (going | ((~going).cumsum() <= free))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=14),
    st.integers(1, 9),
    st.integers(0, 30),
    st.integers(0, 4),
)
def test_the_limit_that_is_told_gives_a_place_and_one_less_does_not(crowd, points, reserved, ended):
    going, modest = (np.array(flags) for flags in zip(*crowd, strict=True))
    begun = (~going).cumsum()
    budget = SeriesBudget(0, reserved=reserved, points=points)
    budget.end(ended, now=0.0)
    needed = budget.needed(going, begun, int(np.count_nonzero(going)), modest=modest).tolist()
    for place, limit in enumerate(needed):
        assert fits(budget, limit, going, modest)[place]
        # A limit of 0 would be none.
        assert limit == 1 or not fits(budget, limit - 1, going, modest)[place]
