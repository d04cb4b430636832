"""Which nodes go first. Stable: a node's place depends on its name and the rollout, not on who else is there.

Each stratum (a pool in a zone, by default a zone) gives its own share, rounded up, so that no kind of node is
met for the first time when most of the cluster already runs what is new.
"""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nrdot.cluster.objects import Node

REGION = "topology.kubernetes.io/region"


def pick(nodes: Iterable[Node], percent: int, labels: Sequence[str], salt: str) -> set[str]:
    """The names of `percent` of each stratum; a larger share holds every node of a smaller one."""
    strata: Mapping[tuple[str, ...], list[str]] = defaultdict(list)
    for node in nodes:
        found = node.metadata.labels
        strata[tuple(found.get(label, "") for label in labels)].append(node.metadata.name)
    chosen: set[str] = set()
    for names in strata.values():
        names.sort(key=lambda name: (sha256(f"{salt}/{name}".encode()).digest(), name))
        chosen.update(names[: -(-len(names) * percent // 100)])
    return chosen


def legs(nodes: Sequence[Node], order: Sequence[str], label: str = REGION) -> list[tuple[str, list[Node]]]:
    """The nodes of each region as ordered, and last those of no region that is named; any may have none.

    The place of a region does not depend on the nodes that are there: nodes that come shift no step.
    """
    by_region: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        region = node.metadata.labels.get(label, "")
        by_region[region if region in order else ""].append(node)
    return [(region, by_region[region]) for region in (*order, "")]
