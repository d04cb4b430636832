"""An agent's link to the operator: what this node is told to run, and what it says about it.

    NodeTelemetry NODE, spec.pointer ─► ConfigMap POINTER ─► DIRECTORY/pushed.yaml ─► the agent, as any change
    NodeTelemetry NODE, status ◄─ acknowledged revision, coverage, reduction, own cost ◄──────────┘

The document lands in a file, so the agent applies it between two ticks as it applies an editor's change, and
it is there at the next start, with or without an API server. What does not have the hash that its pointer
names was changed by a hand and is left alone.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

from nrdot.cluster.api import ApiError, Resource
from nrdot.cluster.objects import ConfigMap, Custom
from nrdot.cluster.reflector import Reflector
from nrdot.cluster.revision import revision_of
from nrdot.config.pushed import FILE
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nrdot.clock import Clock
    from nrdot.cluster.api import Api

_log = Log("cluster")

GROUP = "nrdot.io/v1alpha1"
USUAL = 300.0  # seconds between two reports of which only figures differ
LEAST = 5.0  # seconds between two reports, whatever happens
REMEMBERED = 16  # sequences whose revision can still be named
PATIENCE = 60.0  # seconds without the API server after which a mounted pointer counts
# What is told at once when it changes; the rest goes with the next usual report.
URGENT = ("revision", "refused", "error", "conserved", "covered")


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
        self._namespace = namespace
        self._node = node
        self._directory = directory
        self._fallback = fallback
        self._telemetries = Resource(GROUP, "nodetelemetries", namespace)
        self._own: Reflector[Custom] = Reflector(
            api, self._telemetries, Custom, clock, self._told, fields=f"metadata.name={node}"
        )
        self._pointer: Reflector[ConfigMap] | None = None
        self._pointed = ""
        self._revisions: dict[int, str] = {}  # of the documents that were written, by their sequence
        self._tampered = ""
        self._lock = Lock()
        self._wanted: dict[str, Any] = {}
        self._news = Event()
        self._stop = Event()
        self._thread = Thread(target=self._report, name="report to the operator", daemon=True)

    def start(self) -> None:
        self._own.start()
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._news.set()
        self._own.stop()
        if self._pointer is not None:
            self._pointer.stop()
        self._thread.join(1.0)

    def say(self, sequence: int, refused: str, figures: Mapping[str, Any]) -> None:
        """What runs now: the sequence of the pushed document, why one was refused, and the figures."""
        said = {
            **figures,
            "revision": self._revisions.get(sequence, ""),
            "refused": self._newest() if refused or self._tampered else "",
            "error": self._tampered or refused,
        }
        with self._lock:
            before, self._wanted = self._wanted, said
        if _urgent(before) != _urgent(said):
            self._news.set()

    def _newest(self) -> str:
        return self._revisions[max(self._revisions)] if self._revisions else ""

    def _told(self, _key: str, _old: Custom | None, new: Custom | None) -> None:
        """The node belongs to another group, or to one at last."""
        name = str(new.spec.get("pointer") or "") if new else ""
        if name == self._pointed:
            return
        self._pointed = name
        if self._pointer is not None:
            self._pointer.stop()
            self._pointer = None
        if name:
            maps = Resource("v1", "configmaps", self._namespace)
            self._pointer = Reflector(
                self._api, maps, ConfigMap, self._clock, self._changed, fields=f"metadata.name={name}"
            )
            self._pointer.start()

    def _changed(self, _key: str, _old: ConfigMap | None, new: ConfigMap | None) -> None:
        if new is not None and new.metadata.name == self._pointed:  # a deleted pointer changes nothing
            self._take(self._pointed, new.data)

    def _take(self, name: str, data: Mapping[str, str]) -> None:
        which = "candidate" if self._node in data.get("candidates", "").split("\n") else "stable"
        document = data.get(f"{which}.yaml", "")
        text, stated = document.partition("\n")[2], data.get(which, "").strip()
        if revision_of(text) != stated:
            self._tampered = f"{name}: {which}.yaml is not the revision {stated} that it claims to be"
            _log.error("what the operator pushed was changed by a hand: it is left alone", pointer=name)
            return
        self._tampered = ""
        sequence = data.get("sequence", "").strip()
        self._revisions[int(sequence) if sequence.isdecimal() else 0] = stated
        for forgotten in sorted(self._revisions)[:-REMEMBERED]:
            del self._revisions[forgotten]
        self._write(document)

    def _take_mounted(self) -> None:
        """What the kubelet mounted a while ago is better than nothing."""
        if self._fallback is None or self._own.synced.is_set():
            return
        data = {}
        for file in ("sequence", "stable", "candidate", "candidates", "stable.yaml", "candidate.yaml"):
            with suppress(OSError):
                data[file] = (self._fallback / file).read_text(encoding="utf-8")
        if data:
            self._take(str(self._fallback), data)

    def _write(self, document: str) -> None:
        """Whole or not at all: the agent looks at the file at any time."""
        file = self._directory / FILE
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            fresh = file.with_suffix(".new")
            fresh.write_text(document, encoding="utf-8")
            fresh.replace(file)
        except OSError as error:
            words = error.strerror or type(error).__name__
            _log.error("what the operator pushed cannot be written down", file=str(file), error=words)

    def _report(self) -> None:
        self._clock.wait(self._own.synced, PATIENCE)
        self._take_mounted()
        while not self._stop.is_set():
            self._clock.wait(self._news, USUAL)
            self._news.clear()
            with self._lock:
                said = dict(self._wanted)
            if said and not self._stop.is_set():
                self._send(said)
            self._clock.wait(self._stop, LEAST)

    def _send(self, said: dict[str, Any]) -> None:
        now = datetime.fromtimestamp(self._clock.wall_ns() / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            path = self._telemetries.path(self._node, "status")
            self._api.merge(path, {"status": {**said, "reportedAt": now}})
        except ApiError as error:
            _log.warning("the operator cannot be told", error=str(error))
            self._news.set()  # again, after the pause that every report keeps


def _urgent(said: Mapping[str, Any]) -> tuple[object, ...]:
    flat = {**said, **(said.get("critical") or {})}
    return tuple(flat.get(key) for key in URGENT)
