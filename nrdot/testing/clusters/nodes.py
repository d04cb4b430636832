"""Nodes and reports for tests of rollouts: a cluster whose agents do as they are told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from nrdot.cluster.objects import Metadata, Node
from nrdot.kube.gates import Report
from nrdot.kube.rollout import Plan, Scene, Status, advance

ZONE = "topology.kubernetes.io/zone"


def node(name: str, **labels: str) -> Node:
    return Node(Metadata(name, labels=labels))


def zoned(count: int, zones: int = 3) -> tuple[Node, ...]:
    """Nodes spread over zones."""
    return tuple(Node(Metadata(f"node-{n}", labels={ZONE: f"zone-{n % zones}"})) for n in range(count))


@dataclass
class FakeCluster:
    """Agents that run at once what their pointer says, and report that all is well."""

    nodes: tuple[Node, ...]
    plan: Plan
    wanted: str = "new"
    stable: str = "old"
    now: float = 1000.0
    frozen: str = ""
    status: Status = field(default_factory=Status)
    reports: dict[str, Report] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.reports = {
            one.metadata.name: Report(self.stable, self.now, coverage=1.0, exact=True) for one in self.nodes
        }

    def turn(self, seconds: float = 0.0) -> Status:
        """Time goes by, agents act and report, the rollout takes a step."""
        self.now += seconds
        for one in self.nodes:
            name = one.metadata.name
            if name not in self.silent:
                runs = self.status.to if name in self.status.candidates else self.stable
                before = self.reports.get(name, Report("", 0.0))
                self.reports[name] = replace(before, revision=runs, at=self.now)
        self.status = advance(self.plan, self.status, self.scene(), "rollout")
        return self.status

    def scene(self) -> Scene:
        return Scene(self.now, self.nodes, self.reports, self.wanted, self.stable, self.frozen)
