"""Tokens and certificates that a cluster replaces while an agent or the operator runs."""

from __future__ import annotations

import json
import ssl
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from nrdot.cluster.api import Api, ApiError
from nrdot.cluster.inside import connect
from nrdot.kube.connect import connect as connect_operator
from nrdot.testing.servers.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"asked_by": self.headers["Authorization"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


class Server:
    """An API server that tells who asked, behind a certificate that can be replaced with its authority."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.account = folder / "account"
        self.account.mkdir()
        self.token("first")
        self._authority = Authority("first authority")
        self.trust()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._plain = self._server.socket
        self.port = self._server.server_port
        self._wrap()
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def token(self, text: str) -> None:
        (self.account / "token").write_text(text)

    def trust(self) -> None:
        """What the kubelet writes into the pod."""
        (self.account / "ca.crt").write_bytes(self._authority.pem)

    def replace(self) -> None:
        """Another authority, and a certificate that only it has signed."""
        self._authority = Authority("second authority")
        self._context.load_cert_chain(*self._issued())

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10.0)

    def _wrap(self) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*self._issued())
        self._server.socket = self._context.wrap_socket(self._plain, server_side=True)

    def _issued(self) -> tuple[str, str]:
        return self._authority.issue("kubernetes").write(self._folder, "server")


@contextmanager
def _server(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with _server(tmp_path) as running:
        yield running


def _agent(server: Server) -> Api:
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)}
    return connect(environ, server.account)


def _operator(server: Server) -> Api:
    """By a kubeconfig that names files, as a pod's are."""
    cluster = {
        "server": f"https://127.0.0.1:{server.port}",
        "certificate-authority": str(server.account / "ca.crt"),
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "first"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path = server.account / "kubeconfig"
    path.write_text(json.dumps(document))
    return connect_operator(path)


@pytest.mark.parametrize("connected", [_agent, _operator], ids=["agent", "operator"])
def test_a_bundle_that_is_replaced_counts_for_the_next_connection(server: Server, connected: Any) -> None:
    api = connected(server)
    assert api.document("/version") == {"asked_by": "Bearer first"}
    server.replace()
    with pytest.raises(ApiError, match="no answer"):
        api.document("/version")
    server.trust()
    assert api.document("/version") == {"asked_by": "Bearer first"}


def test_an_agents_token_is_read_for_each_request(server: Server) -> None:
    api = _agent(server)
    assert api.document("/version") == {"asked_by": "Bearer first"}
    server.token("second\n")
    assert api.document("/version") == {"asked_by": "Bearer second"}
