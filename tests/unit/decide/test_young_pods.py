"""New pods stay visible for their grace, whatever the profile says of new processes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nrdot.batch import Owner
from nrdot.decide.budget import SeriesBudget
from nrdot.decide.policy import POD_NEWCOMERS, Policy
from nrdot.decide.rules import Rules
from nrdot.stages import Reason
from nrdot.testing.hosts.invented import START_NS, InventedHost

RULES = Rules(threshold=0.6, top_cpu=0, top_memory=0, top_io=0, hold=0.0, grace=0.0)
MINUTE_NS = 60_000_000_000


class World:
    """Processes that the agent found running; those of one pod know when it was made."""

    def __init__(self, *, members: int = 4, grace: float = 300.0, age_ns: int = MINUTE_NS) -> None:
        self.host = InventedHost()
        self.owner = Owner(pod_uid="pod-1", pod_born_ns=START_NS - age_ns)
        self.members = set(range(100, 100 + members))
        for number in range(members + 20):
            self.host.begin(100 + number, f"worker-{number}")
        self.policy = Policy(
            [RULES],
            SeriesBudget(0, reserved=0, points=7),
            export_interval=15.0,
            interval=15.0,
            pod_grace=grace,
        )

    def young(self) -> int:
        """How many are kept as new, after one more sample."""
        batch = self.host.sample()
        for process in self.host.processes:
            if process.pid in self.members:
                identity = batch.table.identity[process.row]
                batch.table.identity[process.row] = replace(identity, owner=self.owner)
        self.policy.decide(replace(batch, named=batch.living))
        return int(np.count_nonzero(batch.table.reason[batch.living] == Reason.NEW))


def test_processes_of_a_new_pod_are_kept_until_its_grace_is_over() -> None:
    world = World()
    assert [world.young() for _ in range(3)][1:] == [4, 4]
    for _ in range(20):
        last = world.young()
    assert last == 0


def test_a_pod_that_is_older_and_a_host_without_pods_are_as_before() -> None:
    for world in (World(age_ns=10 * MINUTE_NS), World(grace=0.0)):
        assert [world.young() for _ in range(3)] == [0, 0, 0]


def test_there_is_an_end_to_how_many_are_kept_for_it() -> None:
    world = World(members=POD_NEWCOMERS + 50)
    world.young()
    assert world.young() == POD_NEWCOMERS


def test_the_never_filtered_of_a_new_pod_take_no_place_of_its_others():
    world = World(members=POD_NEWCOMERS + 1)
    world.young()
    never = world.host.processes[0]
    world.host.table.never_filtered[never.row] = True
    assert world.young() == POD_NEWCOMERS
    assert world.host.table.reason[never.row] == Reason.NEVER_FILTERED


def test_a_process_of_a_new_pod_is_kept_from_its_second_look_on():
    world = World()
    world.young()
    late = world.host.begin(900, "late")
    world.members.add(900)
    assert world.young() == 4
    assert world.young() == 5
    assert world.host.table.reason[late.row] == Reason.NEW


def test_a_process_without_a_pod_is_not_young_however_long_the_grace():
    world = World(grace=4e9)  # reaches beyond the time that no pod is known of
    world.young()
    assert world.young() == 4
