"""Who leads, and who writes, while the API server does not answer."""

from __future__ import annotations

from threading import Event

import pytest

from nrdot.cluster.api import Api, ApiError
from nrdot.kube.leader import LEASE, RENEW, Election
from nrdot.testing.clock import ManualClock
from nrdot.testing.clusters.api_server import FakeApi

LEASES = "/apis/coordination.k8s.io/v1/namespaces/home/leases/nrdot-operator"


class Leases(FakeApi):
    """The fake's own way of asking in a hurry: it never waits."""

    def hurried(self, seconds: float) -> Api:
        del seconds
        return self

    def create(self, path: str, document: dict[str, object]) -> dict[str, object]:
        return self.put(f"{path}/nrdot-operator", document)


def test_a_leader_that_cannot_renew_stops_writing_before_anybody_else_may_begin() -> None:
    api, clock = Leases(), ManualClock()
    first, second = Election(api, clock, "first", "home"), Election(api, clock, "second", "home")
    assert first.campaign(Event())
    assert not second._try()
    clock.advance(RENEW + 0.1)
    assert first.leading
    assert not first.holds
    assert not second._try()
    clock.advance(LEASE - RENEW)
    assert second.campaign(Event())
    assert second.holds
    assert first.hold(Event()) is False


def test_a_leader_ends_when_the_server_is_gone_for_longer_than_it_may_lead() -> None:
    api, clock = Leases(), ManualClock()
    leader = Election(api, clock, "first", "home")
    assert leader.campaign(Event())
    api.trouble.extend(ApiError(0, "no answer") for _ in range(50))
    began = clock.monotonic()
    assert leader.hold(Event()) is False
    assert clock.monotonic() - began < LEASE


def test_a_lease_that_was_given_back_is_taken_at_once() -> None:
    api, clock = Leases(), ManualClock()
    first, second = Election(api, clock, "first", "home"), Election(api, clock, "second", "home")
    assert first.campaign(Event())
    assert not second._try()
    first.release()
    assert not first.holds
    assert second._try()
    assert api.objects[LEASES]["spec"]["leaseTransitions"] == 1


def test_nothing_is_sent_by_who_may_not_write() -> None:
    api = FakeApi()
    fenced = Api("http://127.0.0.1:1", api._pool, dict, "test").fenced(lambda: False)
    for write in (fenced.create, fenced.replace, fenced.apply, fenced.merge):
        with pytest.raises(ApiError, match="no longer leads"):
            write("/api/v1/namespaces", {})
    with pytest.raises(ApiError, match="no longer leads"):
        fenced.delete("/api/v1/namespaces/x")
