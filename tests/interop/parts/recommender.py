"""The Vertical Pod Autoscaler's resource, defined as its project defines it, as far as anybody reads it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from parts.kubernetes import RefusedError
from parts.program import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parts.kubernetes import Cluster

NAME = "verticalpodautoscalers.autoscaling.k8s.io"
PATH = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{NAME}"
# A group of Kubernetes' own is only taken with the place where it was agreed on.
APPROVED = {"api-approved.kubernetes.io": "https://github.com/kubernetes/kubernetes/pull/63797"}


@contextmanager
def recommender_defined(cluster: Cluster) -> Iterator[None]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    document: dict[str, Any] = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": NAME, "annotations": APPROVED},
        "spec": {
            "group": "autoscaling.k8s.io",
            "scope": "Namespaced",
            "names": {"kind": "VerticalPodAutoscaler", "plural": "verticalpodautoscalers"},
            "versions": [version],
        },
    }
    cluster.apply(PATH, document)
    wait_until(lambda: _known(cluster), "the recommender's resource")
    yield
    cluster.delete(PATH)


def _known(cluster: Cluster) -> bool:
    """A definition takes a moment."""
    try:
        cluster.get("/apis/autoscaling.k8s.io/v1/verticalpodautoscalers")
    except RefusedError:
        return False
    return True


def recommend(cluster: Cluster, namespace: str, target: dict[str, str], **resources: str) -> None:
    """What a recommender would have written for the workload of `target`."""
    document = {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": target["name"].lower(), "namespace": namespace},
        "spec": {"targetRef": {"apiVersion": "apps/v1", **target}},
        "status": {
            "recommendation": {
                "containerRecommendations": [{"containerName": "main", "target": resources}],
            }
        },
    }
    cluster.create(f"/apis/autoscaling.k8s.io/v1/namespaces/{namespace}/verticalpodautoscalers", document)
