"""Two hosts' agents into a real Prometheus, through the Collector's remote write.

The hosts are trees of files that the test changes, so it knows what every counter must add up to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from parts.agent import Agent
from parts.collector import Collector
from parts.fleet import FakeHost
from parts.program import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from parts.prometheus import Prometheus, Series

# Prometheus' name, the label that splits it, and how many of NRDOT's own units one is.
COUNTERS = {
    "process.cpu.time": ("process_cpu_time_seconds_total", "state", 100),
    "process.disk.io": ("process_disk_io_bytes_total", "direction", 1),
}
RESIDENT = "process_memory_usage_bytes"
# Who is kept changes at nearly every export, and shells are dropped.
RESTLESS = {
    "profile": "aggressive",
    "top_n": {"cpu": 3, "memory": 1, "io": 1},
    "hold": "2s",
    "grace": "2s",
    "drop": [{"process": "sh"}],
}


class Backend:
    """Prometheus behind a Collector, asked about one host at a time."""

    def __init__(self, prometheus: Prometheus, collector: Collector) -> None:
        self.prometheus = prometheus
        self.collector = collector

    def counted(self, host: FakeHost) -> dict[tuple[str, str], int]:
        """What all counters of a host grew by, resets respected, in ticks and bytes."""
        found: dict[tuple[str, str], int] = {}
        for metric, (name, label, scale) in COUNTERS.items():
            for series in self.series(name, host):
                key = (metric, series.labels[label])
                found[key] = found.get(key, 0) + round(series.increments * scale)
        return {key: value for key, value in found.items() if value}

    def resident(self, host: FakeHost) -> float:
        """The sum that a dashboard shows at this moment."""
        answer = self.prometheus.values(f'sum({RESIDENT}{{host_id="{host.id}"}})')
        return answer[0] if answer else 0.0

    def series(self, name: str, host: FakeHost) -> list[Series]:
        return self.prometheus.raw(f'{name}{{host_id="{host.id}"}}')

    def shows(self, host: FakeHost, pid: int) -> bool:
        """Whether a dashboard shows a process at this moment."""
        return bool(self.prometheus.now(f'{RESIDENT}{{host_id="{host.id}",process_pid="{pid}"}}'))

    def wait_for(self, host: FakeHost) -> None:
        """Until everything that the host did has arrived, or the guard names what has not."""
        expected = {key: value for key, value in host.did.items() if value}
        wait_until(
            lambda: self.counted(host) == expected,
            lambda: f"{host.name} did {expected}, Prometheus counted {self.counted(host)}",
        )
        wait_until(
            lambda: self.resident(host) == host.resident,
            lambda: f"{host.name} has {host.resident} bytes resident, Prometheus {self.resident(host)}",
        )


@pytest.fixture
def backend(tmp_path: Path, prometheus: Prometheus) -> Iterator[Backend]:
    with Collector(tmp_path, exporters=prometheus.exporter()) as collector:
        yield Backend(prometheus, collector)


@pytest.fixture
def start(tmp_path: Path, backend: Backend) -> Callable[..., Agent]:
    """An agent that watches a fake host; the test enters it."""

    def make(host: FakeHost, **settings: object) -> Agent:
        return Agent(
            tmp_path,
            name=host.name,
            otlp={"endpoint": backend.collector.endpoint},
            resource=host.resource,
            agent={"procfs": str(host.proc.root)},
            **{"profile": "balanced", **settings},
        )

    return make


@pytest.fixture
def hosts(tmp_path: Path) -> list[FakeHost]:
    return [FakeHost(tmp_path / f"{name}-proc", name) for name in ("alpha", "beta")]


def test_two_hosts_with_the_same_pids_never_share_a_series(
    hosts: list[FakeHost], start: Callable[..., Agent], backend: Backend
) -> None:
    alpha, beta = hosts
    with start(alpha) as first, start(beta) as second:
        first.wait_for_exports(2)
        second.wait_for_exports(2)
        alpha.run(100, user=40)
        beta.run(100, user=7)
        backend.wait_for(alpha)
        backend.wait_for(beta)
    labels = [series.labels for host in hosts for series in backend.series(RESIDENT, host)]
    everything = backend.prometheus.raw(RESIDENT)
    assert len(labels) == len(everything), "a series without its host"
    bare = [_without_host(label) for label in labels]
    assert len({tuple(sorted(label.items())) for label in labels}) == len(labels)
    assert any(bare.count(label) == 2 for label in bare), "nothing here would have collided"


@pytest.mark.parametrize("profile", ["conservative", "balanced", "aggressive"])
def test_raw_samples_add_up_to_what_the_processes_did(
    hosts: list[FakeHost], start: Callable[..., Agent], backend: Backend, profile: str
) -> None:
    alpha, beta = hosts
    with start(alpha, profile=profile) as first, start(beta, profile=profile) as second:
        second.wait_for_exports(2)
        beta.run(101, user=3, system=1)
        _work(alpha, first)
        for host in hosts:
            backend.wait_for(host)


def test_raw_samples_add_up_while_processes_come_go_and_change_sides(
    hosts: list[FakeHost], start: Callable[..., Agent], backend: Backend
) -> None:
    alpha = hosts[0]
    with start(alpha, **RESTLESS) as agent:
        _work(alpha, agent)
        backend.wait_for(alpha)
    workers = [point for point in agent.points() if point.pid in alpha.workers]
    ended = {point.pid: point.time_ns for point in reversed(workers) if point.ends}
    again = {point.pid for point in workers if point.time_ns > ended.get(point.pid, point.time_ns)}
    rolled_up = {series.labels.get("nrdot_rollup") for series in backend.series(RESIDENT, alpha)}
    assert again, "no process was kept a second time"
    assert {"executable", "kernel", "dropped", None} <= rolled_up


def test_every_counter_begins_with_a_zero(
    hosts: list[FakeHost], start: Callable[..., Agent], backend: Backend
) -> None:
    """Without it Prometheus would never see the first increment of a series."""
    alpha = hosts[0]
    with start(alpha) as agent:
        agent.wait_for_exports(2)
        for _ in range(3):
            child = alpha.start("newcomer")
            alpha.run(child, user=25)
            agent.wait_for_exports(2)
        backend.wait_for(alpha)
    counters = [series for name, _, _ in COUNTERS.values() for series in backend.series(name, alpha)]
    assert counters
    assert [series.labels for series in counters if series.samples[0][1] != 0] == []


def test_a_process_that_ends_leaves_the_dashboards_at_once(
    hosts: list[FakeHost], start: Callable[..., Agent], backend: Backend
) -> None:
    """Prometheus repeats the last value for five minutes unless a stale marker ends the series."""
    alpha = hosts[0]
    with start(alpha, mode="observe") as agent:
        wait_until(lambda: backend.shows(alpha, 101), "nginx to be shown")
        alpha.end(101)
        agent.wait_for_exports(2)
        wait_until(lambda: not backend.shows(alpha, 101), "nginx to leave")
        assert backend.shows(alpha, 100)


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_restarted_agent_neither_repeats_nor_invents(
    hosts: list[FakeHost], start: Callable[..., Agent], backend: Backend, how: str
) -> None:
    alpha = hosts[0]
    for _ in range(2):
        agent = start(alpha)
        with agent:
            agent.wait_for_exports(2)
            alpha.run(100, user=31, system=4, written=8192)
            alpha.run(alpha.workers[0], user=5)
            backend.wait_for(alpha)
            if how == "killed":
                agent.program.kill()
        alpha.spend(100, user=1000)
    backend.wait_for(alpha)


def _work(host: FakeHost, agent: Agent) -> None:
    """Ten exports with other workers busy at each, steady services, and children that end."""
    agent.wait_for_exports(2)
    for step in range(10):
        for pid in host.workers[step % 3 :: 5]:
            host.run(pid, user=pid % 7 + 5 * step, system=pid % 3, read=512 * step, written=4096 * (pid % 5))
        host.run(100, user=20 * step, read=1 << 20)
        host.run(101, system=2)
        child = host.start("job")
        agent.wait_for_exports(1)
        host.run(child, user=11, system=2)
        host.end(child)
        agent.wait_for_exports(1)


def _without_host(labels: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key not in ("host_id", "host_name")}
