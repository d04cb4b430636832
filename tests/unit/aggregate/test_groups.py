"""Which group a process's sums go to, and how many groups there are."""

from __future__ import annotations

import numpy as np
import pytest

from nrdot.aggregate.aggregator import ExactAggregator
from nrdot.aggregate.groups import Groups
from nrdot.batch import Counter, Gauge
from nrdot.stages import Reason, Verdict
from nrdot.testing.clock import ManualClock
from nrdot.testing.host import InventedHost

CLASSES = {1: "web", 2: "database"}


class Bench:
    def __init__(
        self, *, limit: int = 16, hold: float = 120.0, chain: tuple[str, ...] = ("executable",)
    ) -> None:
        self.host = InventedHost()
        self.clock = ManualClock()
        self.groups = Groups(chain, lambda number: CLASSES.get(number, ""), limit=limit, hold=hold)
        self.aggregator = ExactAggregator(self.groups, self.clock)
        self.kept = set()
        self.classes = {}

    def begin(self, count: int, name: str, **words) -> list:
        first = 100 + len(self.host.processes)
        return [self.host.begin(first + number, name, **words) for number in range(count)]

    def baseline(self) -> None:
        self._sample(None)

    def export(self):
        return self._sample(np.zeros(0, np.intp))

    def _sample(self, due):
        self.clock.advance(15)
        batch = self.host.sample()
        table = batch.table
        for process in self.host.processes:
            table.class_id[process.row] = self.classes.get(process.pid, 0)
            keep = process.pid in self.kept
            table.verdict[process.row] = Verdict.KEEP if keep else Verdict.ROLL_UP
        frame = self.aggregator.aggregate(batch, due)
        if due is not None:
            table.release()
        return frame

    def members(self) -> dict[str, int]:
        return {
            group.name: int(group.gauges[Gauge.PROCESSES])
            for group in self.export().groups
            if not group.ending
        }


def test_three_processes_that_share_a_name_open_a_group_and_two_do_not():
    bench = Bench()
    bench.begin(3, "nginx")
    bench.begin(2, "cron")
    bench.baseline()
    assert bench.members() == {"nginx": 3, "other": 2}


def test_below_three_they_join_the_group_of_their_class():
    bench = Bench()
    for number, name in enumerate(("nginx", "caddy", "haproxy")):
        bench.classes[bench.begin(1, name)[0].pid] = 1
        assert number < 3
    bench.begin(1, "cron")
    bench.baseline()
    assert bench.members() == {"web": 3, "other": 1}


def test_kernel_threads_are_one_group_from_the_first_on():
    bench = Bench()
    bench.begin(1, "kthreadd", kernel=True)
    bench.begin(1, "kworker/0:1", kernel=True)
    bench.begin(3, "nginx")
    bench.baseline()
    assert bench.members() == {"kernel": 2, "nginx": 3}


def test_there_are_never_more_groups_than_the_profile_allows():
    bench = Bench(limit=6)
    for number in range(20):
        bench.begin(3 + number, f"program-{number}")
    bench.baseline()
    members = bench.members()
    assert len(members) <= 6
    assert set(members) == {"program-19", "program-18", "program-17", "program-16", "other"}


def test_a_group_stays_open_until_it_has_been_empty_for_the_hold_time():
    bench = Bench(hold=50.0)
    processes = bench.begin(3, "nginx")
    bench.begin(3, "cron")
    bench.baseline()
    bench.export()
    for process in processes:
        bench.host.end(process)
    assert bench.members() == {"nginx": 0, "cron": 3}
    for _ in range(3):
        assert "nginx" in bench.members()
    ended = [group for group in bench.export().groups if group.ending]
    assert [group.name for group in ended] == ["nginx"]
    assert bench.members() == {"cron": 3}


def test_an_open_group_that_shrinks_below_three_goes_on():
    bench = Bench()
    processes = bench.begin(3, "nginx")
    bench.baseline()
    bench.export()
    bench.host.end(processes[0])
    assert bench.members() == {"nginx": 2}


def test_a_chain_takes_the_first_key_that_a_process_has():
    from nrdot.batch import Owner

    bench = Bench(chain=("namespace", "executable"))
    bench.begin(3, "java", owner=Owner(namespace="payments"))
    bench.begin(3, "java")
    bench.baseline()
    frame = bench.export()
    assert {(group.kind, group.name) for group in frame.groups} == {
        ("namespace", "payments"),
        ("executable", "java"),
    }


def test_two_hundred_postgres_backends_sum_private_memory_beside_resident_memory():
    bench = Bench()
    shared, private = 8 << 30, 12 << 20
    backends = bench.begin(200, "postgres")
    for process in backends:
        process.rss = shared + private
    bench.baseline()
    for process in backends:
        bench.host.table.gauges[Gauge.SHARED, process.row] = shared
    (group,) = bench.export().groups
    assert group.gauges[Gauge.RSS] == 200 * (shared + private)
    assert group.gauges[Gauge.PRIVATE] == 200 * private


def test_cpu_of_children_that_nobody_saw_goes_to_the_group_of_their_parent_even_when_that_is_kept():
    bench = Bench()
    make, *_ = bench.begin(4, "make")
    bench.kept = {make.pid}
    bench.baseline()
    bench.host.run(make, Counter.CHILD_USER, 700)
    bench.host.run(make, Counter.CPU_USER, 5)
    frame = bench.export()
    (group,) = frame.groups
    assert group.counters[Counter.CPU_USER] == 700
    assert group.counters[Counter.CHILD_USER] == 0


def test_what_no_member_can_read_is_unknown_and_not_zero():
    bench = Bench()
    for process in bench.begin(3, "nginx"):
        process.limited = True
    bench.baseline()
    (group,) = bench.export().groups
    assert group.limited
    assert group.gauges[Gauge.SWAP] == -1


def test_names_of_processes_that_are_gone_do_not_fill_the_memory():
    bench = Bench()
    bench.begin(3, "nginx")
    bench.baseline()
    for number in range(400):
        process = bench.host.begin(5000, f"job-{number}")
        bench.export()
        bench.host.end(process)
    assert len(bench.groups._keys) < 200


@pytest.mark.parametrize("reason", [Reason.ANOMALY, Reason.NEVER_FILTERED])
def test_an_urgent_export_of_news_shows_the_process_and_its_group_only(reason):
    bench = Bench()
    first, *_ = bench.begin(4, "nginx")
    bench.begin(4, "cron")
    bench.baseline()
    bench.export()
    bench.host.run(first, Counter.CPU_USER, 30)
    bench.kept = {first.pid}
    bench.host.table.reason[first.row] = reason
    frame = bench._sample(np.array([first.row]))
    assert frame.opening.tolist() == [first.row]
    assert not frame.whole
    assert [(group.name, int(group.gauges[Gauge.PROCESSES])) for group in frame.groups] == [("nginx", 3)]


def test_an_urgent_export_of_a_large_consumer_shows_no_group_that_says_nothing_of_it():
    bench = Bench()
    first, *_ = bench.begin(4, "nginx")
    bench.baseline()
    bench.export()
    bench.kept = {first.pid}
    bench.host.table.reason[first.row] = Reason.TOP_CPU
    frame = bench._sample(np.array([first.row]))
    assert frame.opening.tolist() == [first.row]
    assert frame.groups == ()
