"""Labels: what somebody wrote about a process, and how selectors see it.

Labels come from sources: the configuration (`StaticLabels`), the Kubernetes API (in `nrdot/kube`), a capture.
`labels_of` adds what the operating system knows, so that `unit=postgresql.service` selects a process on a
host that has no Kubernetes in the way `tier=database` selects one that has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.batch import Identity, Owner


@dataclass(frozen=True, slots=True)
class Facts:
    """What a source knows about an owner. Empty means that it does not know."""

    labels: Mapping[str, str] = field(default_factory=dict)
    pod: str = ""
    namespace: str = ""
    workload: str = ""  # for example Deployment/checkout
    attributes: Mapping[str, str] = field(default_factory=dict)  # resource attributes, k8s.node.name
    cpu_limit: float = 0.0  # cores
    memory_limit: int = 0  # bytes
    pod_born_ns: int = 0  # Unix time


class LabelSource(Protocol):
    """Called on the pipeline's thread; a source that learns on another thread locks for itself."""

    @property
    def revision(self) -> int:
        """Grows whenever an answer may have changed. All owners are asked about again then."""

    def facts(self, owner: Owner) -> Facts | None:
        """Facts about whoever owns this cgroup, or None. Must not block: it answers from what it holds."""


class StaticLabels:
    """Labels that the configuration gives to every process of the host."""

    revision = 0

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._facts = Facts(labels=dict(labels)) if labels else None

    def facts(self, owner: Owner) -> Facts | None:  # noqa: ARG002 - the same for every owner
        return self._facts


def labels_of(identity: Identity) -> dict[str, str]:
    """All that a selector can match. What is unknown has no key.

    Every label stands under its own name. Beside them:

    | key | value |
    |---|---|
    | `name` | name of the executable |
    | `user` | name of the user, or the number where the host has no name for it |
    | `kernel` | `true` for kernel threads |
    | `unit`, `slice` | systemd's, as systemctl prints them |
    | `container`, `runtime` | id of the container; docker, containerd, cri-o, podman, lxc |
    | `pod`, `pod_uid`, `namespace`, `workload` | Kubernetes |

    A label with one of these names wins over it: somebody wrote it on purpose, and `name` is a common label.
    """
    owner = identity.owner
    known = {
        "name": identity.name,
        "user": identity.user,
        "kernel": "true" if identity.kernel else "",
        "unit": owner.unit,
        "slice": owner.slice,
        "container": owner.container,
        "runtime": owner.runtime,
        "pod": owner.pod,
        "pod_uid": owner.pod_uid,
        "namespace": owner.namespace,
        "workload": owner.workload,
    }
    return {key: value for key, value in known.items() if value} | dict(owner.labels)
