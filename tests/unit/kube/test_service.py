"""What an operator says about itself while it works."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from nrdot.clock import SystemClock
from nrdot.cluster.api import ApiError
from nrdot.kube.costs.keeper import Pace
from nrdot.kube.service import Operator, Options
from nrdot.testing.clusters.api_server import FakeApi
from nrdot.testing.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nrdot.cluster.api import Api, Document

HOUR = 3600.0
OURS = "/apis/nrdot.io/v1alpha1/namespaces/home"


class Cluster(FakeApi):
    """One that knows leases, and may answer as no server does."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False

    def hurried(self, seconds: float) -> Api:
        del seconds
        return self

    def fenced(self, may_write: Callable[[], bool]) -> Api:
        del may_write
        return self

    def create(self, path: str, document: Document) -> Document:
        return self.put(f"{path}/nrdot-operator", document) if path.endswith("leases") else {}

    def apply(self, path: str, document: Document) -> Document:
        if self.broken:
            raise ZeroDivisionError("as nobody expects it")
        return super().apply(path, document)


@contextmanager
def running(api: Cluster) -> Iterator[Operator]:
    never = Pace(every=HOUR, until_figures=HOUR)  # to compute again because time went by
    operator = Operator(api, SystemClock(), Options("home", "me", ""), never)
    thread = Thread(target=operator.work_until_stopped)
    thread.start()
    try:
        yield operator
    finally:
        operator.stop()
        api.close()
        thread.join(30.0)


def passes(operator: Operator) -> int:
    line = next(one for one in operator.metrics().splitlines() if 'outcome="done"' in one)
    return int(line.rsplit(" ", 1)[1])


def test_a_pass_that_ends_as_none_should_is_said_and_a_good_one_is_health_again() -> None:
    api = Cluster()
    api.broken = True
    api.put(f"{OURS}/telemetryprofiles/general", {"spec": {"profile": "balanced"}})
    with running(api) as operator:
        until(operator.unhealthy, "the trouble to be said")
        assert "ZeroDivisionError" in operator.unhealthy()
        assert operator.document()["ready"] is False
        api.broken = False
        until(lambda: not operator.unhealthy(), "the worker to go on")
        assert any(path.endswith("nrdot-pointer-general") for path in api.objects)


def test_an_operator_that_is_stopped_gives_its_lease_back() -> None:
    api = Cluster()
    with running(api) as operator:
        until(lambda: operator.document()["leading"], "the lead")
    lease = next(found for path, found in api.objects.items() if path.endswith("leases/nrdot-operator"))
    assert lease["spec"]["holderIdentity"] == ""


def test_reports_that_only_carry_other_figures_ask_for_no_pass() -> None:
    api = Cluster()
    api.put(f"{OURS}/nodetelemetries/node-1", {"spec": {"pointer": ""}, "status": {"revision": "a"}})

    with running(api) as operator:
        until(lambda: passes(operator) > 0, "the first pass")
        before = passes(operator)
        for processes in range(5):
            status = {"revision": "a", "processes": processes}
            api.put(f"{OURS}/nodetelemetries/node-1", {"spec": {"pointer": ""}, "status": status})
        api.put(f"{OURS}/nodetelemetries/node-1", {"spec": {"pointer": ""}, "status": {"revision": "b"}})
        until(lambda: passes(operator) > before, "the pass for what matters")
        assert passes(operator) == before + 1


class Older(Cluster):
    """Our newest definition is not applied yet, and there is no Vertical Pod Autoscaler."""

    def get(self, path: str, **query: str) -> bytes:
        if path.endswith(("telemetrycostreports", "verticalpodautoscalers")):
            raise ApiError(404, f"GET {path}: 404 page not found")
        return super().get(path, **query)


def test_a_cluster_without_the_newest_definition_or_a_recommender_is_operated_all_the_same() -> None:
    api = Older()
    api.put(f"{OURS}/telemetryprofiles/general", {"spec": {"profile": "balanced"}})
    with running(api) as operator:
        until(lambda: any(path.endswith("nrdot-pointer-general") for path in api.objects), "a pointer")
        assert operator.document()["ready"] is True
        assert operator.document()["without_rights"] == []


def test_a_cost_report_is_computed_when_it_is_written_and_not_because_it_was_computed() -> None:
    api = Cluster()
    api.put(f"{OURS}/telemetryprofiles/general", {"spec": {"profile": "balanced"}})
    with running(api) as operator:
        until(lambda: operator.document()["leading"], "the lead")
        api.put(f"{OURS}/telemetrycostreports/cluster", {"metadata": {"generation": 1}, "spec": {}})

        def computed() -> list[Document]:
            return [
                one for _, path, one in api.writes if path.endswith("telemetrycostreports/cluster/status")
            ]

        until(computed, "the status")
        before = passes(operator)
        api.put(f"{OURS}/nodetelemetries/node-1", {"spec": {"pointer": ""}, "status": {"revision": "b"}})
        until(lambda: passes(operator) > before, "a further pass")
        assert len(computed()) == 1
