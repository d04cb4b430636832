"""What the operator remembers of the cluster's objects: the fields it needs, and nothing else.

Decoding skips every other field, so ten thousand pods stay small. A watch's events carry the same structures.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec


class Owner(msgspec.Struct, frozen=True, rename="camel"):
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    labels: dict[str, str] = {}
    owner_references: tuple[Owner, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def controller(self) -> Owner | None:
        return next((owner for owner in self.owner_references if owner.controller), None)


class Annotated(Metadata, frozen=True, rename="camel"):
    """With what is attached; only where it is needed, because it can be large."""

    annotations: dict[str, str] = {}


class Kept(msgspec.Struct, frozen=True):
    """Anything with metadata."""

    metadata: Metadata


class Resources(msgspec.Struct, frozen=True):
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}


class Container(msgspec.Struct, frozen=True):
    name: str = ""
    image: str = ""
    resources: Resources = Resources()


class PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    node_name: str = ""
    containers: tuple[Container, ...] = ()


class PodStatus(msgspec.Struct, frozen=True):
    phase: str = ""


class Pod(msgspec.Struct, frozen=True):
    metadata: Annotated
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Node(Kept, frozen=True):
    pass


class Target(msgspec.Struct, frozen=True):
    kind: str = ""
    name: str = ""


class ScaleSpec(msgspec.Struct, frozen=True, rename="camel"):
    min_replicas: int = 1
    max_replicas: int = 0
    scale_target_ref: Target = Target()


class ScaleStatus(msgspec.Struct, frozen=True, rename="camel"):
    current_replicas: int = 0
    desired_replicas: int = 0
    last_scale_time: str | None = None


class Autoscaler(Kept, frozen=True):
    """A HorizontalPodAutoscaler: whether a workload is growing right now, or as small as it gets."""

    spec: ScaleSpec = ScaleSpec()
    status: ScaleStatus = ScaleStatus()

    @property
    def grows(self) -> bool:
        return self.status.desired_replicas > self.status.current_replicas

    @property
    def smallest(self) -> bool:
        least = self.spec.min_replicas
        return self.status.current_replicas == self.status.desired_replicas == least < self.spec.max_replicas


class RecommenderSpec(msgspec.Struct, frozen=True, rename="camel"):
    target_ref: Target = Target()


class Advice(msgspec.Struct, frozen=True):
    """For one container."""

    target: dict[str, str] = {}


class Recommendation(msgspec.Struct, frozen=True, rename="camel"):
    container_recommendations: tuple[Advice, ...] | None = None


class RecommenderStatus(msgspec.Struct, frozen=True):
    recommendation: Recommendation | None = None


class Recommender(Kept, frozen=True):
    """A VerticalPodAutoscaler: what it thinks that a pod of a workload needs."""

    spec: RecommenderSpec = RecommenderSpec()
    status: RecommenderStatus = RecommenderStatus()


class ConfigMap(Kept, frozen=True):
    data: dict[str, str] = {}
    immutable: bool = False


class Custom(Kept, frozen=True):
    """One of our own resources: small, few, and read as a whole."""

    spec: dict[str, Any] = {}
    status: dict[str, Any] = {}


K = TypeVar("K", bound="Kept | Pod")


class ListMetadata(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Page(msgspec.Struct, Generic[K], frozen=True):
    metadata: ListMetadata
    items: list[K] | None = None


class Marked(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""


class Bookmark(msgspec.Struct, frozen=True):
    """How far a watch has come. An object of the watched kind in name only: it has no name and no content."""

    metadata: Marked


class Event(msgspec.Struct, frozen=True):
    """One line of a watch; the object is decoded by its type, because an error is no object of the kind."""

    type: str
    object: msgspec.Raw
