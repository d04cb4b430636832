"""The operator beside a real API server: 500 nodes, 10,000 pods, changes, and a churn of deployments.

The nodes' agents are played: each node reports as its agent would, COMPRESSED times as often as in life, from
the first measurement to the last. It takes minutes, so it runs only when asked for.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self

from programs import NotMeasurable
from table import at_most, stated
from whole import ROOT, cpu_ns, resident_bytes

INTEROP = ROOT / "tests" / "interop"
sys.path.insert(0, str(INTEROP))

import yaml
from parts.binaries import APISERVER
from parts.kubernetes import Cluster, Kubelet, pod
from parts.program import Program, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from table import Row

HOME = "nrdot-system"
OURS = f"/apis/nrdot.io/v1alpha1/namespaces/{HOME}"
MAPS = f"/api/v1/namespaces/{HOME}/configmaps"
NODES, PODS, GROUPS, CHANGES = 500, 10_000, 5, 40
STEADY = 30.0  # seconds in which nothing changes
DEPLOYMENTS, REPLICAS = 50, 10
PATIENCE = 180.0
USUAL, COMPRESSED = 300.0, 5  # seconds between two reports of an agent, and how much faster they come here


def run() -> list[Row]:
    if not APISERVER.path().exists():
        raise NotMeasurable("no API server; run tests/interop/setup first")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        cluster = stack.enter_context(Cluster(folder))
        _define(cluster)
        kubelet = Kubelet(cluster)
        stack.callback(kubelet.close)
        for n in range(GROUPS):
            names = [f"node-{number:03}" for number in range(n, NODES, GROUPS)]
            kubelet.nodes(names, {"pool": f"pool-{n}", "topology.kubernetes.io/zone": f"zone-{n % 3}"})
            _profile(cluster, n, 0)
        kubelet.pods(_pods(PODS))
        port = free_port()
        command = [sys.executable, "-m", "nrdot", "operator", "run", "--namespace", HOME]
        command += ["--kubeconfig", str(cluster.kubeconfig()), "--listen", f"127.0.0.1:{port}"]
        operator = Program(command, folder / "operator.log", lambda: True, environment=dict(os.environ))
        began = time.monotonic()
        stack.enter_context(operator)
        wait_until(lambda: _ready(port), "the operator to be ready", PATIENCE)
        ready = time.monotonic() - began
        wait_until(lambda: len(_pointers(cluster)) == GROUPS, "every pointer", PATIENCE)
        wait_until(
            lambda: len(cluster.get(f"{OURS}/nodetelemetries")["items"]) == NODES, "every node", PATIENCE
        )
        reports = stack.enter_context(Reports(cluster))
        wait_until(lambda: reports.written >= NODES, "a report of every node", PATIENCE)
        latencies = sorted(_changed(cluster, number) for number in range(1, CHANGES + 1))
        lists = _metric(port, "nrdot_operator_lists_total")
        used, since, before = cpu_ns(operator.pid), time.monotonic(), reports.written
        time.sleep(STEADY)
        cores = (cpu_ns(operator.pid) - used) / 1e9 / (time.monotonic() - since)
        heard = (reports.written - before) / STEADY
        missed = _churn(cluster, kubelet, port)
        resident = resident_bytes(operator.pid)
        return [
            at_most(f"operator's memory, {NODES} nodes, {PODS:,} pods", resident / 1e6, 150, "MB"),
            at_most("  ready after", ready, 15, "s"),
            at_most(
                "  CPU while agents report and nothing else changes",
                cores * 100,
                3,
                "% of a core",
                f"{heard:.1f} reports a second, {COMPRESSED} times as many as {NODES} nodes write in life",
            ),
            at_most(
                "a change of a profile to its pointer, p99",
                latencies[math.ceil(len(latencies) * 0.99) - 1],
                1,
                "s",
                f"median {latencies[len(latencies) // 2]:.2f}, {CHANGES} changes in {GROUPS} groups",
            ),
            at_most(f"{DEPLOYMENTS} deployments roll {REPLICAS} pods each: workloads missed", missed, 0, ""),
            at_most("  lists made anew", _metric(port, "nrdot_operator_lists_total") - lists, 0, ""),
            stated("  passes", _metric(port, "nrdot_operator_passes_total"), ""),
        ]


def _define(cluster: Cluster) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "nrdot", "operator", "manifests"], capture_output=True, text=True, check=True
    ).stdout
    for document in yaml.safe_load_all(printed):
        if document["kind"] == "CustomResourceDefinition":
            path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{document['metadata']['name']}"
            cluster.apply(path, document)
    cluster.create("/api/v1/namespaces", {"metadata": {"name": HOME}})
    wait_until(lambda: _answers(cluster), "the definitions to count")
    policy = {"discovery": {}, "label_based_scoring": [{"selector": "tier=frontend", "score": 0.8}]}
    _apply(cluster, "ClassificationPolicy", "classificationpolicies", "tiers", policy)


def _answers(cluster: Cluster) -> bool:
    found = {one["name"] for one in cluster.get("/apis/nrdot.io/v1alpha1")["resources"]}
    return found >= {"telemetryprofiles", "classificationpolicies", "profilerollouts", "nodetelemetries"}


def _apply(cluster: Cluster, kind: str, plural: str, name: str, spec: dict[str, Any]) -> None:
    metadata = {"name": name, "namespace": HOME}
    document = {"apiVersion": "nrdot.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
    cluster.apply(f"{OURS}/{plural}/{name}", document)


def _profile(cluster: Cluster, group: int, number: int) -> None:
    spec = {
        "profile": "balanced",
        "nodeSelector": {"pool": f"pool-{group}"},
        "configuration": {"overrides": [{"process": f"service-{number}", "force_collect": True}]},
    }
    _apply(cluster, "TelemetryProfile", "telemetryprofiles", f"pool-{group}", spec)


def _pods(number: int) -> Iterator[dict[str, Any]]:
    for n in range(number):
        workload = f"shop-{n // REPLICAS}"
        owner = ("StatefulSet", workload, "00000000-0000-4000-8000-000000000001")
        labels = {"app": workload, "tier": "frontend"}
        yield pod(f"{workload}-{n % REPLICAS}", f"node-{n % NODES:03}", labels=labels, owner=owner)


def _pointers(cluster: Cluster) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.get(MAPS, labelSelector="nrdot.io/kind=pointer")["items"]
    return found


def _changed(cluster: Cluster, number: int) -> float:
    """Seconds from the write of a profile to the write of its pointer."""
    group = number % GROUPS
    began = time.monotonic()
    _profile(cluster, group, number)
    path = f"{MAPS}/nrdot-pointer-pool-{group}"
    while f"service-{number}\n" not in cluster.get(path)["data"]["stable.yaml"]:
        time.sleep(0.01)
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError(f"change {number} never reached its pointer")
    return time.monotonic() - began


class Reports:
    """What agents say of their nodes, all through the measurement."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stop = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self.written = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60.0)

    def _run(self) -> None:
        pause = USUAL / COMPRESSED / NODES
        with ThreadPoolExecutor(4) as pool:
            due = time.monotonic()
            for number in count():
                pool.submit(self._report, f"node-{number % NODES:03}", number)
                due += pause
                if self._stop.wait(max(due - time.monotonic(), 0.0)):
                    return

    def _report(self, node: str, number: int) -> None:
        """Figures differ each time, as they do in life; nothing turns."""
        status = {
            "revision": "0123456789abcdef",
            "reportedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "processes": 200 + number % 50,
            "kept": 20 + number % 7,
            "reduction": f"0.8{number % 100:02}",
            "critical": {"seen": 3, "exported": 3, "covered": "1"},
            "conservation": {"exports": number, "exact": True, "difference": ""},
            "requirements": [{"requirement": "PCI-DSS", "seen": 2, "exported": 2}],
            "agent": {"cpu": f"0.00{number % 9 + 1}", "memory": 70_000_000 + number, "version": "0.1.0"},
        }
        self._cluster.patch(f"{OURS}/nodetelemetries/{node}/status", {"status": status})
        self.written += 1


def _churn(cluster: Cluster, kubelet: Kubelet, port: int) -> int:
    """Deployments replace their pods; how many of the new workloads were never proposed."""
    numbers = count()
    for names in (range(first, first + 5) for first in range(0, DEPLOYMENTS, 5)):
        documents = []
        for name in names:
            for _ in range(REPLICAS):
                owner = ("StatefulSet", f"fresh-{name}", "00000000-0000-4000-8000-000000000002")
                documents.append(
                    pod(f"fresh-{name}-{next(numbers)}", "node-000", labels={"app": "fresh"}, owner=owner)
                )
        kubelet.pods(documents)
        for name in names:
            for replica in range(REPLICAS):
                cluster.delete(f"/api/v1/namespaces/default/pods/shop-{name}-{replica}?gracePeriodSeconds=0")
    wanted = {f"StatefulSet/fresh-{name}" for name in range(DEPLOYMENTS)}

    def proposed() -> set[str]:
        found = cluster.get(f"{OURS}/classificationpolicies/tiers").get("status", {}).get("proposals", ())
        return {one["workload"] for one in found}

    deadline = time.monotonic() + 60
    while not wanted <= proposed() and time.monotonic() < deadline:
        time.sleep(0.5)
    wait_until(lambda: _metric(port, "nrdot_operator_queue_depth") == 0, "an empty queue")
    return len(wanted - proposed())


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(json.load(answer)["ready"])
    except (urllib.error.URLError, OSError):
        return False


def _metric(port: int, name: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(int(line.split()[-1]) for line in lines if line.startswith(name) and "failed" not in line)
