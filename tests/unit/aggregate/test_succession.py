"""What goes on when another configuration's aggregator takes over, and what ends."""

from __future__ import annotations

import numpy as np
import pytest

from nrdot.aggregate.quiet import Quiet
from nrdot.batch import Counter, Gauge
from nrdot.testing.stages.rolled_up import RolledUp

MINUTE_NS = 60 * 10**9


def quiet() -> Quiet:
    return Quiet(120.0, lambda count: np.zeros(count, np.bool_))


def test_groups_go_on_with_their_sums_under_the_successor():
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    rolled.baseline()
    rolled.host.run(first, Counter.CPU_USER, 30)
    (before,) = rolled.export().groups
    rolled.succeed()
    rolled.host.run(first, Counter.CPU_USER, 2)
    (after,) = rolled.export().groups
    assert (after.key, after.since_ns, after.opening) == (before.key, before.since_ns, False)
    assert after.counters[Counter.CPU_USER] == 32


def test_what_ended_while_the_configuration_changed_still_goes_to_its_group():
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    rolled.begin(3, "cron")
    rolled.baseline()
    rolled.export()
    rolled.host.run(first, Counter.CPU_USER, 30)
    rolled.baseline()
    rolled.host.end(first)
    rolled.succeed()
    used = {group.name: int(group.counters[Counter.CPU_USER]) for group in rolled.export().groups}
    assert used == {"nginx": 30, "cron": 0}


def test_groups_that_open_under_the_successor_are_none_of_those_before():
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    rolled.baseline()
    rolled.host.run(first, Counter.CPU_USER, 30)
    rolled.export()
    rolled.succeed()
    rolled.begin(3, "cron")
    before, after = rolled.export().groups
    assert (before.name, before.counters[Counter.CPU_USER]) == ("nginx", 30)
    assert (after.name, after.counters[Counter.CPU_USER]) == ("cron", 0)
    assert before.key != after.key


def test_a_clock_that_went_back_while_the_configuration_changed_is_noticed():
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    rolled.kept = {first.pid}
    rolled.baseline()
    rolled.export()
    rolled.succeed()
    rolled.host.time_ns -= MINUTE_NS
    frame = rolled.export()
    assert (frame.opening.tolist(), frame.ending.tolist()) == ([first.row], [first.row])
    assert frame.groups[0].since_ns < frame.time_ns


def test_what_is_kept_by_the_successor_counts_from_the_export_before():
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    rolled.baseline()
    sent = rolled.export()
    rolled.succeed()
    rolled.begin(1, "cron")
    rolled.kept = {first.pid}
    frame = rolled.export()
    assert rolled.host.table.since_ns[first.row] == sent.time_ns
    (other,) = [group for group in frame.groups if group.name == "other"]
    assert other.since_ns == sent.time_ns


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [(True, True, False), (True, False, True), (False, True, True), (False, False, True)],
)
def test_what_was_said_before_need_not_be_said_by_a_successor_that_leaves_out_repetitions(
    before, after, said
):
    rolled = RolledUp(quiet=quiet() if before else None)
    first, *_ = rolled.begin(4, "nginx")
    rolled.kept = {first.pid}
    rolled.baseline()
    rolled.export()
    rolled.succeed(quiet() if after else None)
    assert rolled.export().steady.tolist() == ([first.row] if said else [])


def test_the_end_of_a_group_is_as_far_away_as_before():
    rolled = RolledUp(hold=30.0)
    processes = rolled.begin(3, "nginx")
    rolled.baseline()
    rolled.export()
    for process in processes:
        rolled.host.end(process)
    assert [int(group.gauges[Gauge.PROCESSES]) for group in rolled.export().groups] == [0]
    rolled.succeed()
    ends = [[group.name for group in rolled.export().groups if group.ending] for _ in range(2)]
    assert ends == [[], ["nginx"]]
