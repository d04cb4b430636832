"""Which births of a service are a loop, and of which service they are."""

from __future__ import annotations

import pytest

from nrdot.batch import Owner
from nrdot.testing.stages.watch import Watch


class Services:
    """A detector that watches services begin and end; the clock runs in samples of 15 s."""

    def __init__(self):
        self.watch = Watch()
        self.pid = 1000
        self.processes = {}

    def begin(self, key, name="service", **words):
        self.pid += 1
        self.processes[key] = self.watch.host.begin(self.pid, name, owner=Owner(**words))

    def end(self, key):
        self.watch.host.end(self.processes.pop(key))

    def step(self, samples=1):
        """The keys of the processes that were told of a loop."""
        told = set()
        for _ in range(samples):
            rows = self.watch.detector.observe(self.watch.host.sample()).tolist()
            self.watch.host.table.release()
            told |= {key for key, process in self.processes.items() if process.row in rows}
        return told

    def restart(self, key, samples=1, name="service", **words):
        self.end(key)
        self.begin(key, name, **words)
        return self.step(samples)


@pytest.mark.parametrize("word", ["unit", "container", "pod_uid"])
def test_services_of_one_name_are_told_apart_by_their_owner(word):
    found = []
    for other in ("one", "two"):
        services = Services()
        services.begin("a", **{word: "one"})
        services.step(60)
        services.end("a")  # it lived for long, so who comes after it begins a loop
        services.begin("b", **{word: other})
        told = services.step()
        for _ in range(2):
            told |= services.restart("b", **{word: other})
        found.append(told)
    assert found == [{"b"}, set()]


def test_services_of_one_owner_are_told_apart_by_their_name():
    services = Services()
    services.begin("a", "alpha")
    services.begin("b", "beta")
    services.step(60)
    told = set()
    for _ in range(2):
        told |= services.restart("a", name="alpha") | services.restart("b", name="beta")
    assert told == set()


@pytest.mark.parametrize(("members", "restarts"), [(1, 3), (4, 12)])
def test_a_loop_begins_with_the_third_birth_for_each_that_lives(members, restarts):
    services = Services()
    for number in range(members):
        services.begin(number)
    services.step(60)
    told = [services.restart(number % members) != set() for number in range(restarts)]
    assert told == [False] * (restarts - 1) + [True]


def test_of_a_loop_one_birth_in_two_minutes_is_told():
    services = Services()
    services.begin("a")
    services.step(60)
    told = [number for number in range(30) if services.restart("a")]
    assert told == [2, 10, 18, 26]


@pytest.mark.parametrize(("samples", "looping"), [(20, True), (21, False)])
def test_births_count_for_ten_minutes(samples, looping):
    services = Services()
    services.begin("a")
    services.step(60)
    assert bool(set().union(*(services.restart("a", samples) for _ in range(6)))) is looping


def test_what_the_agent_found_running_is_no_birth_and_its_service_is_known():
    watch = Watch(processes=3)
    watch.live(900)
    told = set()
    for number in range(3):
        watch.host.end(watch.processes[2])
        watch.host.table.release()
        watch.processes[2] = watch.host.begin(300 + number, "service-2")
        told |= watch.step()
    assert told == {2}


def test_a_short_job_is_no_service_however_late_it_comes():
    services = Services()
    services.step(100)
    services.begin("job")
    services.step(4)
    assert set().union(*(services.restart("job", 4) for _ in range(6))) == set()


@pytest.mark.parametrize("uptime", [0, 600])
@pytest.mark.parametrize(("samples", "looping"), [(240, True), (2 * 5760, False)])
def test_a_service_without_a_process_is_remembered_for_a_day(uptime, samples, looping):
    services = Services()
    services.watch.host.interval = 300.0
    services.step(uptime)
    services.watch.host.interval = 15.0
    services.begin("a")
    services.step(60)
    services.end("a")
    services.watch.host.interval = 300.0
    services.step(samples // 20)
    services.watch.host.interval = 15.0
    services.begin("a")
    told = services.step()
    for _ in range(2):
        told |= services.restart("a")
    assert bool(told) is looping


def test_a_process_that_came_into_sight_only_later_is_no_birth():
    services = Services()
    services.begin("a")
    services.step(60)
    told = set()
    for _ in range(4):
        services.end("a")
        services.begin("a")
        batch = services.watch.host.sample()
        batch.table.found[batch.born] = True
        told |= set(services.watch.detector.observe(batch).tolist())
        services.watch.host.table.release()
    assert told == set()
