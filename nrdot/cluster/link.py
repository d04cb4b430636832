"""An agent's link to the operator: what this node is told to run, and what it says about it.

    NodeTelemetry NODE, spec.pointer ─► ConfigMap POINTER ─► DIRECTORY/pushed.yaml ─► the agent, as any change
    NodeTelemetry NODE, status ◄─ acknowledged revision, coverage, reduction, own cost ◄──────────┘

The document lands in a file, so the agent applies it between two ticks as it applies an editor's change, and
it is there at the next start, with or without an API server.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

from nrdot.cluster.api import Resource
from nrdot.cluster.landing import Landing
from nrdot.cluster.objects import ConfigMap, Custom
from nrdot.cluster.reflector import Reflector
from nrdot.cluster.report import Report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nrdot.clock import Clock
    from nrdot.cluster.api import Api

GROUP = "nrdot.io/v1alpha1"
PATIENCE = 60.0  # seconds without the API server after which a mounted pointer counts
_MOUNTED = ("sequence", "stable", "candidate", "candidates", "stable.yaml", "candidate.yaml")


class NodeLink:
    """Threads of its own; the agent's loop only calls `say`."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        node: str,
        directory: Path,
        clock: Clock,
        *,
        fallback: Path | None = None,
    ) -> None:
        """`fallback` is where a pointer is mounted, for as long as the API server was never reached."""
        self._api = api
        self._clock = clock
        self._maps = Resource("v1", "configmaps", namespace)
        self._fallback = fallback
        self._landing = Landing(node, directory)
        telemetries = Resource(GROUP, "nodetelemetries", namespace)
        self._told = Report(api, telemetries.path(node, "status"), clock)
        self._own: Reflector[Custom] = Reflector(
            api, telemetries, Custom, clock, self._follow, fields=f"metadata.name={node}"
        )
        self._lock = Lock()
        self._pointer: Reflector[ConfigMap] | None = None
        self._pointed = ""
        self._turns = 0  # how often the pointer became another one
        self._began = clock.monotonic()
        self._stop = Event()
        self._thread = Thread(target=self._report, name="report to the operator", daemon=True)

    def start(self) -> None:
        self._own.start()
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._told.news.set()
        self._own.stop()
        with self._lock:
            if self._pointer is not None:
                self._pointer.stop()
        self._thread.join(1.0)

    def say(self, sequence: int, refused: str, figures: Mapping[str, Any]) -> None:
        """What runs now: the sequence of the pushed document, why one was refused, and the figures."""
        self._told.say({**figures, **self._landing.says(sequence, refused)})

    def turn(self) -> float:
        """What the thread does again and again; in how many seconds at the earliest."""
        self._take_mounted()
        self._landing.retry()
        return self._told.turn()

    def _follow(self, _key: str, _old: Custom | None, new: Custom | None) -> None:
        """The node belongs to another group, or to one at last."""
        name = str(new.spec.get("pointer") or "") if new else ""
        with self._lock:
            if name == self._pointed or self._stop.is_set():
                return
            self._pointed = name
            self._turns += 1
            turn = self._turns
            if self._pointer is not None:
                self._pointer.stop()
                self._pointer = None
            if not name:
                return

            def changed(_key: str, _old: ConfigMap | None, new: ConfigMap | None) -> None:
                self._take(turn, new)

            self._pointer = Reflector(
                self._api, self._maps, ConfigMap, self._clock, changed, fields=f"metadata.name={name}"
            )
            self._pointer.start()

    def _take(self, turn: int, new: ConfigMap | None) -> None:
        """A deleted pointer changes nothing. A watch of an earlier pointer ends late, and is not heard."""
        with self._lock:
            if new is not None and turn == self._turns:
                self._landing.take(new.metadata.name, new.data)

    def _take_mounted(self) -> None:
        """What the kubelet mounted a while ago is better than nothing."""
        waited = self._clock.monotonic() - self._began
        if self._fallback is None or self._own.synced.is_set() or waited < PATIENCE:
            return
        data = {}
        for file in _MOUNTED:
            with suppress(OSError, UnicodeDecodeError):
                data[file] = (self._fallback / file).read_text(encoding="utf-8")
        if data:
            self._landing.take(str(self._fallback), data)

    def _report(self) -> None:
        while not self._stop.is_set():
            self._clock.wait(self._told.news, PATIENCE)
            if not self._stop.is_set():
                self._clock.wait(self._stop, self.turn())
