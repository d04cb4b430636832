"""An object store on loopback that knows as much of S3 as the copies of the audit trail ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import unquote, urlsplit

_LOCKED = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"
_ERROR = "<Error><Code>{0}</Code><Message>{0}</Message><Resource>/</Resource><RequestId>1</RequestId></Error>"


@dataclass(slots=True)
class StoredObject:
    data: bytes
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case


class ObjectStore:
    """`objects` by `bucket/key`; `refuse` is an error code that every write is answered with."""

    def __init__(self, *, locks: bool = True) -> None:
        self.locks = locks
        self.refuse = ""
        self.objects: dict[str, StoredObject] = {}
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if "location" in parts.query:
                    self._answer(200, "<LocationConstraint/>")
                elif "object-lock" in parts.query and store.locks:
                    self._answer(200, _LOCKED)
                else:
                    self._answer(404, _ERROR.format("ObjectLockConfigurationNotFoundError"))

            def do_PUT(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                if store.refuse:
                    self._answer(403, _ERROR.format(store.refuse))
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                store.objects[unquote(urlsplit(self.path).path).lstrip("/")] = StoredObject(data, headers)
                self._answer(200, "")

            def _answer(self, status: int, body: str) -> None:
                payload = body.encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/xml")
                self.send_header("ETag", '"0"')
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_arguments: Any) -> None:
                """Tests look at what was stored."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to find it."""
        host, port = self._server.server_address[:2]
        return {
            "AWS_ENDPOINT_URL_S3": f"http://{host!s}:{port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "a secret for tests",
            "AWS_REGION": "us-east-1",
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
