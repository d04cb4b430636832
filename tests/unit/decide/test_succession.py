"""Another profile takes over: rhythm, history and what was said go on, and its own settings count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.batch import Counter
from nrdot.decide.anomaly import RESTART, AnomalyDetector
from nrdot.decide.budget import SeriesBudget
from nrdot.decide.policy import Policy
from nrdot.decide.rules import Rules
from nrdot.stages import Reason
from nrdot.testing.hosts.invented import InventedHost
from nrdot.testing.stages.desk import Desk

if TYPE_CHECKING:
    import pytest

RULES = Rules(threshold=0.6, top_cpu=0, top_memory=0, top_io=0, hold=0.0, grace=0.0)


def succeed(desk: Desk, *, export_interval: float = 60.0, limit: int = 0, **settings: object) -> None:
    budget = SeriesBudget(limit, reserved=0, points=7)
    after = Policy([RULES], budget, export_interval=export_interval, interval=15.0, **settings)
    after.adopt(desk.policy)
    desk.policy = after


def until_export(desk: Desk) -> int:
    for samples in range(1, 20):
        due = desk.step()
        if due is not None and not due.size:
            return samples
    raise AssertionError("twenty samples of 15 s must end in an export")


def test_exports_of_the_same_interval_keep_their_rhythm() -> None:
    desk = Desk(rules=RULES)
    desk.export()
    desk.step()
    succeed(desk, first_export=15.0)
    assert until_export(desk) == 3


def test_with_another_interval_a_host_finds_its_own_place_and_never_waits_longer_than_one() -> None:
    early, late = Desk(rules=RULES), Desk(rules=RULES)
    early.export()
    succeed(early, export_interval=120.0, first_export=30.0)
    assert until_export(early) == 2
    late.export()
    for _ in range(3):
        late.step()
    succeed(late, export_interval=120.0, first_export=105.0)
    assert until_export(late) == 5  # 45 s have gone by, and its own place would be later


def test_what_was_said_of_the_budget_is_not_said_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "nrdot.decide")
    desk = Desk(rules=RULES, limit=7)
    desk.critical = {110, 111, 112}
    desk.export()
    succeed(desk, limit=7)
    desk.export()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_history_goes_on_where_both_look_for_anomalies_and_begins_where_only_the_new_one_does() -> None:
    def busy(desk: Desk) -> Reason:
        for _ in range(2):
            desk.use(_110=15 * 200)
            desk.step()
        return desk.reason(110)

    watched = Desk(rules=RULES, anomalies=AnomalyDetector())
    for _ in range(60):
        watched.step()
    succeed(watched, anomalies=AnomalyDetector())
    assert busy(watched) == Reason.ANOMALY
    fresh = Desk(rules=RULES)
    for _ in range(60):
        fresh.step()
    succeed(fresh, anomalies=AnomalyDetector())
    assert busy(fresh) == Reason.BELOW
    ended = Desk(rules=RULES, anomalies=AnomalyDetector())
    for _ in range(60):
        ended.step()
    succeed(ended)
    assert busy(ended) == Reason.BELOW


class Watch:
    """One process at a third of a core, more or less, and a detector that another one replaces."""

    def __init__(self, *, samples: int) -> None:
        self.host = InventedHost()
        self.process = self.host.begin(100, "service")
        self.detector = AnomalyDetector(sensitivity=6.0, warm_up=600.0, restarts=3)
        for number in range(samples):
            self.step(0.2 + 0.2 * (number % 2))

    def step(self, cores: float) -> bool:
        self.host.run(self.process, Counter.CPU_USER, round(cores * 1500))
        found = self.detector.observe(self.host.sample()).tolist()
        return self.process.row in found

    def succeed(self, **settings: float) -> None:
        after = AnomalyDetector(**{"sensitivity": 6.0, "warm_up": 600.0, "restarts": 3, **settings})
        after.adopt(self.detector)
        self.detector = after

    def restart(self) -> bool:
        self.host.end(self.process)
        self.host.table.release()
        self.process = self.host.begin(self.process.pid + 1, "service")
        return self.step(0.0)


def test_a_detector_that_takes_over_judges_the_history_by_its_own_sensitivity_and_warm_up() -> None:
    found = []
    for settings in ({}, {"sensitivity": 30.0}, {"warm_up": 7200.0}):
        watch = Watch(samples=100)
        watch.succeed(**settings)
        found.append([watch.step(2.5) for _ in range(2)])
    assert found == [[True, True], [False, False], [False, False]]


def test_restarts_are_counted_across_the_change_by_the_new_number() -> None:
    watch = Watch(samples=60)
    assert [watch.restart() for _ in range(2)] == [False, False]
    watch.succeed()
    assert watch.restart()
    why = watch.detector.departures[watch.process.row]
    assert (why.metric, why.value, why.low, why.high) == (RESTART, 3, 0, 2)
    lenient = Watch(samples=60)
    lenient.succeed(restarts=5)
    assert [lenient.restart() for _ in range(5)] == [False, False, False, False, True]
