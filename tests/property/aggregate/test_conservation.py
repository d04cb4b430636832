"""Totals are conserved: what a backend sees is what the table measured, to the last tick and byte."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nrdot.aggregate.aggregator import ExactAggregator
from nrdot.aggregate.balance import Balance, Balanced
from nrdot.aggregate.groups import Groups
from nrdot.aggregate.quiet import Quiet
from nrdot.batch import Counter, Gauge
from nrdot.encode.attributes import Resources
from nrdot.encode.catalogue import NAMES, select
from nrdot.encode.encoder import OtlpEncoder
from nrdot.stages import Reason, Verdict
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.invented import InventedHost
from nrdot.testing.plain.backend import Backend

WORDS = ("nginx", "postgres", "java", "cron", "sh", "python3")
COUNTERS = (
    ("process.cpu.time", {"state": "user"}, Counter.CPU_USER),
    ("process.cpu.time", {"state": "system"}, Counter.CPU_SYSTEM),
    ("process.cpu.time", {"state": "wait"}, Counter.CPU_WAIT),
    ("process.disk.io", {"direction": "read"}, Counter.READ),
    ("process.disk.io", {"direction": "write"}, Counter.WRITTEN),
    ("process.paging.faults", {"type": "minor"}, Counter.FAULTS_MINOR),
    ("process.paging.faults", {"type": "major"}, Counter.FAULTS_MAJOR),
)
NEWS = (Reason.ANOMALY, Reason.LIMIT, Reason.NEVER_FILTERED)
CHILDREN = {Counter.CPU_USER: Counter.CHILD_USER, Counter.CPU_SYSTEM: Counter.CHILD_SYSTEM}


class Run:
    """One agent's pipeline from the table on, with verdicts by chance."""

    def __init__(self, random: Random, host: InventedHost) -> None:
        self.random = random
        self.host = host
        self.clock = ManualClock()
        groups = Groups(("executable",), lambda _: "", limit=random.choice((3, 6, 16)), hold=45.0)
        # Half of the runs leave out what did not change.
        quiet = Quiet(40.0, lambda count: np.zeros(count, np.bool_)) if random.random() < 0.5 else None
        self.balance = Balance()  # the agent's own judgement, beside the backend's
        self.aggregator = Balanced(ExactAggregator(groups, self.clock, quiet=quiet), self.balance)
        self.encoder = OtlpEncoder(select(NAMES), Resources({}), version="0")
        self.backend = Backend()
        self.exports = 0
        self.ordered = True
        self.levels = True

    def step(self, *, full: bool) -> None:
        batch = self.host.sample()
        table = batch.table
        self.clock.advance(self.host.interval)
        due = None
        if not batch.first and full:
            due = np.zeros(0, np.intp)
            for row in batch.living.tolist():
                table.verdict[row] = self.random.choice(
                    (Verdict.KEEP, Verdict.KEEP, Verdict.ROLL_UP, Verdict.ROLL_UP, Verdict.DROP)
                )
        elif not batch.first and batch.living.size and self.random.random() < 0.5:
            count = self.random.randrange(1, 3)
            due = np.unique(np.array(self.random.choices(batch.living.tolist(), k=count), np.intp))
            table.verdict[due] = Verdict.KEEP
        frame = self.aggregator.aggregate(batch, due)
        if frame is None:
            return
        self.backend.receive(self.encoder.encode(batch, frame))
        if full:
            table.release()
            self.exports += 1
            self.check()

    def tell(self, rows: list[int]) -> None:
        """What cannot wait of these, as news."""
        batch = self.host.sample()
        batch.table.verdict[rows] = Verdict.KEEP
        batch.table.reason[rows] = self.random.choice(NEWS)
        frame = self.aggregator.aggregate(batch, np.array(rows, np.intp))
        assert frame is not None
        self.backend.receive(self.encoder.encode(batch, frame))

    def check(self) -> None:
        backend, measured, table = self.backend, self.host.measured, self.host.table
        for metric, attributes, counter in COUNTERS:
            expected = int(measured[counter])
            seen = backend.total(metric, **attributes)
            if metric == "process.cpu.time":
                expected += int(measured[CHILDREN[counter]]) if counter in CHILDREN else 0
                seen = round(seen * 100)
            assert seen == expected, (metric, attributes)
        if self.levels:
            assert backend.level("process.memory.usage") == table.gauges[Gauge.RSS, table.living()].sum()
        assert backend.out_of_order == 0 or not self.ordered
        assert not self.balance.words
        assert self.balance.exports == self.exports


def change(random: Random, host: InventedHost) -> None:
    """Births, deaths, twins on the same pid, renames, new parents."""
    for _ in range(random.randrange(4)):
        free = sorted(set(range(100, 200)) - {process.pid for process in host.processes})
        host.begin(random.choice(free), random.choice(WORDS), kernel=random.random() < 0.1)
    for process in host.processes:
        chance = random.random()
        if chance < 0.08:
            host.end(process)
            if chance < 0.03:
                host.begin(process.pid, process.identity.name)  # the pid is used again at once
        elif chance < 0.12:
            host.rename(process, random.choice(WORDS))


def crowd(random):
    host = InventedHost()
    for pid in range(random.randrange(1, 40)):
        host.begin(pid + 200, random.choice(WORDS))
    host.live(random)
    return host


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_a_backend_sees_what_the_table_measured_whatever_happens_to_processes_and_verdicts(seed):
    random = Random(seed)
    host = crowd(random)
    run = Run(random, host)
    for _ in range(30):
        run.step(full=random.random() < 0.4)
        change(random, host)
        host.live(random)
    run.step(full=True)
    assert run.exports


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_a_process_that_is_news_between_two_exports_is_in_one_gauge_only(seed):
    random = Random(seed)
    host = crowd(random)
    run = Run(random, host)
    run.step(full=True)
    for _ in range(6):
        run.step(full=True)
        for _ in range(3):
            for process in host.processes:
                if random.random() < 0.1 and not host.table.series[process.row]:
                    host.rename(process, random.choice(WORDS))
            count = random.randrange(1, 4)
            run.tell(sorted({process.row for process in random.choices(host.processes, k=count)}))
            resident = sum(process.rss for process in host.processes)
            assert run.backend.level("process.memory.usage") == resident
        change(random, host)
        host.live(random)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_an_agent_that_starts_again_counts_what_it_sees_and_nothing_twice(seed):
    random = Random(seed)
    before = InventedHost()
    for pid in range(20):
        before.begin(pid + 200, random.choice(WORDS))
    first = Run(random, before)
    for _ in range(4):
        first.step(full=True)
        before.live(random)
    first.step(full=True)
    after = InventedHost()
    after.time_ns = before.time_ns + 60_000_000_000
    for process in before.processes:
        after.adopt(process)
    after.live(random)  # while no agent looked
    second = Run(random, after)
    second.backend = backend = first.backend
    second.levels = False  # gauges of the agent that went linger until the backend forgets them
    before.measured = after.measured = before.measured + after.measured
    for _ in range(4):
        second.step(full=True)
        after.live(random)
    assert backend.out_of_order == 0


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_roll_up_counters_never_fall_while_members_come_and_go(seed):
    random = Random(seed)
    host = InventedHost()
    for pid in range(30):
        host.begin(pid + 200, random.choice(WORDS))
    run = Run(random, host)
    for _ in range(25):
        run.step(full=True)
        change(random, host)
        host.live(random)
    rollups = [
        series
        for series in run.backend.series.values()
        if series.monotonic and "nrdot.rollup" in series.resource
    ]
    assert rollups
    for series in rollups:
        lives: list[list[float]] = [[]]
        for _, value in series.samples:
            if value is None:
                lives.append([])
            else:
                lives[-1].append(value)
        for values in lives:
            assert values == sorted(values)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_a_clock_that_steps_back_loses_and_doubles_nothing(seed):
    random = Random(seed)
    host = InventedHost()
    for pid in range(20):
        host.begin(pid + 200, random.choice(WORDS))
    run = Run(random, host)
    for step in range(12):
        run.step(full=True)
        host.live(random)
        if step == 6:
            host.time_ns -= 3_600_000_000_000
            run.ordered = False  # what is sent now is older than what was; the sums are what counts
    for metric, attributes, counter in COUNTERS[:2]:
        expected = int(host.measured[counter]) + int(host.measured[CHILDREN[counter]])
        assert round(run.backend.total(metric, **attributes) * 100) == expected
