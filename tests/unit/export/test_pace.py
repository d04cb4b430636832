from __future__ import annotations

from random import Random

import pytest

from nrdot.export.pace import RETRY_AFTER_CAP, Circuit, Pace, offset
from nrdot.testing.clock import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


def paced(clock, **settings):
    return Pace(clock, Random(1), **settings)


def test_the_first_request_may_go_at_once(clock):
    assert paced(clock).wait() == 0


def test_waits_are_spread_over_the_whole_range_and_the_range_doubles_up_to_its_bound(clock):
    for failures, bound in enumerate([1, 2, 4, 8, 16, 32, 60, 60, 60]):
        waits = []
        for seed in range(300):
            pace = Pace(clock, Random(seed))
            pace.failures = failures
            pace.failed(None)
            waits.append(pace.wait())
        assert max(waits) <= bound
        assert max(waits) > bound * 0.9
        assert min(waits) < bound * 0.1


def test_the_same_random_source_gives_the_same_waits(clock):
    one, other = paced(clock), paced(clock)
    for pace in (one, other):
        pace.failed(None)
    assert one.wait() == other.wait()


def test_what_a_server_asks_for_is_waited_for_in_full(clock):
    pace = paced(clock)
    pace.failed(42.0)
    assert 42.0 <= pace.wait() <= 43.0


@pytest.mark.parametrize("asked", [3600.0, 1e12, float("inf")])
def test_what_a_server_asks_for_is_capped(clock, asked):
    pace = paced(clock)
    pace.failed(asked)
    assert RETRY_AFTER_CAP <= pace.wait() <= RETRY_AFTER_CAP + 1


def test_a_server_that_asks_for_nothing_does_not_get_a_storm(clock):
    pace = paced(clock)
    waits = []
    for _ in range(50):
        pace.failed(0.0)
        waits.append(pace.wait())
        clock.advance(waits[-1])
    assert sum(waits) > 50 * 10


def test_the_circuit_opens_after_failures_in_a_row_and_closes_with_a_success(clock):
    pace = paced(clock, threshold=3)
    states = []
    for _ in range(3):
        pace.failed(None)
        states.append(pace.circuit)
    assert states == [Circuit.CLOSED, Circuit.CLOSED, Circuit.OPEN]
    clock.advance(pace.wait())
    assert pace.circuit == "half-open"
    pace.failed(None)
    assert pace.circuit == "open"
    clock.advance(pace.wait())
    pace.succeeded(1)
    assert pace.circuit == "closed"


def test_successes_between_failures_keep_the_circuit_closed(clock):
    pace = paced(clock, threshold=2)
    for _ in range(5):
        pace.failed(None)
        pace.succeeded(1)
    assert pace.circuit == "closed"


def test_a_probe_carries_little(clock):
    pace = paced(clock, threshold=1, probe=100)
    assert pace.share(10_000) == 10_000
    pace.failed(None)
    assert pace.share(10_000) == 100
    assert pace.share(50) == 50


def test_a_backlog_goes_out_no_faster_than_the_rate(clock):
    pace = paced(clock, rate=1000.0)
    pace.succeeded(5000)
    assert pace.wait() == pytest.approx(5.0)


def test_who_is_in_a_hurry_waits_only_for_new_failures(clock):
    pace = paced(clock, rate=1000.0)
    pace.failed(300.0)
    pace.hurry()
    assert pace.wait() == 0
    pace.succeeded(10_000)
    assert pace.wait() == 0
    pace.failed(5.0)
    assert pace.wait() >= 5.0


def test_an_offset_is_stable_and_lies_within_the_interval():
    # The value stands here, because a change would move every agent of a fleet at its next start.
    assert offset("3f1b7c", 60.0) == pytest.approx(offset("3f1b7c", 600.0) / 10)
    assert offset("host-1", 60.0) == pytest.approx(44.780375336)
    assert all(0 <= offset(f"host-{number}", 60.0) < 60 for number in range(1000))


def test_offsets_spread_a_fleet_evenly():
    seconds = [0] * 60
    for number in range(6000):
        seconds[int(offset(f"10.0.{number // 250}.{number % 250}", 60.0))] += 1
    assert max(seconds) < 150
    assert min(seconds) > 55
