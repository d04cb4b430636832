from __future__ import annotations

import pytest
from msgspec import structs

from nrdot.batch import Owner
from nrdot.clock import SystemClock
from nrdot.cluster.objects import Annotated, Container, Pod, PodSpec, Resources
from nrdot.cluster.objects import Owner as Owner_
from nrdot.cluster.pods import NodePods, facts_of, limits_of, quantity
from nrdot.testing.clusters.api_server import FakeApi
from nrdot.testing.waiting import until


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", 0.5),
        ("2", 2.0),
        ("1.5Gi", 1.5 * 2**30),
        ("128974848", 128_974_848.0),
        ("1e3", 1000.0),
        ("100M", 1e8),
        ("", 0.0),
        ("much", 0.0),
        ("-1", 0.0),
    ],
)
def test_quantities_are_read_as_kubernetes_writes_them(text: str, value: float) -> None:
    assert quantity(text) == pytest.approx(value)


def _pod(*limits: dict[str, str]) -> Pod:
    containers = tuple(Container("c", "i", Resources(limits=one)) for one in limits)
    return Pod(Annotated("p", namespace="n"), PodSpec(containers=containers))


def test_a_pods_limit_is_the_sum_of_its_containers() -> None:
    both = _pod({"cpu": "500m", "memory": "1Gi"}, {"cpu": "1", "memory": "1Gi"})
    assert limits_of(both) == (1.5, 2 * 2**30)


def test_a_container_without_a_limit_leaves_the_pod_without_one() -> None:
    assert limits_of(_pod({"memory": "1Gi"}, {})) == (0.0, 0)
    assert limits_of(_pod()) == (0.0, 0)


def test_a_static_pod_is_known_by_the_hash_of_its_file_and_forgotten_with_it() -> None:
    api, path = FakeApi(), "/api/v1/pods/etcd"
    annotations = {"kubernetes.io/config.hash": "hash-of-the-file"}
    metadata = {
        "name": "etcd",
        "namespace": "kube-system",
        "uid": "of-the-mirror",
        "annotations": annotations,
    }
    api.put(path, {"metadata": metadata})
    pods = NodePods(api, "node-1", SystemClock())
    owners = [Owner(pod_uid="hash-of-the-file"), Owner(pod_uid="of-the-mirror")]
    pods.start()
    try:
        assert pods.copy.synced.wait(10.0)
        assert [facts.pod if (facts := pods.facts(one)) else "" for one in owners] == ["etcd", "etcd"]
        api.delete(path)
        until(lambda: not len(pods.copy) and pods.facts(owners[0]) is None, "the end of the pod")
        assert [pods.facts(one) for one in owners] == [None, None]
    finally:
        pods.close()
        api.close()


def test_a_pod_that_takes_the_name_of_another_takes_its_place() -> None:
    """As those of a StatefulSet do: what ran as the one before is nobody's any more."""
    api, path = FakeApi(), "/api/v1/pods/db-0"
    api.put(path, {"metadata": {"name": "db-0", "namespace": "shop", "uid": "before"}})
    pods = NodePods(api, "node-1", SystemClock())
    pods.start()
    try:
        assert pods.copy.synced.wait(10.0)
        api.put(path, {"metadata": {"name": "db-0", "namespace": "shop", "uid": "after"}})
        until(lambda: pods.facts(Owner(pod_uid="after")) is not None, "the pod that follows")
        assert pods.facts(Owner(pod_uid="before")) is None
    finally:
        pods.close()
        api.close()


def test_a_pods_age_is_told_but_not_of_jobs_that_come_and_go_all_the_time() -> None:
    created = Annotated("p", "n", creation_timestamp="2026-01-02T03:04:05Z")
    assert facts_of(Pod(created), "node-1").pod_born_ns == 1_767_323_045_000_000_000
    job = (Owner_("Job", "nightly", controller=True),)
    assert facts_of(Pod(structs.replace(created, owner_references=job)), "node-1").pod_born_ns == 0
    assert facts_of(_pod(), "node-1").pod_born_ns == 0
