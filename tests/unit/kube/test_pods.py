from __future__ import annotations

import pytest

from nrdot.cluster.objects import Annotated, Container, Pod, PodSpec, Resources
from nrdot.cluster.pods import limits_of, quantity


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
