"""Evidence for requirements: which processes the rules that serve them see, and which of those are kept."""

from __future__ import annotations

import pytest

from nrdot.agent.node.evidence import Evidence
from nrdot.agent.wire import build_stages
from nrdot.checks.loading import load
from nrdot.stages import Verdict
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.invented import InventedHost

RULES = """
process_classification:
  payment:
    score: 1.0
    patterns: ["^payment-"]
    requirement: [PCI-DSS]
overrides:
  - {process: "ledger*", force_collect: true, requirement: [SOX, PCI-DSS]}
"""


class World:
    def __init__(self, folder, rules=RULES):
        path = folder / "rules.yaml"
        path.write_text(rules)
        configuration = load(path)
        self.host = InventedHost()
        self.stages = build_stages(configuration, ManualClock(), self.host)
        self.evidence = Evidence()
        self.evidence.use(configuration, self.stages)

    def look(self):
        tick = self.stages.pipeline.flush()
        self.evidence.see(tick.batch)
        return {
            one["requirement"]: (one["seen"], one["exported"]) for one in self.evidence.document(tick.batch)
        }


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    for pid, name in enumerate(("payment-gateway", "payment-batch", "ledger", "nginx"), start=10):
        made.host.begin(pid, name)
    made.look()
    return made


def test_each_requirement_counts_the_processes_of_every_rule_that_serves_it(world):
    assert world.look() == {"PCI-DSS": (3, 3), "SOX": (1, 1)}


def test_a_process_that_is_rolled_up_is_seen_and_not_exported(world):
    tick = world.stages.pipeline.flush()
    row = next(one.row for one in world.host.processes if one.identity.name == "payment-batch")
    tick.batch.table.verdict[row] = Verdict.ROLL_UP
    assert {"requirement": "PCI-DSS", "seen": 3, "exported": 2} in world.evidence.document(tick.batch)


def test_those_who_end_or_take_another_name_no_longer_count(world):
    first, second, *_ = world.host.processes
    world.host.end(first)
    world.host.rename(second, "sh")
    assert world.look() == {"PCI-DSS": (1, 1), "SOX": (1, 1)}


def test_many_newcomers_are_counted_as_the_table_grows(world):
    for pid in range(100, 200):
        world.host.begin(pid, "payment-worker")
    assert world.look()["PCI-DSS"] == (103, 103)


def test_without_tagged_rules_there_is_nothing_to_prove(tmp_path):
    world = World(tmp_path, "overrides: [{process: x, force_collect: true}]\n")
    world.host.begin(10, "x")
    world.look()
    assert world.look() == {}
