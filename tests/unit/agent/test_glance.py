"""What stands in for a tick that is shed, through the stages of the agent."""

from __future__ import annotations

import pytest

from nrdot.agent.wire import build_stages
from nrdot.batch import Counter
from nrdot.checks.loading import load
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.invented import InventedHost
from nrdot.testing.plain.backend import Backend

RULES = """
profile: aggressive
agent: {interval: 15s}
process_classification:
  payments:
    score: 1.0
    patterns: [^payment]
    special_handling: {no_sampling: true}
"""


class Sent:
    """A buffer that shows a backend everything at once."""

    def __init__(self):
        self.backend = Backend()

    def put(self, record):
        self.backend.receive([record])


@pytest.fixture
def agent(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    host = InventedHost()
    host.begin(10, "payment-gateway")
    for pid in range(20, 40):
        host.begin(pid, "worker")
    sent = Sent()
    stages = build_stages(load(path), ManualClock(), host, buffers=[sent])
    stages.pipeline.tick()
    stages.pipeline.flush()
    return stages.pipeline, host, sent.backend


class OwnMetrics:
    def __init__(self):
        self.asked = 0

    def records(self, _time_ns):
        self.asked += 1
        return ()


def used(backend):
    return backend.total("process.cpu.time", state="user")


def test_a_process_without_sampling_is_exported_where_a_tick_is_shed(agent):
    pipeline, host, backend = agent
    payment, worker, *_ = host.processes
    for process in (payment, worker):
        host.run(process, Counter.CPU_USER, 100)
    tick = pipeline.glance()
    assert tick.frame.steady.tolist() == [payment.row]
    assert (tick.frame.whole, tick.frame.groups) == (False, ())
    assert used(backend) == pytest.approx(1.0)


def test_nothing_is_counted_twice_or_lost_by_it(agent):
    pipeline, host, backend = agent
    payment, worker, *_ = host.processes
    for _ in range(12):
        for process in (payment, worker):
            host.run(process, Counter.CPU_USER, 100)
        host.time_ns += 5_000_000_000
        pipeline.glance()
        pipeline.tick()
    pipeline.flush()
    assert used(backend) == pytest.approx(24.0)


def test_where_nobody_asks_for_it_nobody_is_looked_at(agent):
    pipeline, host, _ = agent
    host.end(host.processes[0])
    pipeline.tick()
    assert pipeline.glance() is None


def test_the_agents_own_metrics_go_with_what_is_due_and_not_with_what_cannot_wait(agent):
    pipeline, host, _ = agent
    pipeline.telemetry = OwnMetrics()
    host.run(host.processes[0], Counter.CPU_USER, 100)
    assert not pipeline.tick().frame.whole
    assert pipeline.telemetry.asked == 0
    assert pipeline.flush().frame.whole
    assert pipeline.telemetry.asked == 1
