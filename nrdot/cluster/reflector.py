"""A copy of one kind of the cluster's objects, kept current by one thread.

    list in pages ─► watch from there ─► bookmark, added, modified, deleted ─► watch on
         ▲                                                                        │
         └────── 410: what the watch began at is forgotten ◄──────────────────────┘

A watch that ends is begun again where it stopped, so nothing is listed twice but after a 410. Whatever fails,
the thread goes on after a pause: a copy that silently stands still would be worse than one that says so.
"""

from __future__ import annotations

import random
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from nrdot.cluster.api import PAGE, ApiError
from nrdot.cluster.objects import Bookmark, Kept, Page, Pod
from nrdot.cluster.objects import Event as Change
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nrdot.clock import Clock
    from nrdot.cluster.api import Api, Resource

_log = Log("kube")
K = TypeVar("K", bound="Kept | Pod")

WATCH = 300  # seconds after which the server ends a watch
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between attempts, drawn from a range that doubles
LONGEST_DELAY = 120.0  # seconds, where the server names a time to wait
ABSENT = 300.0  # seconds until a kind that the server does not know is asked for again
SHORT = 1.0  # seconds; a watch that ends sooner and says nothing is no watch


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
        optional: bool = False,
    ) -> None:
        """`optional` is a kind that clusters may lack: then there are none of it, and that is no failure."""
        self.resource = resource
        self._optional = optional
        self._api = api
        self._clock = clock
        self._changed = changed
        self._query = {
            name: value for name, value in (("fieldSelector", fields), ("labelSelector", labels)) if value
        }
        self._page = msgspec.json.Decoder(Page[kind])  # type: ignore[valid-type]  # a generic of a variable type
        self._event = msgspec.json.Decoder(Change)
        self._object: msgspec.json.Decoder[K] = msgspec.json.Decoder(kind)
        self._bookmark = msgspec.json.Decoder(Bookmark)
        self._status = msgspec.json.Decoder(dict)
        self._lock = Lock()
        self._objects: dict[str, K] = {}
        self._version = ""  # where the next watch begins; empty: list first
        self._thread = Thread(target=self._run, name=f"watch {resource.plural}", daemon=True)
        self._started = False
        self.synced = Event()
        self.stopping = Event()
        self.lists = 0  # complete lists so far
        self.failures = 0  # requests in a row that failed
        self.forbidden = False  # our rights do not reach this kind
        self.absent = False  # the server does not know this kind

    def start(self) -> None:
        self._thread.start()
        self._started = True

    def stop(self) -> None:
        """Asks to; a thread that waits for an event ends with the process."""
        self.stopping.set()

    def get(self, key: str) -> K | None:
        with self._lock:
            return self._objects.get(key)

    @property
    def dead(self) -> bool:
        """Nothing is followed any more, though nobody asked for that."""
        return self._started and not self.stopping.is_set() and not self._thread.is_alive()

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
            except msgspec.MsgspecError as error:
                self._version = ""  # what could not be read is lost to the copy, unless it is listed anew
                self._failed(ApiError(0, f"what the server sent cannot be read: {error}"))
            except Exception as error:  # noqa: BLE001 - how requests are signed is a plug-in's code
                self._version = ""
                self._failed(ApiError(0, f"unexpected {type(error).__name__}: {error}"))

    def _failed(self, error: ApiError) -> None:
        self.forbidden = error.forbidden
        if self._optional and error.missing:
            self._lacking()
            return
        known = self._version
        if error.gone:
            self._version = ""
            if known and not self.failures:
                self.failures = 1  # usual after a compaction, and listed at once; again in a row it is not
                return
        elif not self.failures:
            _log.warning("watching fails and is tried again", kind=self.resource.plural, error=str(error))
        most = min(FIRST_PAUSE * 2**self.failures, LONGEST_PAUSE)
        self.failures = min(self.failures + 1, 16)
        pause = random.uniform(most / 2, most)  # noqa: S311 - no secret
        if error.delay is not None:
            pause = max(pause, min(error.delay, LONGEST_DELAY))
        self._clock.wait(self.stopping, pause)

    def _lacking(self) -> None:
        """Nobody is asked all the time for what is not there; it may be installed any day."""
        if not self.absent:
            self.absent = True
            _log.info("this cluster has none, and is asked again later", kind=self.resource.plural)
        with self._lock:
            gone, self._objects = self._objects, {}
        for key, old in gone.items():
            self._tell(key, old, None)
        self._version, self.failures = "", 0
        self._clock.wait(self.stopping, ABSENT)

    def _list(self) -> None:
        found: dict[str, K] = {}
        query = {**self._query, "limit": str(PAGE)}
        while True:
            page: Page[K] = self._page.decode(self._api.get(self.resource.path(), **query))
            found.update((one.metadata.key, one) for one in page.items or ())
            if not page.metadata.continue_:
                break
            query["continue"] = page.metadata.continue_
        self.forbidden = self.absent = False
        self.lists += 1
        with self._lock:
            before, self._objects = self._objects, found
        self._version = page.metadata.resource_version
        for key in before.keys() | found.keys():
            old, new = before.get(key), found.get(key)
            if _version(old) != _version(new):
                self._tell(key, old, new)
        self.synced.set()

    def _tell(self, key: str, old: K | None, new: K | None) -> None:
        try:
            self._changed(key, old, new)
        except Exception as error:  # noqa: BLE001 - who listens may fail at one object; the copy is right
            words = f"{type(error).__name__}: {error}"
            _log.error("a change was not understood", kind=self.resource.plural, object=key, error=words)

    def _watch(self) -> None:
        seconds = WATCH + random.randrange(WATCH // 5)  # noqa: S311 - so that watches do not end together
        began = self._clock.monotonic()
        silent = True
        for line in self._api.lines(
            self.resource.path(), seconds, resourceVersion=self._version, **self._query
        ):
            if self.stopping.is_set():
                return
            self._take(self._event.decode(line))
            self.failures, self.forbidden, silent = 0, False, False
        if silent and self._clock.monotonic() - began < SHORT:
            raise ApiError(0, f"watching {self.resource.plural} ended at once")
        self.failures = 0

    def _take(self, event: Change) -> None:
        if event.type == "ERROR":
            status: Mapping[str, object] = self._status.decode(event.object)
            code, details = status.get("code"), status.get("details")
            delay = details.get("retryAfterSeconds") if isinstance(details, dict) else None
            raise ApiError(
                code if isinstance(code, int) else 0,
                str(status.get("message", "the watch failed")),
                float(delay) if isinstance(delay, int) else None,
            )
        if event.type == "BOOKMARK":
            self._version = self._bookmark.decode(event.object).metadata.resource_version
            return
        new = self._object.decode(event.object)
        self._version = new.metadata.resource_version
        key = new.metadata.key
        with self._lock:
            old = self._objects.get(key)
            if event.type == "DELETED":
                self._objects.pop(key, None)
            else:
                self._objects[key] = new
        self._tell(key, old, None if event.type == "DELETED" else new)


def _version(one: Kept | Pod | None) -> str:
    return one.metadata.resource_version if one else ""
