import re
from pathlib import Path

import pytest
import yaml

from nrdot.config.reading.load import examine

SAMPLES = Path(__file__).parents[3] / "samples"
AGENTS = sorted(SAMPLES.glob("agent-*.yaml"))
ENVIRONMENT = {"NEW_RELIC_LICENSE_KEY": "a-key"}


@pytest.mark.parametrize("path", AGENTS, ids=lambda path: path.stem)
def test_every_sample_loads_without_a_word(path):
    configuration, problems = examine(path, ENVIRONMENT)

    assert [str(problem) for problem in problems] == []
    assert configuration.settings.export


@pytest.mark.parametrize("path", sorted(SAMPLES.rglob("*.yaml")), ids=lambda path: path.stem)
def test_no_sample_keeps_anything_where_every_user_of_a_machine_may_write(path):
    said = path.read_text()

    assert not re.search(r"(?<![\w.])/(var/)?tmp\b|/dev/shm", said)


def test_a_sample_for_the_usual_ways_out_is_there():
    assert {path.stem for path in AGENTS} >= {
        "agent-file",
        "agent-collector",
        "agent-prometheus",
        "agent-vendor",
    }


def test_prometheus_is_told_to_keep_apart_what_tells_hosts_and_groups_apart():
    prometheus = yaml.safe_load((SAMPLES / "receivers" / "prometheus.yaml").read_text())

    assert {
        "host.name",
        "host.id",
        "os.type",
        "process.pid",
        "process.executable.name",
        "nrdot.rollup",
    } <= set(prometheus["otlp"]["promote_resource_attributes"])


def test_prometheus_is_sent_nothing_older_than_it_takes():
    receiver = yaml.safe_load((SAMPLES / "receivers" / "prometheus.yaml").read_text())
    (sender,) = yaml.safe_load((SAMPLES / "agent-prometheus.yaml").read_text())["export"]

    assert receiver["storage"]["tsdb"]["out_of_order_time_window"] == sender["accepts_late"]


def test_the_collector_is_told_to_keep_resource_attributes():
    collector = yaml.safe_load((SAMPLES / "receivers" / "collector.yaml").read_text())

    for name in collector["service"]["pipelines"]["metrics"]["exporters"]:
        assert collector["exporters"][name]["resource_to_telemetry_conversion"]["enabled"] is True
