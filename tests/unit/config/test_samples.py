import re
from pathlib import Path

import pytest
import yaml

from nrdot.config.reading.load import examine, load_profile
from nrdot.config.values.units import duration

SAMPLES = Path(__file__).parents[3] / "samples"
AGENTS = sorted(SAMPLES.glob("agent-*.yaml"))
SHIPPED = ("conservative", "balanced", "aggressive")
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


def test_the_collector_for_vendors_keeps_processes_apart_and_forgets_those_that_ended():
    vendors = yaml.safe_load((SAMPLES / "receivers" / "collector-vendors.yaml").read_text())
    exporters, processors = vendors["exporters"], vendors["processors"]

    assert exporters["datadog"]["metrics"]["resource_attributes_as_tags"] is True
    assert exporters["prometheusremotewrite/grafana"]["resource_to_telemetry_conversion"]["enabled"] is True
    slowest = max(load_profile(name, SAMPLES, {}).export_interval for name in SHIPPED)
    assert duration(processors["cumulativetodelta"]["max_staleness"]) > 10 * slowest
    for pipeline in vendors["service"]["pipelines"].values():
        assert {*pipeline["exporters"]} <= exporters.keys()
        assert {*pipeline["processors"]} <= processors.keys()
        assert {*pipeline["receivers"]} <= vendors["receivers"].keys()


def test_the_collector_is_told_to_keep_resource_attributes():
    collector = yaml.safe_load((SAMPLES / "receivers" / "collector.yaml").read_text())

    for name in collector["service"]["pipelines"]["metrics"]["exporters"]:
        assert collector["exporters"][name]["resource_to_telemetry_conversion"]["enabled"] is True


def test_the_playbook_lints_before_it_installs_and_waits_for_the_agents_own_answer():
    (play,) = yaml.safe_load((SAMPLES / "ansible" / "nrdot.yaml").read_text())
    tasks = {task["name"]: task for task in play["tasks"]}
    written = next(
        task["ansible.builtin.template"] for task in tasks.values() if "ansible.builtin.template" in task
    )
    asked = next(task["ansible.builtin.uri"] for task in tasks.values() if "ansible.builtin.uri" in task)
    link = next(one for task in tasks.values() if (one := task.get("ansible.builtin.file", {})).get("src"))
    unit = (SAMPLES / "systemd" / "nrdot.service").read_text()
    settings = examine(SAMPLES / "agent-prometheus.yaml", ENVIRONMENT)[0].settings

    assert play["serial"][0] == 1
    assert play["max_fail_percentage"] == 0
    assert written["validate"].endswith("/bin/nrdot profile lint %s")
    (secrets,) = (line for line in unit.splitlines() if line.startswith("EnvironmentFile="))
    assert f"--property={secrets} " in written["validate"], "or no configuration that names a secret passes"
    assert f"ExecStart={link['dest']}/bin/nrdot agent -c {written['dest']}" in unit
    host, port = settings.agent.address
    assert asked["url"] == f"http://{host}:{port}/readyz"
    assert {task["notify"] for task in tasks.values() if "notify" in task} == {
        handler["name"] for handler in play["handlers"]
    }
