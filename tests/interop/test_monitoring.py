"""samples/monitoring beside a real Prometheus: every panel shows something, every rule means something.

A real agent watches this machine and reports through a Collector; the same Prometheus scrapes it as well.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from parts.agent import Agent
from parts.collector import Collector
from parts.program import executable, free_port, wait_until
from parts.prometheus import Prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "samples/monitoring"
RECEIVER = ROOT / "samples/receivers/prometheus.yaml"
DASHBOARDS = sorted(FOLDER.glob("*.json"))
RULES = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"][0]["rules"]
# What Grafana fills in.
VARIABLES = {"$host": ".*", "$__rate_interval": "30s", "${datasource}": "prometheus"}


def queries(board: Path) -> dict[str, str]:
    """Every query of a dashboard, by its panel."""
    found = {}
    for panel in json.loads(board.read_text())["panels"]:
        for target in panel.get("targets", ()):
            text = target["expr"]
            for name, value in VARIABLES.items():
                text = text.replace(name, value)
            found[f"{board.stem}: {panel['title']}, {target['refId']}"] = text
    return found


QUERIES = {name: text for board in DASHBOARDS for name, text in queries(board).items()}


def unknown_to_grafana(board: Path) -> list[str]:
    """Keys of a dashboard that Grafana's own types lose, each in a line."""
    types = ROOT / ".cache/grafana-foundation-sdk-11.6.0"
    done = subprocess.run(
        [sys.executable, ROOT / "tests/interop/parts/grafana.py", board],
        env={**os.environ, "PYTHONPATH": str(types)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda path: path.stem)
def test_grafanas_own_types_know_every_key_of_a_dashboard(board: Path) -> None:
    assert unknown_to_grafana(board) == []


def test_a_key_that_grafana_does_not_know_is_noticed(tmp_path: Path) -> None:
    text = DASHBOARDS[0].read_text().replace('"colorMode"', '"colourMode"')
    (tmp_path / "board.json").write_text(text)

    assert any("colourMode is unknown" in line for line in unknown_to_grafana(tmp_path / "board.json"))


class World:
    """An agent whose second destination is away and never retried, so that points are dropped."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.prometheus = Prometheus(folder, scrape=self._scrape())
        self.collector = Collector(folder, exporters=self.prometheus.exporter())
        self.agent = Agent(
            folder,
            otlp={"endpoint": self.collector.endpoint},
            profile="balanced",
            agent={"listen": f"127.0.0.1:{self.port}", "state_dir": str(folder / "state")},
            baseline={"interval": "1s"},
            batching={"retry_on_failure": False},
        )
        document = yaml.safe_load(self.agent.config.read_text())
        document["export"].append({"name": "away", "otlp": {"endpoint": "http://127.0.0.1:9"}})
        self.agent.config.write_text(yaml.safe_dump(document))
        self.agent.port = self.port

    def _scrape(self) -> list[dict[str, Any]]:
        """The sample's own job, with the agent of this test as its target."""
        (job,) = yaml.safe_load(RECEIVER.read_text())["scrape_configs"]
        return [{**job, "scrape_interval": "1s", "static_configs": [{"targets": [f"127.0.0.1:{self.port}"]}]}]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("monitoring"))
    with made.prometheus, made.collector, made.agent:
        # Rates need two samples, and what is never retried is dropped at once.
        wait_until(lambda: made.prometheus.values("nrdot_dropped_total > 0"), "points to be dropped")
        made.agent.wait_for_exports(3)
        yield made


@pytest.mark.parametrize("name", QUERIES)
def test_a_panel_shows_something(world: World, name: str) -> None:
    wait_until(lambda: world.prometheus.values(QUERIES[name]), lambda: f"{name}: {QUERIES[name]}")


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda path: path.stem)
def test_the_choice_of_hosts_finds_them(world: World, board: Path) -> None:
    (host,) = [one for one in json.loads(board.read_text())["templating"]["list"] if one["name"] == "host"]
    found = re.fullmatch(r"label_values\((?P<metric>\w+), (?P<label>\w+)\)", host["query"]["query"])
    assert found
    query = f'{found["metric"]}{{{found["label"]}!=""}}'
    wait_until(lambda: world.prometheus.now(query), query)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_speaks_of_metrics_that_are_there(world: World, rule: dict[str, Any]) -> None:
    """Evaluated as it stands; then each of its metrics by itself, because a quiet rule returns nothing."""
    world.prometheus.values(rule["expr"])
    for metric in set(re.findall(r"\bnrdot_\w+", rule["expr"])):
        wait_until(lambda metric=metric: world.prometheus.now(metric), metric)


def test_a_scraped_agent_has_the_same_names_as_one_that_sends(world: World) -> None:
    """So that one dashboard and one set of rules serve both."""
    names = {name for text in QUERIES.values() for name in re.findall(r"\bnrdot_(?!group|rollup)\w+", text)}
    for name in sorted(names):
        wait_until(
            lambda name=name: len(_ways(world, name)) == 2, lambda name=name: f"{name}: {_ways(world, name)}"
        )


def _ways(world: World, name: str) -> set[bool]:
    """Whether a metric came by scraping, by OTLP, or by both; with its host in either case."""
    return {
        found.get("job") == "nrdot" and "instance" in found
        for found in world.prometheus.now(f'{name}{{host_name!=""}}')
    }


def test_the_rules_are_rules_and_fire_when_they_should() -> None:
    for words in (["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]):
        done = subprocess.run(
            [executable("promtool"), *words], cwd=FOLDER, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_test_of_the_rules_knows_every_rule() -> None:
    text = (FOLDER / "alerts.test.yaml").read_text()
    assert [rule["alert"] for rule in RULES if f'alertname="{rule["alert"]}"' not in text] == []
