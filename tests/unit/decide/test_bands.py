"""What belongs to the band of a process, and how the band follows what the process does."""

from __future__ import annotations

import numpy as np
import pytest

from nrdot.batch import Gauge
from nrdot.testing.stages.watch import Watch

MIB = 1 << 20
DAY = 86400.0


def leaves(watch, cores):
    """Two samples at so many cores: is that outside the band?"""
    watch.cores[0] = cores
    return {0} in (watch.step(), watch.step())


def test_the_first_look_tells_nothing():
    assert Watch(processes=3).first == set()


def test_of_many_only_the_one_that_changed_is_told_wherever_it_stands():
    watch = Watch(processes=30)
    assert watch.live(900) == set()
    watch.cores[29] = 2.0
    assert watch.live(30) == {29}
    watch.cores[29], watch.cores[12] = 0.0, 2.0
    assert 12 in watch.live(30)


def test_a_row_that_is_taken_over_has_no_history_of_the_process_before():
    watch = Watch(processes=2)
    watch.cores[0] = watch.cores[1] = 0.05
    watch.live(1800)
    watch.cores[0] = 2.0
    watch.step()
    for number in range(60):  # one short life after the other
        watch.host.end(watch.processes[0])
        watch.step()
        watch.host.table.release()
        watch.processes[0] = watch.host.begin(200 + number, "short")
        assert watch.step() == set()
    assert watch.live(600) == set()


def test_a_departure_is_forgotten_with_its_process():
    watch = Watch(processes=2)
    watch.live(900)
    watch.cores[1] = 2.0
    watch.live(30)
    row = watch.processes[1].row
    assert watch.detector.departures[row].metric == "cpu"
    watch.host.end(watch.processes.pop())
    watch.step()
    assert row not in watch.detector.departures


def test_the_sample_that_follows_the_warm_up_is_judged():
    watch = Watch()
    watch.live(600)
    watch.cores[0] = 2.0
    assert watch.step() == {0}


def test_the_band_is_six_robust_deviations_wide():
    watch = Watch(noise=0.0)
    sigma = 0.2
    for _ in range(480):
        watch.cores[0] = max(1.0 + watch.random.gauss(0.0, sigma), 0.0)
        watch.step()
    assert leaves(watch, 9.0)
    # the margin is a quarter of the highest, which is about three deviations above what is usual
    assert watch.why().high == pytest.approx(1.0 + 6.0 * sigma + 0.25 * (1.0 + 3.0 * sigma), rel=0.08)


def test_who_varies_widely_may_go_further_beyond_its_highest_than_who_is_steady():
    found = []
    for least in (0.0, 1.0):
        watch = Watch(noise=0.0)
        for number in range(240):
            watch.cores[0] = 1.0 if number % 2 else least
            watch.step()
        found.append(leaves(watch, 2.0))
    assert found == [False, True]


def test_who_begins_to_vary_widely_has_a_wider_band_after_a_while():
    watch = Watch(noise=0.0, interval=60.0)
    watch.cores[0] = 0.3
    watch.live(3600)
    for number in range(120):
        watch.cores[0] = 1.0 if number % 2 else 0.0
        watch.step()
    assert leaves(watch, 20.0)
    assert watch.why().high > 3.0


@pytest.mark.parametrize("seconds", [30, 450])
def test_what_a_process_did_while_it_warmed_up_counts_in_full(seconds):
    watch = Watch(noise=0.0)
    watch.cores[0] = 0.5
    watch.live(seconds)
    watch.cores[0] = 2.0
    watch.live(600 - seconds)
    watch.cores[0] = 20.0
    assert watch.step() == {0}
    assert watch.why().low == pytest.approx(0.1 * (2.0 - 1.5 * seconds / 600))


def test_the_band_of_who_always_does_the_same_is_the_margin():
    watch = Watch(noise=0.0)
    watch.cores[0] = 0.08
    watch.live(600)
    watch.cores[0] = 20.0
    assert watch.step() == {0}
    assert watch.why().high == pytest.approx(0.18)


def test_a_small_user_that_falls_silent_is_no_stall():
    watch = Watch()
    watch.cores[0] = 0.05
    watch.live(1800)
    assert not leaves(watch, 0.0)


def test_memory_that_is_given_back_is_no_stall():
    watch = Watch()
    watch.live(1800)
    watch.memory[0] = MIB
    assert watch.live(60) == set()


def test_falling_silent_is_a_stall_once_and_afterwards_belongs_to_what_the_process_does():
    watch = Watch(interval=60.0)
    watch.cores[0] = 0.8
    watch.live(1800)
    stalls = []
    for _ in range(3):
        watch.cores[0] = 0.0
        stalls.append(watch.live(120))
        watch.cores[0] = 0.8
        watch.live(3600)
    assert stalls == [{0}, set(), set()]


def test_a_process_that_began_just_before_a_sample_may_stall_like_any_other():
    watch = Watch()
    watch.step()
    watch.processes.append(watch.host.begin(900, "late"))
    watch.memory[1], watch.bytes[1] = MIB, 0.0
    watch.cores[1] = 0.8 / 15  # it ran for one second of the interval
    watch.step()
    watch.cores[1] = 0.8
    assert watch.live(1800) == set()
    watch.cores[1] = 0.0
    assert watch.live(30) == {1}


def test_what_is_usual_follows_a_lasting_change_within_hours():
    watch = Watch(noise=0.0, interval=60.0)
    watch.cores[0] = 0.2
    watch.live(4 * 3600)
    watch.cores[0] = 0.8
    watch.live(4 * 3600)
    assert leaves(watch, 0.06)
    assert watch.why().low == pytest.approx(0.08, rel=0.05)


def test_a_burst_that_is_larger_than_the_one_before_is_found_again():
    watch = Watch(noise=0.0)
    watch.cores[0] = 0.08
    watch.live(1800)
    assert leaves(watch, 1.0)
    watch.cores[0] = 0.08
    watch.live(3600)
    assert leaves(watch, 1.5)
    assert watch.why().high == pytest.approx(1.25, abs=0.02)
    assert watch.why().low == 0.0  # so little cannot stall


def test_memory_that_a_process_had_for_hours_may_come_back():
    watch = Watch(noise=0.0, interval=60.0)
    watch.live(1800)
    watch.memory[0] = 800 * MIB
    assert watch.live(6 * 3600) == {0}
    watch.memory[0] = 200 * MIB
    watch.live(6 * 3600)
    watch.memory[0] = 800 * MIB
    assert watch.live(60) == set()


def test_the_highest_is_remembered_for_days_and_forgotten_after_months():
    watch = Watch(noise=0.0, interval=7200.0)
    watch.cores[0] = 3.0
    watch.live(DAY / 4)
    watch.cores[0] = 0.1
    watch.live(5 * DAY)
    assert not leaves(watch, 2.5)
    watch.cores[0] = 0.1
    watch.live(90 * DAY)
    assert leaves(watch, 2.5)


def test_memory_that_varies_widely_all_the_time_may_go_further():
    watch = Watch(noise=0.0)
    for number in range(480):
        watch.memory[0] = (200 if number % 2 else 400) * MIB
        watch.step()
    watch.memory[0] = 700 * MIB
    assert watch.live(30) == set()


def test_memory_that_a_process_had_while_it_warmed_up_may_come_back_and_no_more_than_that():
    watch = Watch(noise=0.0)
    watch.live(300)
    watch.memory[0] = 800 * MIB
    watch.live(120)
    watch.memory[0] = 200 * MIB
    watch.live(6 * 3600)
    watch.memory[0] = 800 * MIB
    assert watch.live(30) == set()
    watch.memory[0] = 1200 * MIB
    assert watch.live(30) == {0}


def test_a_value_far_below_what_is_usual_makes_itself_usual_no_faster_than_one_far_above():
    watch = Watch(noise=0.0)
    watch.cores[0] = 2.0
    watch.live(3600)
    watch.cores[0] = 0.5
    watch.live(300)
    assert leaves(watch, 0.0)
    assert watch.why().low == pytest.approx(0.2, abs=0.01)


def bytes_a_row(watch):
    columns = (value for value in vars(watch.detector).values() if isinstance(value, np.ndarray))
    return sum(column.nbytes for column in columns) / watch.host.table.capacity


def test_open_files_have_a_band_from_the_first_count_on_and_take_no_memory_before():
    watch = Watch(processes=2)
    files = watch.host.table.gauges[Gauge.DESCRIPTORS]
    row = watch.processes[0].row
    assert watch.live(900) == set()
    before = bytes_a_row(watch)
    files[row] = 20
    assert watch.live(900) == set()
    assert before < bytes_a_row(watch) < 260
    files[row] = 5000
    assert watch.live(30) == {0}
    assert watch.why().metric == "descriptors"
    assert watch.why().value == 5000
