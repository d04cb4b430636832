"""What an agent tells of the last hour: every point and every clock tick, under its namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nrdot.agent.beside.books import Bookkeeping
from nrdot.agent.node.consumption import Consumption
from nrdot.agent.wire import build_stages
from nrdot.batch import Counter, Owner
from nrdot.checks.loading import load
from nrdot.cluster.usage import NAMESPACES, Line, Usage, read
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.invented import HOST, InventedHost, InventedProcess

if TYPE_CHECKING:
    from pathlib import Path

MINUTE = 60.0
RULES = """
profile: balanced
packs: {enabled: false}
process_classification:
  store: {score: 1.0, patterns: ["^postgres$"]}
overrides:
  - {process: nginx, importance: 0.7}
"""


class World:
    """An agent's stages and books over a host that the test invents; a tick is 15 seconds."""

    def __init__(self, folder: Path) -> None:
        path = folder / "nrdot.yaml"
        path.write_text(RULES)
        configuration = load(path)
        self.host = InventedHost()
        self.clock = ManualClock()
        self.stages = build_stages(configuration, self.clock, self.host)
        self.books = Bookkeeping(folder / "ledger")
        self.books.use(configuration, self.stages, (), "r1", self.clock)
        self.consumption = self.books.listener = Consumption()
        self.consumption.use(configuration)
        self.sent = 0
        self._pid = 100

    def begin(self, name: str, namespace: str = "", workload: str = "", unit: str = "") -> InventedProcess:
        self._pid += 1
        pod = {"pod_uid": f"u-{namespace}", "pod": "p", "container": "c"} if namespace else {}
        owner = Owner(namespace=namespace, workload=workload, unit=unit, **pod)
        return self.host.begin(self._pid, name, owner=owner)

    def ticks(self, count: int) -> None:
        for _ in range(count):
            self.clock.advance(15.0)
            tick = self.stages.pipeline.tick()
            self.sent += sum(record.points for record in tick.records)

    def usage(self) -> Usage:
        found = read(self.consumption.document)
        assert found is not None
        return found

    def line(self, kind: str, name: str = "") -> Line:
        return next(line for line in self.usage().lines if (line.kind, line.name) == (kind, name))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_nothing_is_told_before_the_first_minute_is_over(world: World) -> None:
    world.begin("nginx", "shop")
    world.ticks(2)
    assert world.consumption.document is None
    assert read(world.consumption.document) is None


def test_every_point_that_was_sent_is_told_once(world: World) -> None:
    for namespace in ("shop", "shop", "lab"):
        world.begin("nginx", namespace, "Deployment/front")
        for name in ("helper-a", "helper-b", "helper-c", "helper-d"):
            world.begin(name, namespace, "Deployment/front")
    world.begin("kubelet", unit="kubelet.service")
    world.begin("lost", unit="cri-containerd-*.scope")
    world.ticks(9)
    told = sum(line.get("points_sent") for line in world.usage().lines)
    # The tick that ends a minute is told with the next one.
    last = sum(record.points for record in world.stages.pipeline.tick().records)
    assert told <= world.sent
    assert world.sent - told <= last + world.sent / 2
    world.books.close()
    assert sum(line.get("points_sent") for line in world.usage().lines) == world.sent + last
    kinds = {line.kind for line in world.usage().lines}
    assert kinds >= {"namespace", "system", "unknown", "groups"}


def test_cpu_of_those_that_end_is_their_workloads(world: World) -> None:
    lasting = world.begin("nginx", "shop", "Deployment/front")
    short = world.begin("job", "shop", "Job/nightly")
    world.ticks(1)
    world.host.run(lasting, Counter.CPU_USER, 600)
    world.host.run(short, Counter.CPU_USER, 300)
    world.ticks(1)
    world.host.run(short, Counter.CPU_USER, 300)
    world.host.end(short)
    world.ticks(8)
    world.books.close()
    usage = world.usage()
    cores = {workload: cpu for (_, workload), (cpu, _) in usage.workloads.items()}
    assert cores["Deployment/front"] * usage.seconds == pytest.approx(600 / HOST.hz, abs=0.1)
    assert cores["Job/nightly"] * usage.seconds == pytest.approx(300 / HOST.hz, abs=0.1)
    assert world.line("namespace", "shop").get("cpu") == pytest.approx(9.0)


def test_each_profile_would_keep_what_scores_enough_and_what_is_never_filtered(
    world: World,
) -> None:
    store = world.begin("postgres", "shop")
    front = world.begin("nginx", "shop")
    world.begin("helper", "shop")
    world.ticks(1)
    for _ in range(9):
        world.host.run(store, Counter.CPU_USER, 100)
        world.host.run(front, Counter.CPU_USER, 300)
        world.ticks(1)
    line = world.line("namespace", "shop")
    processes = {name: kept for name, (kept, _) in line.would.items()}
    assert processes["aggressive"] == pytest.approx(1.0, abs=0.1)
    assert processes["balanced"] == pytest.approx(2.0, abs=0.1)
    cpu = {name: cpu for name, (_, cpu) in line.would.items()}
    assert cpu["balanced"] == pytest.approx(4 * cpu["aggressive"], rel=0.01)
    assert line.profile == "balanced"


def test_the_last_hour_is_told_and_no_more(world: World) -> None:
    process = world.begin("nginx", "shop")
    world.ticks(8)
    world.host.run(process, Counter.CPU_USER, 1000)
    world.ticks(4 * 50)
    assert world.line("namespace", "shop").get("cpu") == pytest.approx(10.0)
    world.ticks(4 * 20)
    assert world.line("namespace", "shop").get("cpu") == 0.0
    assert 55 * MINUTE <= world.usage().seconds <= 60 * MINUTE


def test_a_node_of_very_many_namespaces_names_the_largest_and_sums_the_others(world: World) -> None:
    for number in range(NAMESPACES + 8):
        for _ in range(2 if number < NAMESPACES else 1):
            world.begin("nginx", f"team-{number:02}", "Deployment/front")
    world.ticks(9)
    named = [line for line in world.usage().lines if line.kind == "namespace"]
    assert {line.name for line in named} == {f"team-{number:02}" for number in range(NAMESPACES)}
    assert world.line("other").get("processes") == pytest.approx(8.0, rel=0.2)
    document = world.consumption.document
    assert document is not None
    assert max(len(row) for row in document["rows"]) < 300
    assert len(document["rows"]) <= 48


def test_a_row_is_used_again_without_the_past_of_the_one_before(world: World) -> None:
    first = world.begin("nginx", "shop", "Deployment/front")
    world.ticks(2)
    world.host.run(first, Counter.CPU_USER, 500)
    world.ticks(4)
    world.host.end(first)
    world.ticks(5)
    second = world.begin("nginx", "lab", "Deployment/back")
    world.host.run(second, Counter.CPU_USER, 200)
    world.ticks(6)
    world.books.close()
    usage = world.usage()
    cores = {key: cpu * usage.seconds for key, (cpu, _) in usage.workloads.items()}
    assert cores[("shop", "Deployment/front")] == pytest.approx(5.0, abs=0.2)
    assert cores[("lab", "Deployment/back")] == pytest.approx(2.0, abs=0.2)
