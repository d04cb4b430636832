"""Which profile a node uses: of those that select it the highest priority, then the oldest, then the name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nrdot.cluster.objects import Custom, Node


@dataclass(slots=True)
class Group:
    """A profile, the nodes that use it, and those that it selects and another one won."""

    profile: Custom
    nodes: list[Node] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)  # node to the profile that won it


def is_for_workloads(profile: Custom) -> bool:
    return bool(profile.spec.get("workloads"))


def grouped(profiles: Iterable[Custom], nodes: Iterable[Node]) -> dict[str, Group]:
    """Groups by the name of their profile; a node that no profile selects is in none."""
    ranked = sorted((one for one in profiles if not is_for_workloads(one)), key=_rank)
    groups = {one.metadata.name: Group(one) for one in ranked}
    for node in sorted(nodes, key=lambda node: node.metadata.name):
        selecting = [one.metadata.name for one in ranked if selects(one, node)]
        for place, name in enumerate(selecting):
            if place == 0:
                groups[name].nodes.append(node)
            else:
                groups[name].lost[node.metadata.name] = selecting[0]
    return groups


def selects(profile: Custom, node: Node) -> bool:
    wanted = profile.spec.get("nodeSelector") or {}
    return all(node.metadata.labels.get(label) == value for label, value in wanted.items())


def _rank(profile: Custom) -> tuple[int, str, str]:
    return -int(profile.spec.get("priority") or 0), profile.metadata.creation_timestamp, profile.metadata.name
