"""An API server in memory: what a test puts into it is listed and watched, and what is written is kept.

It knows no rights, no schemas and no admission, and a label selector selects everything.
"""

from __future__ import annotations

import json
from collections import deque
from itertools import count
from threading import Condition
from typing import TYPE_CHECKING, Any

from urllib3 import PoolManager

from nrdot.cluster.api import Api, ApiError, Document

if TYPE_CHECKING:
    from collections.abc import Iterator


class FakeApi(Api):
    """`trouble` is raised by the next requests, one each; `writes` are method, path and document."""

    def __init__(self) -> None:
        super().__init__("http://api.invalid", PoolManager(), dict, "test")
        self.objects: dict[str, Document] = {}
        self.writes: list[tuple[str, str, Document]] = []
        self.trouble: deque[ApiError] = deque()
        self.events: list[bytes] = []
        self.closed = False
        self._versions = count(1)
        self._changed = Condition()

    def put(self, path: str, document: Document) -> Document:
        """Something happens in the cluster."""
        with self._changed:
            kind = "MODIFIED" if path in self.objects else "ADDED"
            version = str(next(self._versions))
            metadata = {**document.get("metadata", {}), "resourceVersion": version}
            metadata.setdefault("name", path.rsplit("/", 1)[-1])
            before = self.objects.get(path, {"metadata": {}})["metadata"]
            metadata.setdefault("uid", before.get("uid", f"uid-{version}"))
            self.objects[path] = {**document, "metadata": metadata}
            self._say({"type": kind, "object": self.objects[path]}, path)
            return self.objects[path]

    def close(self) -> None:
        """Ends every watch."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def get(self, path: str, **query: str) -> bytes:
        with self._changed:
            self._raise()
            if path in self.objects:
                return json.dumps(self.objects[path]).encode()
            if _is_of_one(path):
                raise ApiError(404, f"GET {path}: not found")
            name = query.get("fieldSelector", "").partition("metadata.name=")[2]
            items = [
                one
                for place, one in self.objects.items()
                if place.startswith(f"{path}/") and name in {"", one["metadata"]["name"]}
            ]
            return json.dumps(
                {"metadata": {"resourceVersion": str(next(self._versions))}, "items": items}
            ).encode()

    def lines(self, path: str, seconds: int, **query: str) -> Iterator[bytes]:
        """Events from the version that is asked for, in the order in which they happened."""
        del seconds
        name = query.get("fieldSelector", "").partition("metadata.name=")[2]
        heard = 0
        while not self.closed:
            with self._changed:
                self._raise()
                if heard == len(self.events):
                    self._changed.wait(0.2)
                fresh, heard = self.events[heard:], len(self.events)
            for line in fresh:
                event = json.loads(line)
                said = event["object"]["metadata"]
                if not event["path"].startswith(f"{path}/") or name not in {"", said["name"]}:
                    continue
                if int(said["resourceVersion"]) > int(query["resourceVersion"]):
                    yield line

    def create(self, path: str, document: Document) -> Document:
        return self._write("POST", f"{path}/{next(self._versions)}", document)

    def replace(self, path: str, document: Document) -> Document:
        return self._write("PUT", path, document)

    def apply(self, path: str, document: Document) -> Document:
        return self._write("APPLY", path, document)

    def merge(self, path: str, document: Document) -> Document:
        return self._write("MERGE", path, document)

    def rehearse(self, path: str, document: Document) -> None:  # noqa: ARG002 - as the real one takes them
        with self._changed:
            self._raise()

    def delete(self, path: str) -> None:
        with self._changed:
            self._raise()
            self.writes.append(("DELETE", path, {}))
            gone = self.objects.pop(path, None)
            if gone is not None:
                metadata = {**gone["metadata"], "resourceVersion": str(next(self._versions))}
                self._say({"type": "DELETED", "object": {**gone, "metadata": metadata}}, path)

    def written(self, ending: str) -> list[Document]:
        """What was written under paths that end so."""
        return [document for _, path, document in self.writes if path.endswith(ending)]

    def _write(self, method: str, path: str, document: Document) -> Document:
        with self._changed:
            self._raise()
            self.writes.append((method, path, document))
            if not path.endswith("/status"):
                return self.put(path, document)
            owner = path.removesuffix("/status")
            before: dict[str, Any] = self.objects.get(owner, {"metadata": {}})
            status = {**before.get("status", {}), **document["status"]}
            return self.put(owner, {**before, "status": status})

    def _say(self, event: Document, path: str) -> None:
        self.events.append(json.dumps({**event, "path": path}).encode())
        self._changed.notify_all()

    def _raise(self) -> None:
        if self.trouble:
            raise self.trouble.popleft()


def _is_of_one(path: str) -> bool:
    """Behind group and version stand kinds and names in turn."""
    parts = path.strip("/").split("/")
    return len(parts[2 if parts[0] == "api" else 3 :]) % 2 == 0
