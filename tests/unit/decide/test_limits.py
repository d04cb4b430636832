"""Pods near what they may use: their processes are shown before they are throttled or killed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nrdot.batch import Gauge, Owner
from nrdot.decide.budget import SeriesBudget
from nrdot.decide.limits import PodLimits
from nrdot.decide.policy import Policy
from nrdot.decide.rules import Rules
from nrdot.stages import Reason, Verdict
from nrdot.testing.hosts.invented import InventedHost

MIB = 1 << 20
RULES = Rules(threshold=0.6, top_cpu=0, top_memory=0, top_io=0, hold=60.0, grace=0.0)
POD = Owner(pod_uid="pod-1", memory_limit=100 * MIB)


class Pods:
    """A host of which the first four processes are one pod."""

    def __init__(self, owner: Owner) -> None:
        self.host = InventedHost()
        for number in range(20):
            self.host.begin(100 + number, f"worker-{number}")
        self.policy = Policy(
            [RULES], SeriesBudget(0, reserved=0, points=7), export_interval=60.0, interval=15.0
        )
        self.owner = owner
        self.sizes = dict.fromkeys(range(100, 104), MIB)
        self.cores: dict[int, float] = {}

    def step(self):
        batch = self.host.sample()
        table = batch.table
        for process in self.host.processes:
            if process.pid in self.sizes:
                table.identity[process.row] = replace(table.identity[process.row], owner=self.owner)
                table.gauges[Gauge.RSS, process.row] = self.sizes[process.pid]
                table.cpu[process.row] = self.cores.get(process.pid, 0.0)
            table.score[process.row] = 0.1
        return self.policy.decide(batch)

    def near(self) -> set[int]:
        table = self.host.table
        return {one.pid for one in self.host.processes if table.reason[one.row] == Reason.LIMIT}

    def kept(self) -> set[int]:
        table = self.host.table
        return {one.pid for one in self.host.processes if table.verdict[one.row] == Verdict.KEEP}


def test_a_pod_that_comes_near_its_limit_is_shown_at_that_very_sample() -> None:
    pods = Pods(POD)
    pods.step()
    assert pods.step() is None
    pods.sizes = dict.fromkeys(range(100, 104), 23 * MIB)  # 92 of 100 MiB together
    due = pods.step()
    assert due is not None
    assert {int(pods.host.table.pid[row]) for row in due} == {100, 101, 102, 103}
    assert pods.near() == {100, 101, 102, 103}


def test_each_process_alone_may_be_far_from_it() -> None:
    pods = Pods(POD)
    pods.step()
    pods.sizes[100] = 80 * MIB
    assert pods.step() is None
    assert pods.near() == set()
    pods.sizes[101] = 10 * MIB
    pods.step()
    assert pods.near() == {100, 101, 102, 103}


def test_cpu_counts_as_well() -> None:
    pods = Pods(Owner(pod_uid="pod-1", cpu_limit=0.5))
    pods.step()
    pods.cores = {100: 0.3, 101: 0.2}
    pods.step()
    assert pods.near() == {100, 101, 102, 103}


def test_it_stays_for_its_hold_once_there_is_room_again() -> None:
    pods = Pods(POD)
    pods.step()
    pods.sizes = dict.fromkeys(range(100, 104), 23 * MIB)
    due = pods.step()
    pods.host.table.series[due] = True
    pods.sizes = dict.fromkeys(range(100, 104), MIB)
    while (due := pods.step()) is None or due.size:
        pass
    assert pods.kept() == {100, 101, 102, 103}
    assert {Reason(int(pods.host.table.reason[one.row])) for one in pods.host.processes if one.pid < 104} == {
        Reason.HOLD
    }


@pytest.mark.parametrize("owner", [Owner(), Owner(pod_uid="pod-1")])
def test_without_a_limit_nothing_is_near_it(owner: Owner) -> None:
    pods = Pods(owner)
    pods.step()
    pods.sizes = dict.fromkeys(range(100, 104), 10_000 * MIB)
    pods.step()
    assert pods.near() == set()


def test_a_limit_that_arrives_late_counts_from_then_on() -> None:
    pods = Pods(Owner(pod_uid="pod-1"))
    pods.sizes = dict.fromkeys(range(100, 104), 23 * MIB)
    pods.step()
    pods.step()
    pods.owner = POD
    batch = pods.host.sample()
    for row in batch.living.tolist():
        if int(batch.table.pid[row]) in pods.sizes:
            batch.table.identity[row] = replace(batch.table.identity[row], owner=POD)
            batch.table.gauges[Gauge.RSS, row] = 23 * MIB
    named = np.array(
        [row for row in batch.living.tolist() if int(batch.table.pid[row]) in pods.sizes], np.intp
    )
    pods.policy.decide(replace(batch, named=named))
    assert pods.near() == {100, 101, 102, 103}


def test_pods_that_are_gone_are_forgotten_and_those_that_live_are_told_apart_still() -> None:
    pods = Pods(POD)
    limits = PodLimits()
    batch = pods.host.sample()
    rows = batch.living
    for number in range(2000):
        batch.table.identity[int(rows[0])] = replace(
            batch.table.identity[int(rows[0])], owner=Owner(pod_uid=f"short-{number}", memory_limit=MIB)
        )
        batch.table.identity[int(rows[1])] = replace(batch.table.identity[int(rows[1])], owner=POD)
        batch.table.gauges[Gauge.RSS, rows[0]] = 2 * MIB
        batch.table.gauges[Gauge.RSS, rows[1]] = MIB
        named = rows[:2] if number == 0 else rows[:1]
        assert limits.near(replace(batch, named=named)).tolist() == [int(rows[0])]
    assert limits.known < 200
    batch.table.gauges[Gauge.RSS, rows[1]] = 95 * MIB
    assert limits.near(replace(batch, named=rows[:0])).tolist() == rows[:2].tolist()


class Members:
    """Processes of many pods, whose limits are looked at alone."""

    def __init__(self, pods: list[str | None]) -> None:
        self.host = InventedHost()
        for number in range(len(pods)):
            self.host.begin(100 + number, f"worker-{number}")
        self.pods = dict(enumerate(pods))
        self.limits = PodLimits()
        self.sizes: dict[int, int] = {}
        self.cores: dict[int, float] = {}

    def end(self, *numbers: int) -> None:
        for process in self.host.processes:
            if process.pid - 100 in numbers:
                self.host.end(process)

    def near(self) -> set[int]:
        """The numbers of those that are near a limit of their pod, half a core or 100 MiB."""
        batch = self.host.sample()
        table = batch.table
        number_of = {process.row: process.pid - 100 for process in self.host.processes}
        for row, number in number_of.items():
            pod = self.pods.get(number)
            owner = Owner(pod_uid=pod, cpu_limit=0.5, memory_limit=100 * MIB) if pod else Owner()
            table.identity[row] = replace(table.identity[row], owner=owner)
            table.gauges[Gauge.RSS, row] = self.sizes.get(number, MIB)
            table.cpu[row] = self.cores.get(number, 0.01)
        return {number_of[row] for row in self.limits.near(batch).tolist()}


def test_of_two_pods_only_the_one_that_is_near_its_limit_is_told() -> None:
    members = Members(["one", "one", "two", None])
    assert members.near() == set()
    members.cores = {0: 0.3, 1: 0.2}
    assert members.near() == {0, 1}
    members.cores, members.sizes = {}, {2: 95 * MIB, 3: 1000 * MIB}
    assert members.near() == {2}


def test_a_pod_that_ended_leaves_the_others_as_they_were() -> None:
    members = Members(["one", "two"])
    members.near()
    members.end(1)
    members.sizes = {0: 95 * MIB}
    assert members.near() == {0}


def test_pods_keep_their_processes_while_the_host_gets_more_of_them() -> None:
    members = Members(["one", "one", "two"])
    members.near()
    for number in range(3, 300):
        members.host.begin(100 + number, f"worker-{number}")
    members.sizes = {0: 95 * MIB}
    assert members.near() == {0, 1}


def test_where_every_process_is_of_a_pod_and_most_pods_end_those_that_live_are_told_apart() -> None:
    members = Members([f"pod-{number}" for number in range(300)])
    members.near()
    assert members.limits.known == 300
    members.end(*range(2, 300))
    members.sizes = {0: 95 * MIB}
    assert members.near() == {0}
    assert members.limits.known == 2
    members.sizes = {1: 95 * MIB}
    assert members.near() == {1}
