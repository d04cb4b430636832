"""Agents that a test plays: each takes what its node's pointer says, as agents do, and reports as they do."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from parts.kubernetes import RefusedError
from parts.operated import NODES
from parts.program import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parts.operated import Home


class Agents:
    """`said` holds what reports say beside the usual, by node and revision: `node-1/5f3a...`."""

    def __init__(self, cluster: Home) -> None:
        self._cluster = cluster
        self.silent: set[str] = set()
        self.said: dict[str, dict[str, Any]] = {}

    def turn(self, names: Sequence[str] = NODES) -> dict[str, str]:
        """The revision that each node runs now."""
        running = {}
        for name in names:
            if name in self.silent:
                continue
            pointer = self._pointer(name)
            if not pointer:
                continue
            data = self._cluster.get(f"{self._cluster.maps}/{pointer}")["data"]
            which = "candidate" if name in data["candidates"].split("\n") else "stable"
            text = data[f"{which}.yaml"].partition("\n")[2]
            assert hashlib.sha256(text.encode()).hexdigest()[:16] == data[which]
            running[name] = data[which]
            self._report(name, data[which])
        return running

    def settle(self, phase: str) -> None:
        """Until the rollout is in that phase."""

        def there() -> bool:
            self.turn()
            return self._cluster.phase() == phase

        wait_until(there, lambda: f"the rollout to be {phase}: {self._cluster.status()}")

    def agree(self, group: str = "general") -> str:
        """The revision once every node runs the stable one of a group."""
        wait_until(lambda: self._cluster.pointer(group), "a pointer")
        found: dict[str, str] = {}

        def same() -> bool:
            found.update(self.turn())
            return set(found.values()) == {self._cluster.pointer(group).get("stable")}

        wait_until(same, lambda: f"every node to run the same: {found}")
        return next(iter(found.values()))

    def _pointer(self, name: str) -> str:
        try:
            found = self._cluster.get(f"{self._cluster.ours}/nodetelemetries/{name}")
        except RefusedError as error:
            if error.status == 404:  # the operator has not got round to it
                return ""
            raise
        return str(found["spec"].get("pointer", ""))

    def _report(self, name: str, revision: str) -> None:
        status = {
            "revision": revision,
            "reportedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "critical": {"seen": 3, "exported": 3, "covered": "1"},
            "conservation": {"exports": 1, "exact": True, "difference": ""},
            "agent": {"cpu": "0.004", "memory": 70_000_000, "version": "0.1.0", "tickDelay": "0"},
            **self.said.get(f"{name}/{revision}", {}),
        }
        self._cluster.patch(f"{self._cluster.ours}/nodetelemetries/{name}/status", {"status": status})
