"""Every state that a pointer was ever in, as the API server tells it: what a node was told, in order."""

from __future__ import annotations

import json
import socket
import ssl
from contextlib import suppress
from http.client import HTTPException, HTTPSConnection
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self

from parts.kubernetes import ADMIN, RefusedError
from parts.program import wait_until

if TYPE_CHECKING:
    from parts.operated import Home

PAUSE = 0.2  # seconds between attempts while the server is away


class History:
    """A watch of its own, begun again from the present where the server went away."""

    def __init__(self, cluster: Home, group: str = "general") -> None:
        self._cluster = cluster
        self._group = group
        self._name = f"nrdot-pointer-{group}"
        self._stop = Event()
        self._thread = Thread(target=self._follow, daemon=True)
        self.states: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with suppress(OSError, AttributeError):  # not connected, or no longer
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(10.0)

    def told(self, node: str) -> list[str]:
        """The revisions that a node was told to run, without repetitions."""
        found: list[str] = []
        for data in list(self.states):
            chosen = "candidate" if node in data["candidates"].split("\n") else "stable"
            if not found or found[-1] != data[chosen]:
                found.append(data[chosen])
        return found

    def catch_up(self) -> None:
        """Until it has heard of the pointer as it is now."""
        now = int(self._cluster.pointer(self._group)["sequence"])
        wait_until(lambda: now in self.sequences, lambda: f"sequence {now}: {self.sequences}")

    @property
    def sequences(self) -> list[int]:
        return [int(data["sequence"]) for data in list(self.states)]

    def _follow(self) -> None:
        while not self._stop.is_set():
            trust = ssl.create_default_context(cafile=self._cluster.certificate)
            self._connection = HTTPSConnection("127.0.0.1", self._cluster.port, timeout=90, context=trust)
            try:
                self._watch()
            except (HTTPException, OSError, ValueError, RefusedError):
                self._stop.wait(PAUSE)
            finally:
                self._connection.close()

    def _watch(self) -> None:
        chosen = f"metadata.name={self._name}"
        found = self._cluster.get(self._cluster.maps, fieldSelector=chosen)
        for one in found["items"]:
            self._take(one["data"])
        since = found["metadata"]["resourceVersion"]
        query = f"watch=1&timeoutSeconds=60&fieldSelector={chosen}&resourceVersion={since}"
        headers = {"Authorization": f"Bearer {ADMIN}"}
        self._connection.request("GET", f"{self._cluster.maps}?{query}", headers=headers)
        for line in self._connection.getresponse():
            event: dict[str, Any] = json.loads(line)
            if event["type"] in {"ADDED", "MODIFIED"}:
                self._take(event["object"]["data"])

    def _take(self, data: dict[str, str]) -> None:
        if not self.states or self.states[-1] != data:
            self.states.append(data)
