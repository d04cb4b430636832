"""Which behaviour is unlike a process's own past."""

from __future__ import annotations

from random import Random

import pytest

from nrdot.testing.stages.watch import Watch

INTERVAL = 15.0


def test_a_burst_of_cpu_is_found_within_two_samples_with_metric_value_and_band():
    watch = Watch()
    watch.cores[0] = 0.1
    assert watch.live(1800) == set()
    watch.cores[0] = 1.5
    assert {0} in (watch.step(), watch.step())
    why = watch.why()
    assert why.metric == "cpu"
    assert why.value > 1.2 > why.high
    assert 0 < why.low < 0.05  # falling silent would be a departure as well


def test_a_steady_high_consumer_is_no_anomaly():
    watch = Watch()
    watch.cores[0] = 3.5
    watch.bytes[0] = 50e6
    assert watch.live(7200) == set()


def test_a_process_that_was_always_idle_and_grows_busy_is_found():
    watch = Watch()
    assert watch.live(1800) == set()
    watch.cores[0] = 0.6
    assert {0} in (watch.step(), watch.step())


def test_a_stall_is_found():
    watch = Watch()
    watch.cores[0] = 0.8
    assert watch.live(3600) == set()
    watch.cores[0] = 0.0
    assert {0} in (watch.step(), watch.step())
    assert watch.why().value < watch.why().low


def test_a_process_whose_load_varies_widely_still_stalls_when_it_falls_silent():
    watch = Watch()
    for _ in range(240):
        watch.cores[0] = 0.3 * watch.random.lognormvariate(0.0, 0.35)
        assert watch.step() == set()
    watch.cores[0] = 0.0
    assert {0} in (watch.step(), watch.step())


def test_a_slow_leak_of_a_small_process_does_not_become_usual_while_it_goes_on():
    watch = Watch()
    for _ in range(480):
        watch.memory[0] = round((8 + watch.random.gauss(0.0, 0.2)) * (1 << 20))
        assert watch.step() == set()
    found = False
    while not found and watch.memory[0] < 80 << 20:
        watch.memory[0] += 5 << 20
        found = watch.step() == {0}
    assert found
    assert watch.why().metric == "memory"


def test_a_leak_is_found_when_memory_leaves_what_the_process_ever_had():
    watch = Watch()
    watch.live(1800)
    found = set()
    for _ in range(40):
        watch.memory[0] += 8 << 20
        found |= watch.step()
    assert found == {0}
    assert watch.why().metric == "memory"


def test_storage_that_is_suddenly_busy_is_found():
    watch = Watch()
    watch.bytes[0] = 1e5
    watch.live(1800)
    watch.bytes[0] = 80e6
    assert {0} in (watch.step(), watch.step())
    assert watch.why().metric == "io"


def test_nothing_is_an_anomaly_during_the_warm_up():
    watch = Watch()
    watch.live(300)
    watch.cores[0] = 2.0
    assert watch.live(270) == set()


def test_what_happens_every_hour_is_an_anomaly_once():
    watch = Watch()
    watch.cores[0] = 0.05
    watch.live(1800)
    nights = []
    for _ in range(4):
        watch.cores[0] = 0.9
        nights.append(bool(watch.live(120)))
        watch.cores[0] = 0.05
        watch.live(3480)
    assert nights == [True, False, False, False]


def test_a_job_of_every_night_is_an_anomaly_in_its_first_night_only():
    watch = Watch(interval=60.0)
    nights = []
    for _ in range(3):
        watch.cores[0] = 0.0
        assert watch.live(6 * 3600) == set()
        watch.cores[0] = 0.9
        nights.append(watch.live(600))
        watch.cores[0] = 0.0
        watch.live(18 * 3600 - 600)
    assert nights == [{0}, set(), set()]


def test_a_single_odd_sample_within_twice_the_margin_is_no_anomaly():
    watch = Watch()
    watch.cores[0] = 0.1
    watch.live(1800)
    watch.cores[0] = 0.28
    first = watch.step()
    watch.cores[0] = 0.1
    assert first | watch.live(600) == set()


def test_a_new_process_on_the_same_row_does_not_inherit_a_history():
    watch = Watch()
    watch.cores[0] = 0.05
    watch.live(1800)
    watch.host.end(watch.processes[0])
    watch.step()
    watch.host.table.release()
    watch.processes[0] = watch.host.begin(100, "service-0")
    watch.cores[0] = 2.0
    assert watch.live(300) == set()


@pytest.mark.parametrize(("lives", "found"), [(900, True), (120, False)])
def test_a_service_that_lived_long_and_now_restarts_in_a_loop_is_found(lives, found):
    watch = Watch()
    watch.live(lives)
    seen = set()
    for number in range(4):
        watch.host.end(watch.processes[0])
        watch.host.table.release()
        watch.processes[0] = watch.host.begin(300 + number, "service-0")
        seen |= watch.live(45)
    assert bool(seen) is found


def test_of_a_loop_of_many_short_lives_few_are_told():
    watch = Watch()
    watch.live(1200)
    told = 0
    for number in range(40):
        watch.host.end(watch.processes[0])
        watch.host.table.release()
        watch.processes[0] = watch.host.begin(300 + number, "service-0")
        told += len(watch.step())
    assert 2 <= told <= 40 * INTERVAL / 120 + 1


def test_a_pool_that_renews_some_of_its_workers_is_no_loop():
    watch = Watch(processes=12)
    for process in watch.processes:
        watch.host.rename(process, "php-fpm")
    watch.live(15)
    watch = Watch(processes=1)
    pool = [watch.host.begin(500 + n, "php-fpm") for n in range(12)]
    watch.live(900)
    rows = set()
    for n in range(6):
        watch.host.end(pool[n])
        fresh = watch.host.begin(600 + n, "php-fpm")
        batch = watch.host.sample()
        rows |= set(watch.detector.observe(batch).tolist()) & {fresh.row}
    assert rows == set()


def test_three_hundred_ordinary_processes_raise_no_false_alarm_in_a_day():
    watch = Watch(processes=300, seed=7)
    random = Random(8)
    for number in range(300):
        watch.cores[number] = random.choice((0.0, 0.0, 0.0, 0.01, 0.05, 0.3))
        watch.memory[number] = random.randrange(2 << 20, 2 << 30)
    assert watch.live(6 * 3600) == set()
