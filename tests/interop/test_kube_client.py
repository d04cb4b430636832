"""The operator's client beside a real API server: watching, conflicts, restarts, compaction, one leader."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from parts.kubernetes import Cluster, Kubelet, pod
from parts.program import HANG_GUARD, wait_until

from nrdot.clock import SystemClock
from nrdot.cluster.api import Api, ApiError, Resource
from nrdot.cluster.objects import Pod
from nrdot.cluster.reflector import Reflector
from nrdot.kube.connect import connect
from nrdot.kube.leader import Election

if TYPE_CHECKING:
    from collections.abc import Iterator

PODS = Resource("v1", "pods")
MAPS = Resource("v1", "configmaps", "default")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster"), users={"poor-token": "poor"}) as running:
        yield running


@pytest.fixture
def api(cluster: Cluster) -> Api:
    return connect(cluster.kubeconfig())


def _configmap(name: str, **data: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": data,
    }


class Heard:
    """What a reflector told."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(self, key: str, *_: Pod | None) -> None:
        self.keys.append(key)


def test_a_copy_follows_pods_through_a_restart_and_a_compaction_without_losing_one(
    cluster: Cluster, api: Api
) -> None:
    kubelet = Kubelet(cluster)
    kubelet.nodes(["node-1"])
    kubelet.pods(pod(f"before-{n}", "node-1", labels={"tier": "frontend"}) for n in range(1200))
    heard = Heard()
    copy = Reflector(api, PODS, Pod, SystemClock(), heard)
    copy.start()
    try:
        wait_until(copy.synced.is_set, "the first list")
        assert len(copy) == 1200  # more than two pages
        assert copy.get("default/before-7").metadata.labels == {"tier": "frontend"}
        assert copy.get("default/before-7").spec.node_name == "node-1"

        kubelet.pods([pod("later", "node-1")])
        wait_until(
            lambda: (found := copy.get("default/later")) and found.status.phase == "Running", "a new pod"
        )
        cluster.delete("/api/v1/namespaces/default/pods/before-3?gracePeriodSeconds=0")
        wait_until(lambda: copy.get("default/before-3") is None, "a deleted pod to go")
        assert copy.lists == 1

        cluster.server.kill()
        cluster.server.start()
        kubelet.pods([pod("after-restart", "node-1")])
        wait_until(lambda: copy.get("default/after-restart") is not None, "a pod after the restart")
        assert copy.lists == 1, "a restart of the server is no reason to list everything again"

        cluster.server.kill()
        cluster.compact()
        cluster.server.start()
        kubelet.pods([pod("after-compaction", "node-1")])
        wait_until(lambda: copy.get("default/after-compaction") is not None, "a pod after the compaction")
        assert set(heard.keys) >= {"default/before-3", "default/later", "default/after-restart"}
        assert len(copy) == 1202
    finally:
        copy.stop()
        kubelet.close()


def test_a_document_that_somebody_else_changed_is_not_written_over(api: Api) -> None:
    made = api.create(MAPS.path(), _configmap("shared", a="1"))
    api.merge(MAPS.path("shared"), {"data": {"a": "2"}})
    with pytest.raises(ApiError) as error:
        api.replace(MAPS.path("shared"), {**made, "data": {"a": "3"}})
    assert error.value.conflict
    assert api.document(MAPS.path("shared"))["data"] == {"a": "2"}


def test_apply_takes_back_what_it_no_longer_says(api: Api) -> None:
    api.apply(MAPS.path("applied"), _configmap("applied", a="1", b="2"))
    api.apply(MAPS.path("applied"), _configmap("applied", a="1"))
    assert api.document(MAPS.path("applied"))["data"] == {"a": "1"}
    api.delete(MAPS.path("applied"))
    api.delete(MAPS.path("applied"))  # gone is as good as deleted
    with pytest.raises(ApiError) as error:
        api.document(MAPS.path("applied"))
    assert error.value.missing


def test_missing_rights_are_told_apart_from_trouble(cluster: Cluster) -> None:
    poor = connect(cluster.kubeconfig("poor-token"))
    with pytest.raises(ApiError, match="cannot list resource") as error:
        poor.get(PODS.path())
    assert error.value.forbidden


def test_one_of_two_operators_leads_and_the_other_follows_when_it_goes(api: Api) -> None:
    stop_first, stop_second = Event(), Event()
    first = Election(api, SystemClock(), "first", "default")
    second = Election(api, SystemClock(), "second", "default")
    assert first.campaign(stop_first)
    holding = Thread(target=first.hold, args=(stop_first,))
    holding.start()
    led: list[bool] = []
    waiting = Thread(target=lambda: led.append(second.campaign(stop_second)))
    waiting.start()
    try:
        waiting.join(5)
        assert not second.leading
        stop_first.set()
        holding.join(HANG_GUARD)
        first.release()
        waiting.join(HANG_GUARD)
        assert led == [True]
        assert second.leading
        assert not first.leading
    finally:
        stop_first.set()
        stop_second.set()
        holding.join(HANG_GUARD)
        waiting.join(HANG_GUARD)


def test_a_leader_whose_lease_was_taken_ends(api: Api) -> None:
    leases = Resource("coordination.k8s.io/v1", "leases", "default")
    loser = Election(api, SystemClock(), "loser", "default", name="taken")
    assert loser.campaign(Event())
    found = api.document(leases.path("taken"))
    found["spec"]["holderIdentity"] = "thief"
    api.replace(leases.path("taken"), found)
    assert loser.hold(Event()) is False
    assert not loser.leading
