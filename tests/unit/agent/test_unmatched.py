"""Overrides that match nothing, as the running agent says it."""

from __future__ import annotations

import pytest

from nrdot.agent.beside.unmatched import UnmatchedOverrides
from nrdot.agent.wire import build_stages
from nrdot.checks.loading import load
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.invented import InventedHost

RULES = """
overrides:
  - {process: "postgers*", force_collect: true}
  - {process: nginx, importance: 0.9}
"""


@pytest.fixture
def stages(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    host = InventedHost()
    host.begin(10, "nginx")
    host.begin(11, "postgres")
    return build_stages(load(path), ManualClock(), host)


def run(watcher, stages, samples):
    for _ in range(samples):
        watcher(stages.pipeline.tick())


def said(caplog):
    return [record.message for record in caplog.records]


def test_an_override_that_matches_nothing_is_said_once_when_it_had_time_to(stages, caplog):
    watcher = UnmatchedOverrides()
    watcher.use(stages)
    run(watcher, stages, 20)
    assert said(caplog) == []
    run(watcher, stages, 40)
    assert said(caplog) == [
        "overrides 'postgers*': no process has this name; nearest: postgres; it has no effect so far"
    ]


def test_it_is_not_said_again_after_a_reload(stages, caplog):
    watcher = UnmatchedOverrides()
    for _ in range(2):
        watcher.use(stages)
        run(watcher, stages, 30)
    assert len(said(caplog)) == 1


def test_who_comes_in_time_is_not_missed(stages, caplog):
    watcher = UnmatchedOverrides()
    watcher.use(stages)
    run(watcher, stages, 5)
    late = stages.pipeline.sampler.begin(12, "postgersql")
    run(watcher, stages, 5)
    stages.pipeline.sampler.end(late)
    run(watcher, stages, 30)
    assert said(caplog) == []
