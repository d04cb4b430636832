"""A copy of one kind of the cluster's objects, kept current by one thread.

    list in pages ─► watch from there ─► bookmark, added, modified, deleted ─► watch on
         ▲                                                                        │
         └────── 410: what the watch began at is forgotten ◄──────────────────────┘

A watch that ends is begun again where it stopped, so nothing is listed twice but after a 410.
"""

from __future__ import annotations

import random
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from nrdot.cluster.api import PAGE, ApiError
from nrdot.cluster.objects import Event as Change
from nrdot.cluster.objects import Kept, Page, Pod
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nrdot.clock import Clock
    from nrdot.cluster.api import Api, Resource

_log = Log("kube")
K = TypeVar("K", bound="Kept | Pod")

WATCH = 300  # seconds after which the server ends a watch
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between attempts, drawn from a range that doubles


class Reflector(Generic[K]):
    """`changed` hears the key and what was there before and is there now; it must not block."""

    def __init__(
        self,
        api: Api,
        resource: Resource,
        kind: type[K],
        clock: Clock,
        changed: Callable[[str, K | None, K | None], None],
        *,
        fields: str = "",
        labels: str = "",
    ) -> None:
        self.resource = resource
        self._api = api
        self._clock = clock
        self._changed = changed
        self._query = {
            name: value for name, value in (("fieldSelector", fields), ("labelSelector", labels)) if value
        }
        self._page = msgspec.json.Decoder(Page[kind])  # type: ignore[valid-type]  # a generic of a variable type
        self._event = msgspec.json.Decoder(Change)
        self._object: msgspec.json.Decoder[K] = msgspec.json.Decoder(kind)
        self._status = msgspec.json.Decoder(dict)
        self._lock = Lock()
        self._objects: dict[str, K] = {}
        self._version = ""  # where the next watch begins; empty: list first
        self._thread = Thread(target=self._run, name=f"watch {resource.plural}", daemon=True)
        self.synced = Event()
        self.stopping = Event()
        self.lists = 0  # complete lists so far
        self.failures = 0  # requests in a row that failed
        self.forbidden = False  # our rights do not reach this kind

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Asks to; a thread that waits for an event ends with the process."""
        self.stopping.set()

    def get(self, key: str) -> K | None:
        with self._lock:
            return self._objects.get(key)

    def objects(self) -> list[K]:
        with self._lock:
            return list(self._objects.values())

    def __len__(self) -> int:
        return len(self._objects)

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                if not self._version:
                    self._list()
                self._watch()
            except ApiError as error:
                self._failed(error)

    def _failed(self, error: ApiError) -> None:
        if error.gone:
            self._version = ""
            return
        self.forbidden = error.forbidden
        if not self.failures:
            _log.warning("watching fails and is tried again", kind=self.resource.plural, error=str(error))
        most = min(FIRST_PAUSE * 2**self.failures, LONGEST_PAUSE)
        self.failures = min(self.failures + 1, 16)
        pause = error.delay if error.delay is not None else random.uniform(most / 2, most)  # noqa: S311 - no secret
        self._clock.wait(self.stopping, pause)

    def _list(self) -> None:
        found: dict[str, K] = {}
        query = {**self._query, "limit": str(PAGE)}
        while True:
            page: Page[K] = self._page.decode(self._api.get(self.resource.path(), **query))
            found.update((one.metadata.key, one) for one in page.items or ())
            if not page.metadata.continue_:
                break
            query["continue"] = page.metadata.continue_
        self.failures, self.forbidden = 0, False
        self.lists += 1
        with self._lock:
            before, self._objects = self._objects, found
        self._version = page.metadata.resource_version
        for key in before.keys() | found.keys():
            old, new = before.get(key), found.get(key)
            if _version(old) != _version(new):
                self._changed(key, old, new)
        self.synced.set()

    def _watch(self) -> None:
        seconds = WATCH + random.randrange(WATCH // 5)  # noqa: S311 - so that watches do not end together
        for line in self._api.lines(
            self.resource.path(), seconds, resourceVersion=self._version, **self._query
        ):
            self._take(self._event.decode(line))
            self.failures, self.forbidden = 0, False
            if self.stopping.is_set():
                return

    def _take(self, event: Change) -> None:
        if event.type == "ERROR":
            status: Mapping[str, object] = self._status.decode(event.object)
            code = status.get("code")
            raise ApiError(
                code if isinstance(code, int) else 0, str(status.get("message", "the watch failed"))
            )
        new = self._object.decode(event.object)
        self._version = new.metadata.resource_version
        if event.type == "BOOKMARK":
            return
        key = new.metadata.key
        with self._lock:
            old = self._objects.get(key)
            if event.type == "DELETED":
                self._objects.pop(key, None)
            else:
                self._objects[key] = new
        self._changed(key, old, None if event.type == "DELETED" else new)


def _version(one: Kept | Pod | None) -> str:
    return one.metadata.resource_version if one else ""
