"""Whether exports add up, as the agent itself tells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nrdot.aggregate.aggregator import ExactAggregator
from nrdot.aggregate.balance import Balance, Balanced
from nrdot.aggregate.groups import Groups
from nrdot.batch import Counter
from nrdot.stages import Verdict
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.invented import InventedHost

if TYPE_CHECKING:
    from collections.abc import Callable

    from nrdot.batch import Batch, Rows
    from nrdot.stages import Frame

EVERYTHING = np.zeros(0, np.intp)


class Careless:
    """An aggregator whose frames are tampered with."""

    def __init__(self, inner: ExactAggregator) -> None:
        self._inner = inner
        self.tamper: Callable[[Batch, Frame], Frame] = lambda _batch, frame: frame

    def aggregate(self, batch: Batch, due: Rows | None) -> Frame | None:
        frame = self._inner.aggregate(batch, due)
        return frame and self.tamper(batch, frame)


class World:
    def __init__(self) -> None:
        self.host = InventedHost()
        self.kept = self.host.begin(10, "postgres")
        self.rolled = [self.host.begin(20 + n, "worker") for n in range(4)]
        self.balance = Balance()
        groups = Groups(("executable",), lambda _: "", limit=16, hold=45.0)
        self.careless = Careless(ExactAggregator(groups, ManualClock()))
        self.aggregator = Balanced(self.careless, self.balance)

    def tick(self, due: Rows | None = EVERYTHING) -> None:
        batch = self.host.sample()
        batch.table.verdict[batch.living] = Verdict.ROLL_UP
        batch.table.verdict[self.kept.row] = Verdict.KEEP
        frame = self.aggregator.aggregate(batch, None if batch.first else due)
        if frame is not None and frame.whole:
            batch.table.release()

    def use(self, amount: int) -> None:
        for process in (self.kept, *self.rolled):
            self.host.run(process, Counter.CPU_USER, amount)
            self.host.run(process, Counter.WRITTEN, 4096 * amount)
            self.host.run(process, Counter.CHILD_SYSTEM, 1)


@pytest.fixture
def world() -> World:
    made = World()
    made.tick()
    made.use(5)
    made.tick()
    return made


def test_what_is_sent_is_what_was_measured_over_samples_glances_and_deaths(world: World) -> None:
    world.use(3)
    world.tick(None)
    world.host.end(world.rolled.pop())
    world.use(2)
    world.tick(np.array([world.kept.row], np.intp))
    world.use(1)
    batch = world.host.glance(np.array([world.kept.row], np.intp))
    world.aggregator.aggregate(batch, batch.moved)
    world.use(1)
    world.tick()
    assert (world.balance.exports, world.balance.words) == (2, "")


def test_an_increment_that_is_lost_is_told_by_counter_and_amount(world: World) -> None:
    world.use(7)

    def without_the_kept(_: Batch, frame: Frame) -> Frame:
        return replace(frame, steady=frame.steady[:0])

    world.careless.tamper = without_the_kept
    world.tick()
    assert world.balance.words == "cpu_user by 7, written by 28672"


def test_what_is_lost_adds_up_over_exports(world: World) -> None:
    world.careless.tamper = lambda _batch, frame: replace(frame, steady=frame.steady[:0])
    for amount in (7, 2):
        world.use(amount)
        world.tick()
    assert world.balance.words == "cpu_user by 9, written by 36864"


def test_an_increment_that_is_counted_twice_is_told(world: World) -> None:
    world.use(1)

    def doubled(_: Batch, frame: Frame) -> Frame:
        groups = tuple(replace(group, counters=group.counters + 2) for group in frame.groups)
        return replace(frame, groups=groups)

    world.careless.tamper = doubled
    world.tick()
    assert world.balance.words.startswith("cpu_user by 4, cpu_system by 4")  # two groups


def test_a_series_that_begins_too_early_counts_twice(world: World) -> None:
    def since_birth(batch: Batch, frame: Frame) -> Frame:
        batch.table.base[:, frame.opening] = 0
        return frame

    world.kept, world.rolled[0] = world.rolled[0], world.kept
    world.careless.tamper = since_birth
    world.tick()
    assert world.balance.words == "cpu_user by 5, written by 20480"


def test_it_judges_what_came_since_a_mark(world: World) -> None:
    world.use(7)
    world.careless.tamper = lambda _batch, frame: replace(frame, steady=frame.steady[:0])
    world.tick()
    mark = world.balance.mark()
    world.careless.tamper = lambda _batch, frame: frame
    world.tick(None)
    world.balance.begin(mark)
    assert (world.balance.exports, world.balance.words) == (0, "")
