"""Requests to the API server: bytes in, bytes or documents out.

Who finds the server and signs requests is passed in: the kubernetes client for the operator, a few lines for
agents, which are many and small. Models of the API are left to neither, because a cluster's pods as model
objects take six times the memory: whoever reads a list decodes its bytes into structures of what it needs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from urllib3 import Timeout
from urllib3.exceptions import HTTPError

from nrdot.errors import NrdotError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from urllib3 import PoolManager

Document = dict[str, Any]

TIMEOUT = 30.0  # seconds for a request that is answered at once
PAGE = 500  # objects of one page of a list
JSON, APPLY, MERGE = "application/json", "application/apply-patch+yaml", "application/merge-patch+json"


class ApiError(NrdotError):
    """The API server did not do what was asked. `status` is 0 where nothing came back."""

    def __init__(self, status: int, message: str, delay: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.delay = delay  # seconds, where the server named them

    @property
    def missing(self) -> bool:
        return self.status == 404

    @property
    def conflict(self) -> bool:
        return self.status == 409

    @property
    def gone(self) -> bool:
        """What a watch began at is forgotten: list anew."""
        return self.status == 410

    @property
    def forbidden(self) -> bool:
        return self.status == 403


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object, where it lives, and in which namespace; all of them where that is empty."""

    group: str  # with the version, for example apps/v1, or v1
    plural: str
    namespace: str = ""

    def path(self, name: str = "", subresource: str = "", namespace: str = "") -> str:
        root = f"/api/{self.group}" if "/" not in self.group else f"/apis/{self.group}"
        inside = namespace or self.namespace
        parts = [root, *(("namespaces", inside) if inside else ()), self.plural, name, subresource]
        return "/".join(part for part in parts if part)


class Api:
    """Thread-safe, as the pool of connections is."""

    def __init__(
        self,
        host: str,
        pool: PoolManager,
        signed: Callable[[], Mapping[str, str]],
        agent: str,
        *,
        timeout: float = TIMEOUT,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        """`signed` gives the headers that prove who asks, `agent` is who writes, for other people to see."""
        self._host = host.rstrip("/")
        self._pool = pool
        self._signed = signed
        self._agent = agent
        self._timeout = timeout
        self._may_write = may_write

    def hurried(self, seconds: float) -> Api:
        """The same, for what is worth nothing when it comes late."""
        return Api(
            self._host, self._pool, self._signed, self._agent, timeout=seconds, may_write=self._may_write
        )

    def fenced(self, may_write: Callable[[], bool]) -> Api:
        """The same, writing nothing at all from the moment when `may_write` says no."""
        return Api(
            self._host, self._pool, self._signed, self._agent, timeout=self._timeout, may_write=may_write
        )

    def get(self, path: str, **query: str) -> bytes:
        return self._ask("GET", path, query=query)

    def document(self, path: str, **query: str) -> Document:
        return _decoded(f"GET {path}", self.get(path, **query))

    def create(self, path: str, document: Document) -> Document:
        return self._written("POST", path, document, JSON, {"fieldManager": self._agent})

    def replace(self, path: str, document: Document) -> Document:
        """Only over the version that was read: else a conflict is raised."""
        return self._written("PUT", path, document, JSON, {"fieldManager": self._agent})

    def apply(self, path: str, document: Document) -> Document:
        """Make the fields of `document` so, and give up those that only an earlier apply had."""
        return self._written("PATCH", path, document, APPLY, {"fieldManager": self._agent, "force": "true"})

    def merge(self, path: str, document: Document) -> Document:
        return self._written("PATCH", path, document, MERGE, {"fieldManager": self._agent})

    def rehearse(self, path: str, document: Document) -> None:
        """Raises ApiError where `merge` would; nothing is kept."""
        self._ask("PATCH", path, document, MERGE, {"fieldManager": self._agent, "dryRun": "All"})

    def delete(self, path: str) -> None:
        """What is gone already is as good as deleted."""
        try:
            self._ask("DELETE", path)
        except ApiError as error:
            if not error.missing:
                raise

    def lines(self, path: str, seconds: int, **query: str) -> Iterator[bytes]:
        """The events of a watch that the server ends after `seconds`; what is silent longer ends, too."""
        asked = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds), **query}
        waits = Timeout(connect=TIMEOUT, read=seconds + TIMEOUT)
        response = self._open("GET", path, None, JSON, query=asked, timeout=waits)
        rest = b""
        try:
            for chunk in response.stream(65536):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (line for line in whole if line)
        except (HTTPError, OSError) as error:
            raise ApiError(0, f"watching {path} ended: {type(error).__name__}") from None
        finally:
            response.close()

    def _written(
        self, method: str, path: str, document: Document, kind: str, query: Mapping[str, str]
    ) -> Document:
        return _decoded(f"{method} {path}", self._ask(method, path, document, kind, query))

    def _ask(
        self,
        method: str,
        path: str,
        document: Document | None = None,
        kind: str = JSON,
        query: Mapping[str, str] | None = None,
    ) -> bytes:
        response = self._open(method, path, document, kind, query=query or {}, timeout=Timeout(self._timeout))
        try:
            data: bytes = response.read()
        except (HTTPError, OSError) as error:
            raise ApiError(0, f"{method} {path}: the answer broke off: {type(error).__name__}") from None
        finally:
            response.release_conn()
        return data

    def _open(
        self,
        method: str,
        path: str,
        document: Document | None,
        kind: str,
        *,
        query: Mapping[str, str],
        timeout: Timeout,
    ) -> Any:
        if method != "GET" and not self._may_write():
            raise ApiError(0, f"{method} {path}: not sent, because this process no longer leads")
        url = f"{self._host}{path}" + (f"?{urlencode(query)}" if query else "")
        body = None if document is None else json.dumps(document).encode()
        try:
            # Within the `try`, because a token is read from a file that is replaced from time to time.
            headers = {"Accept": JSON, "Content-Type": kind, "User-Agent": self._agent, **self._signed()}
            response = self._pool.request(
                method, url, body=body, headers=headers, timeout=timeout, preload_content=False, retries=False
            )
        except (HTTPError, OSError) as error:
            raise ApiError(0, f"{method} {path}: no answer: {type(error).__name__}") from None
        if response.status >= 300:
            raise _refusal(method, path, response)
        return response


def _refusal(method: str, path: str, response: Any) -> ApiError:
    try:
        message = json.loads(response.read()).get("message", "")
    except (HTTPError, OSError, ValueError, AttributeError):
        message = ""
    response.release_conn()
    said = response.headers.get("Retry-After", "")
    delay = float(said) if said.isdigit() else None
    return ApiError(response.status, f"{method} {path}: {message or response.status}", delay)


def _decoded(asked: str, data: bytes) -> Document:
    """A gateway in between may answer anything."""
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ApiError(0, f"{asked}: the answer is no JSON document")
    return found
