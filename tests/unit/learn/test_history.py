"""What a capture teaches: which processes turned out to matter, and what was to be seen before."""

from __future__ import annotations

import numpy as np
import pytest

from nrdot.batch import Counter
from nrdot.learn.examples import examples, kinds
from nrdot.learn.history import LEAST_CPU, STEP, Kind
from nrdot.score.features import FEATURES

CPU_MEAN = FEATURES.index("cpu_mean")
CPU_LATELY = FEATURES.index("cpu_lately")


def of_kind(history, kind):
    return [(at, process) for at, process, why in history.events if why == kind]


def test_a_snapshot_each_minute_holds_every_living_process(history):
    def act(host, tick):
        if tick == 0:
            host.begin(1, "first")
            host.begin(2, "second")
        if tick == 60:
            host.begin(3, "third")

    found = history(act)
    assert np.diff([shot.at for shot in found.snapshots]).tolist() == [STEP] * (len(found.snapshots) - 1)
    assert [len(shot.process) for shot in found.snapshots if shot.at < 880] == [2] * 13
    assert found.snapshots[-1].process.tolist() == [0, 1, 2]
    assert found.processes == 3


def test_who_uses_most_of_a_minute_is_a_consumer_and_who_uses_a_trifle_is_none(history):
    def act(host, tick):
        if tick == 0:
            host.begin(1, "busy")
            host.begin(2, "nearly-idle")
        host.run(host.processes[0], Counter.CPU_USER, 500)
        host.run(host.processes[1], Counter.CPU_USER, int(LEAST_CPU * 15 * 100 / 2))

    found = history(act)
    assert {process for _, process in of_kind(found, Kind.CONSUMER)} == {0}
    assert found.snapshots[0].cpu[0] == pytest.approx(1 / 3)


def test_a_burst_is_a_departure_when_it_happens_and_not_before(history):
    def act(host, tick):
        if tick == 0:
            host.begin(1, "quiet")
        host.run(host.processes[0], Counter.CPU_USER, 1500 if tick >= 60 else 15)

    departures = of_kind(history(act), Kind.DEPARTURE)
    assert departures[0] == (900.0, 0)


def test_an_end_is_a_restart_where_a_like_is_born_within_a_minute(history):
    def act(host, tick):
        if tick == 0:
            for pid, name in ((1, "service"), (2, "job"), (3, "slow")):
                host.begin(pid, name)
        if tick == 40:
            for process in host.processes:
                host.end(process)
            host.begin(9, "stays")
        if tick == 42:
            host.begin(4, "service")
        if tick == 60:
            host.begin(5, "slow")

    assert of_kind(history(act), Kind.RESTART) == [(600.0, 0)]


def test_a_short_life_is_no_restart(history):
    def act(host, tick):
        if tick == 0:
            host.begin(1, "stays")
            return
        for process in host.processes[1:]:
            host.end(process)
        host.begin(100 + tick, "job")

    assert of_kind(history(act), Kind.RESTART) == []


def test_an_answer_looks_as_far_as_the_horizon_and_no_further(history):
    def act(host, tick):
        if tick == 0:
            host.begin(1, "late")
        if tick >= 80:
            host.run(host.processes[0], Counter.CPU_USER, 1000)

    found = history(act)  # from second 1,200 on, so the minute that ends at 1,200 is the first that shows it
    first = min(at for at, _, _ in found.events)
    given = examples([found], horizon=600.0)
    told = [shot.at for shot in found.snapshots if shot.at + 600.0 <= found.seconds]
    assert [at for at, matters in zip(told, given.matters, strict=True) if matters] == [
        at for at in told if first - 600.0 <= at
    ]
    assert not given.matters[0]
    assert kinds([found])["consumer"] == 1


def test_of_a_process_that_sleeps_the_features_fade_as_they_do_in_the_agent(history):
    host_of = {}

    def act(host, tick):
        if tick == 0:
            host_of["job"] = host.begin(1, "job")
        if tick < 40:  # 600 seconds
            host.run(host_of["job"], Counter.CPU_USER, 750)

    lately = [(shot.at, shot.lines[0, CPU_LATELY]) for shot in history(act).snapshots]
    asleep = [cpu for at, cpu in lately if at > 700.0]
    assert [cpu for at, cpu in lately if at <= 600.0] == pytest.approx([0.5] * 9, abs=0.02)
    assert asleep == sorted(asleep, reverse=True)
    assert asleep[0] > 0.05
    assert asleep[-1] < 0.01


def test_features_are_those_of_the_last_look_at_a_process(history):
    host_of = {}

    def act(host, tick):
        if tick == 0:
            host_of["busy"] = host.begin(1, "busy")
        host.run(host_of["busy"], Counter.CPU_USER, 750)

    shots = history(act).snapshots
    assert shots[-1].lines.shape == (1, len(FEATURES))
    assert 0.45 < shots[-1].lines[0, CPU_MEAN] <= 0.5
