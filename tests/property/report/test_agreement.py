"""The report says what a receiver got: points, bytes and series, of a live agent and of a simulated one."""

from __future__ import annotations

import json
import os
import time

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from nrdot.checks.loading import load
from nrdot.config.reading.load import load_profile
from nrdot.simulate.run import simulate, under
from nrdot.testing.commands.console import typed
from nrdot.testing.commands.nursery import Forked
from nrdot.testing.recordings.captures import crowd, write_capture
from nrdot.testing.servers.otlp import OtlpServer

HANG = 60.0
HOUR = 3600
# Meters of our own, so that the report tells the quantities that bills are made of.
PRICES = "meters: {distinct: {formula: series_hourly}}\n"
OWN = ("process.pid", "nrdot.rollup")  # who has neither speaks of the agent itself


def report(folder, ledger):
    prices = folder / "prices.yaml"
    prices.write_text(PRICES)
    done = typed("report", "--ledger", ledger, "--pricing", prices, "--json")
    assert done.status == 0, done.err
    return json.loads(done.out)


def told(found):
    """Series of processes and groups: the agent's own are a step of their own."""
    meter = found["meters"]["distinct"]
    return meter["sent"] + meter["attribution"]["own_metrics"]


class Decoded:
    """Export requests as a backend reads them."""

    def __init__(self, requests):
        self.points = self.own_points = 0
        self.series = set()
        for resource, metric, point in _points(requests):
            self.points += 1
            words = _words(resource)
            if any(name in dict(words) for name in OWN):
                self.series.add((words, metric, _words(point)))
            else:
                self.own_points += 1


def _points(requests):
    for request in requests:
        for one in request.resource_metrics:
            for scope in one.scope_metrics:
                for metric in scope.metrics:
                    for point in getattr(metric, metric.WhichOneof("data")).data_points:
                        yield one.resource, metric.name, point


def _words(message):
    return tuple(sorted((pair.key, str(pair.value)) for pair in message.attributes))


def lived(folder, mode):
    """An agent on this very host for six samples, and what arrived of it."""
    with OtlpServer() as server:
        rules = {
            "profile": "balanced",
            "mode": mode,
            "export_interval": "2s",
            "baseline": {"interval": "2s"},
            "agent": {
                "interval": "1s",
                "state_dir": str(folder / "state"),
                "cpu_budget": "100%",
                "listen": "",
            },
            "export": [{"name": "c", "otlp": {"endpoint": server.url}}],
        }
        (folder / "nrdot.yaml").write_text(json.dumps(rules))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        errors = folder / "errors"
        agent = Forked(
            *("agent", "-c", folder / "nrdot.yaml", "--duration", "6s"),
            folder=folder,
            environment=environment,
            err=errors,
        )
        assert agent.wait(HANG) == 0, errors.read_text()
        return server.delivered


def within_one_hour(work):
    """Distinct series are those of an hour, and a run may see the end of one."""
    for attempt in range(2):
        began = time.time() // HOUR
        found = work(attempt)
        if time.time() // HOUR == began:
            break
    return found


def test_what_a_live_agent_reports_is_what_a_receiver_decoded(tmp_path):
    def work(attempt):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        return lived(folder, "optimize"), report(folder, folder / "state")

    requests, found = within_one_hour(work)
    decoded = Decoded(request.message for request in requests)
    assert found["points"]["sent"] == decoded.points > decoded.own_points > 0
    assert found["agent"]["points"] == decoded.own_points
    assert found["bytes"]["sent"] == sum(len(request.payload) for request in requests)
    assert found["bytes"]["wire"] == sum(request.wire_bytes for request in requests)
    assert told(found) == len(decoded.series) > 0
    (destination,) = found["destinations"]
    assert (destination["produced"], destination["delivered"]) == (decoded.points, decoded.points)
    assert found["points"]["unoptimized"] > 0


def test_who_only_observes_reports_its_own_metrics_among_what_the_profile_would_send(tmp_path):
    requests = lived(tmp_path, "observe")
    found = report(tmp_path, tmp_path / "state")
    decoded = Decoded(request.message for request in requests)
    assert found["window"]["mode"] == "observe"
    assert found["agent"]["points"] == decoded.own_points > 0
    assert found["points"]["sent"] < decoded.points
    (destination,) = found["destinations"]
    assert destination["delivered"] == decoded.points


class Kept:
    """An exporter that keeps what it is given."""

    def __init__(self):
        self.payloads = []

    def export(self, payload, points):  # noqa: ARG002 - the exporter's interface
        self.payloads.append(payload)


@pytest.mark.parametrize("name", ["conservative", "balanced", "aggressive"])
def test_what_a_simulated_agent_reports_is_what_a_receiver_would_decode(tmp_path, name):
    capture = write_capture(tmp_path / "h1.jsonl", crowd(ticks=61, renames=0.0))
    configuration = under(load(None), name, load_profile(name, tmp_path, {}))
    kept = Kept()
    outcome = simulate(capture, configuration, kept, ledger=tmp_path / "ledger")
    decoded = Decoded(map(ExportMetricsServiceRequest.FromString, kept.payloads))
    found = report(tmp_path, tmp_path / "ledger")
    assert found["points"]["sent"] == outcome.points == decoded.points > 0
    assert found["bytes"]["sent"] == outcome.bytes == sum(map(len, kept.payloads))
    assert found["points"]["unoptimized"] == outcome.points_unoptimized
    assert found["bytes"]["unoptimized"] == outcome.bytes_unoptimized
    same = found["points"]["unoptimized"] - found["attribution"]["interval"]
    assert same == outcome.points_same_interval
    assert told(found) == len(decoded.series)
    assert found["critical"]["seen"] == outcome.critical_seen
