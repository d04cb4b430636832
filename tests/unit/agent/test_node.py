"""What an agent in a cluster measures of itself."""

from __future__ import annotations

from nrdot.agent.node.node import Lateness
from nrdot.testing.clock import ManualClock


def test_a_tick_is_late_by_what_it_took_longer_than_the_interval_and_the_worst_is_remembered() -> None:
    clock = ManualClock()
    lateness = Lateness(clock)
    for seconds in (3.0, 15.0, 45.0, 15.0):
        clock.advance(seconds)
        lateness.tick(15.0)
    assert lateness.worst == 30.0
    lateness.begin()
    assert lateness.worst == 0.0


def test_an_interval_that_becomes_another_is_no_lateness() -> None:
    clock = ManualClock()
    lateness = Lateness(clock)
    lateness.tick(60.0)
    clock.advance(60.0)
    lateness.tick(5.0)
    clock.advance(5.0)
    lateness.tick(5.0)
    assert lateness.worst == 0.0
