"""Who is chosen, beside what sorting a list would choose."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nrdot.decide.selection import largest, most_worthy, newest

few = st.integers(0, 5)  # so that many are equal
users = st.lists(st.tuples(few, st.booleans()), max_size=20)


@given(users, st.integers(-1, 8))
def test_the_largest_are_the_first_of_a_list_that_is_sorted_by_use_and_then_by_who_is_kept(users, count):
    usage = np.array([use for use, _ in users], np.int64)
    kept = np.array([one for _, one in users], np.bool_)
    order = sorted(range(len(users)), key=lambda place: (-users[place][0], not users[place][1], place))
    wanted = {place for place in order[: max(count, 0)] if users[place][0]}
    assert set(np.flatnonzero(largest(usage, count, kept)).tolist()) == wanted


@given(st.lists(st.tuples(few, few, st.booleans(), st.booleans()), max_size=20), st.integers(0, 8))
def test_of_the_young_those_are_chosen_first_who_are_kept_and_then_the_youngest(processes, count):
    age = np.array([one[0] for one in processes], np.float64)
    grace = np.array([one[1] for one in processes], np.float64)
    eligible = np.array([one[2] for one in processes], np.bool_)
    kept = np.array([one[3] for one in processes], np.bool_)
    young = [
        (not held, old, place)
        for place, (old, until, able, held) in enumerate(processes)
        if able and old < until
    ]
    wanted = {place for *_, place in sorted(young)[:count]}
    chosen = newest(age, grace, eligible, kept, count)
    assert set(np.flatnonzero(chosen).tolist()) == wanted


@given(st.lists(st.tuples(few, st.booleans(), few), max_size=20))
def test_places_go_by_rank_then_to_who_has_one_then_by_score(processes):
    rank = np.array([one[0] for one in processes], np.int64)
    kept = np.array([one[1] for one in processes], np.bool_)
    score = np.array([one[2] for one in processes], np.float64)
    order = sorted(range(len(processes)), key=lambda place: tuple(-value for value in processes[place]))
    assert most_worthy(rank, kept, score).tolist() == order
