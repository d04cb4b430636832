"""A real agent as the one of a node: with a /proc, a service account and an API server of its own."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import yaml
from parts.program import Program

from nrdot.testing.hosts.procfs import FakeProcfs

if TYPE_CHECKING:
    from pathlib import Path

    from parts.kubernetes import Cluster

CONTAINER = "a" * 64


class NodeAgent(Program):
    """What runs on the node is put into `proc` before the start, with `pod` for what runs in one."""

    def __init__(
        self, cluster: Cluster, folder: Path, node: str, *, token: str, certificate: Path, **settings: Any
    ) -> None:
        """`settings` are keys of the configuration beside the usual ones."""
        self.folder = folder / node
        self.folder.mkdir()
        self.proc = FakeProcfs(self.folder / "proc")
        self.proc.add(1, "init", parent=0)
        self.proc.add(77, "agent", own=True)
        account = self.folder / "account"
        account.mkdir()
        (account / "token").write_text(token)
        (account / "ca.crt").write_bytes(certificate.read_bytes())
        self.metrics = self.folder / "metrics.jsonl"
        document = {
            "profile": "conservative",
            "export_interval": "1s",
            "agent": {
                "interval": "1s",
                "procfs": str(self.proc.root),
                "state_dir": str(self.folder / "state"),
                "pushed": str(self.folder / "pushed"),
                "listen": "",
                "cpu_budget": "100%",
            },
            "resource": {"host.name": node, "host.id": node},
            "export": [{"name": "local", "file": {"path": str(self.metrics)}}],
            **settings,
        }
        document["kubernetes"] = {
            "node": "${env:NODE_NAME}",
            "account": str(account),
            **settings.get("kubernetes", {}),
        }
        config = self.folder / "nrdot.yaml"
        config.write_text(yaml.safe_dump(document))
        environment = {
            **os.environ,
            "NODE_NAME": node,
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(cluster.port),
        }
        command = [sys.executable, "-m", "nrdot", "agent", "-c", str(config)]
        super().__init__(command, self.folder / "log", self.metrics.exists, environment=environment)

    def pod(self, pid: int, name: str, uid: str, **more: Any) -> None:
        """A process in the container of a pod, as the kubelet and containerd place it."""
        burstable = "/kubepods.slice/kubepods-burstable.slice"
        place = f"{burstable}/kubepods-burstable-pod{uid.replace('-', '_')}.slice"
        self.proc.add(pid, name, cgroup=f"{place}/cri-containerd-{CONTAINER}.scope", **more)

    def exported(self) -> list[dict[str, Any]]:
        """The attributes of every resource that was written so far."""
        found = []
        whole, _, _ = self.metrics.read_text().rpartition("\n")  # the last line may be half written
        for line in whole.splitlines():
            for one in json.loads(line)["resourceMetrics"]:
                attributes = one["resource"]["attributes"]
                found.append({item["key"]: next(iter(item["value"].values())) for item in attributes})
        return found
