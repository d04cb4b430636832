"""The pods of this node: which labels, which namespace, which owner the processes of a container have.

One watch, limited by the API server to the pods of one node, so its price does not grow with the cluster.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from nrdot.cluster.api import Resource
from nrdot.cluster.objects import Pod
from nrdot.cluster.reflector import Reflector
from nrdot.identify.labels import Facts

if TYPE_CHECKING:
    from nrdot.batch import Owner
    from nrdot.clock import Clock
    from nrdot.cluster.api import Api

# A Deployment's pods belong to a ReplicaSet that is called as the Deployment, with a hash of the template.
_HASHED = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5,10}\Z")
_KINDS = {
    "Deployment": "k8s.deployment.name",
    "StatefulSet": "k8s.statefulset.name",
    "DaemonSet": "k8s.daemonset.name",
    "Job": "k8s.job.name",
    "CronJob": "k8s.cronjob.name",
    "ReplicaSet": "k8s.replicaset.name",
}
_FACTORS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15} | {
    f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTP", start=1)
}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:[eE][0-9]+)?)([numkMGTP]?|[KMGTP]i)")
_MIRRORED = "kubernetes.io/config.hash"


class NodePods:
    """A LabelSource. Answers come from a copy that another thread keeps."""

    def __init__(self, api: Api, node: str, clock: Clock, *, namespace: str = "") -> None:
        """Of every namespace where none is named."""
        self.revision = 0
        self._node = node
        self._by_uid: dict[str, Facts] = {}
        self.copy: Reflector[Pod] = Reflector(
            api, Resource("v1", "pods", namespace), Pod, clock, self._changed, fields=f"spec.nodeName={node}"
        )

    def start(self) -> None:
        self.copy.start()

    def close(self) -> None:
        self.copy.stop()

    def facts(self, owner: Owner) -> Facts | None:
        return self._by_uid.get(owner.pod_uid) if owner.pod_uid else None

    def _changed(self, _key: str, old: Pod | None, new: Pod | None) -> None:
        """A pod that is gone is forgotten; its processes are, too. What is the same asks for no new look."""
        if old is not None and (new is None or old.metadata.uid != new.metadata.uid):
            for uid in _uids(old):
                self._by_uid.pop(uid, None)
        if new is None:
            return
        facts = facts_of(new, self._node)
        uids = _uids(new)
        if any(self._by_uid.get(uid) != facts for uid in uids):
            self._by_uid.update(dict.fromkeys(uids, facts))
            self.revision += 1


def _uids(pod: Pod) -> set[str]:
    """Static pods run under the hash of their file: the API server knows them by a UID of its own."""
    return {pod.metadata.uid, pod.metadata.annotations.get(_MIRRORED, pod.metadata.uid)}


def facts_of(pod: Pod, node: str) -> Facts:
    kind, name = workload_of(pod)
    found = {
        "k8s.node.name": node,
        "k8s.namespace.name": pod.metadata.namespace,
        "k8s.pod.name": pod.metadata.name,
        "k8s.pod.uid": pod.metadata.uid,
    }
    if kind in _KINDS:
        found[_KINDS[kind]] = name
    cpu, memory = limits_of(pod)
    return Facts(
        labels=dict(pod.metadata.labels),
        pod=pod.metadata.name,
        namespace=pod.metadata.namespace,
        workload=f"{kind}/{name}" if kind else "",
        attributes=found,
        cpu_limit=cpu,
        memory_limit=memory,
        pod_born_ns=born_ns(pod),
    )


def born_ns(pod: Pod) -> int:
    """Unix time of the pod's creation; 0 where it is not told, and for Jobs, which come and go."""
    owner = pod.metadata.controller
    if owner is not None and owner.kind == "Job":
        return 0
    with suppress(ValueError):
        return int(datetime.fromisoformat(pod.metadata.creation_timestamp).timestamp()) * 1_000_000_000
    return 0


def limits_of(pod: Pod) -> tuple[float, int]:
    """Cores and bytes that all containers together may use; 0 where one of them has no limit."""
    limits = [container.resources.limits for container in pod.spec.containers]
    cpu = [quantity(one.get("cpu", "")) for one in limits]
    memory = [quantity(one.get("memory", "")) for one in limits]
    return (sum(cpu) if cpu and all(cpu) else 0.0), (round(sum(memory)) if memory and all(memory) else 0)


def quantity(text: str) -> float:
    """Kubernetes writes 500m, 2, 1.5Gi, 128974848; 0 where it is nothing of the kind."""
    found = _QUANTITY.fullmatch(text)
    return float(found[1]) * _FACTORS[found[2]] if found else 0.0


def workload_of(pod: Pod) -> tuple[str, str]:
    """Kind and name of what a team would call the owner: the Deployment, not its ReplicaSet."""
    owner = pod.metadata.controller
    if owner is None:
        return "", ""
    if owner.kind == "ReplicaSet" and "pod-template-hash" in pod.metadata.labels:
        return "Deployment", owner.name.removesuffix(f"-{pod.metadata.labels['pod-template-hash']}")
    if owner.kind == "ReplicaSet" and _HASHED.search(owner.name):
        return "Deployment", _HASHED.sub("", owner.name)
    return owner.kind, owner.name
