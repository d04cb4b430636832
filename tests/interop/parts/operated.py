"""A cluster with our resources defined, namespaces of it for one test each, and the operator as a process."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from parts.kubernetes import Cluster, Kubelet, RefusedError
from parts.program import HANG_GUARD, Program, answers, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFINITIONS = sorted((Path(__file__).resolve().parents[3] / "operator" / "crds").glob("*.yaml"))
NODES = [f"node-{n}" for n in range(6)]
STEPS = [{"percent": 34, "bake": "1s"}, {"percent": 100, "bake": "1s"}]
_numbers = count()


@contextmanager
def operated_cluster(folder: Path) -> Iterator[Cluster]:
    """Six nodes in two zones, the last of them in a pool of its own."""
    with Cluster(folder) as cluster:
        define(cluster)
        kubelet = Kubelet(cluster)
        for n, name in enumerate(NODES):
            labels = {"topology.kubernetes.io/zone": f"zone-{n % 2}", "pool": "gpu" if n == 5 else "general"}
            kubelet.nodes([name], labels)
        kubelet.close()
        yield cluster


def define(cluster: Cluster) -> None:
    """Our resources, ready to be written."""
    for file in DEFINITIONS:
        definition = yaml.safe_load(file.read_text())
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition['metadata']['name']}"
        cluster.apply(path, definition)
    wait_for_definitions(cluster)


def wait_for_definitions(cluster: Cluster) -> None:
    for file in DEFINITIONS:
        path = f"/apis/nrdot.io/v1alpha1/{file.stem}"
        wait_until(lambda path=path: _is_served(cluster, path), f"{path} to be served")


def _is_served(cluster: Cluster, path: str) -> bool:
    """A definition that is established is served a moment later."""
    try:
        cluster.get(path)
    except RefusedError:
        return False
    return True


class Home(Cluster):
    """A namespace of a cluster that others use as well: each test has one to itself."""

    def __init__(self, cluster: Cluster) -> None:
        vars(self).update(vars(cluster))
        self.namespace = f"nrdot-{next(_numbers)}"
        self.ours = f"/apis/nrdot.io/v1alpha1/namespaces/{self.namespace}"
        self.maps = f"/api/v1/namespaces/{self.namespace}/configmaps"
        self.create("/api/v1/namespaces", {"metadata": {"name": self.namespace}})

    def write(self, kind: str, plural: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        """One of our resources, as kubectl applies it."""
        document = {
            "apiVersion": "nrdot.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }
        return self.apply(f"{self.ours}/{plural}/{name}", document)

    def profile(self, name: str = "general", **spec: Any) -> dict[str, Any]:
        return self.write("TelemetryProfile", "telemetryprofiles", name, spec)

    def policy(self, name: str = "tiers", **spec: Any) -> dict[str, Any]:
        return self.write("ClassificationPolicy", "classificationpolicies", name, spec)

    def rollout(self, name: str = "roll", **spec: Any) -> dict[str, Any]:
        usual = {"profile": "general", "strategy": {"steps": STEPS}}
        return self.write("ProfileRollout", "profilerollouts", name, {**usual, **spec})

    def pointer(self, group: str = "general") -> dict[str, Any]:
        """What a pointer says; empty where there is none."""
        try:
            found: dict[str, Any] = self.get(f"{self.maps}/nrdot-pointer-{group}")["data"]
        except RefusedError as error:
            if error.status == 404:
                return {}
            raise
        return found

    def status(self, name: str = "roll", plural: str = "profilerollouts") -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"{self.ours}/{plural}/{name}").get("status", {})
        return found

    def condition(
        self, kind: str, name: str = "general", plural: str = "telemetryprofiles"
    ) -> dict[str, Any]:
        conditions = self.status(name, plural).get("conditions", ())
        return next((one for one in conditions if one["type"] == kind), {})

    def phase(self, name: str = "roll") -> str:
        phase: str = self.status(name).get("phase", "")
        return phase


class Operator(Program):
    def __init__(
        self, cluster: Home, folder: Path, name: str = "operator", *more: str, kubeconfig: Path | None = None
    ) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "nrdot", "operator", "run", "--namespace", cluster.namespace]
        command += ["--kubeconfig", str(kubeconfig or cluster.kubeconfig())]
        command += ["--listen", f"127.0.0.1:{self.port}", *more]
        environment = {**os.environ, "POD_NAME": name}
        super().__init__(command, folder / f"{name}.log", lambda: answers(self.port), environment=environment)

    def state(self) -> dict[str, Any]:
        """The body of /readyz, whatever its status."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=HANG_GUARD) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            found = json.load(error)
        return found

    def metric(self, name: str) -> int:
        """The sum of a metric over its labels; a label can be part of the name."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=HANG_GUARD) as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(line.split()[-1]) for line in lines if line.startswith(name))

    def passes(self) -> int:
        return self.metric('nrdot_operator_passes_total{outcome="done"')

    def wait_for_pass(self, before: int = 0) -> None:
        wait_until(lambda: self.passes() > before, "another pass")
