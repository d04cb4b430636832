"""A real Kubernetes API server over a real etcd, and nodes whose kubelet is a few lines.

There is no scheduler and no kubelet: `Kubelet` creates nodes that are ready and pods that run on them, which
is all that a controller sees of them. Requests go through urllib, so that a test shares no code with the
client that it tests.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Self

from parts.binaries import APISERVER
from parts.program import HANG_GUARD, Program, answers, executable, free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

ADMIN = "admin-token"
Object = dict[str, Any]


class RefusedError(Exception):
    """The API server's answer to what it does not take."""

    def __init__(self, status: int, document: Object) -> None:
        super().__init__(f"{status}: {document.get('message', document)}")
        self.status = status
        self.document = document


class Etcd:
    def __init__(self, folder: Path) -> None:
        self.port, peers = free_port(), free_port()
        url, peer = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{peers}"
        command = [
            executable("etcd"),
            f"--data-dir={folder / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--log-level=warn",
        ]
        self.program = Program(command, folder / "etcd.log", lambda: answers(self.port))


class Cluster:
    """etcd and an API server. `stop_server` and `start_server` are what a restart looks like to clients."""

    def __init__(self, folder: Path, users: Mapping[str, str] | None = None) -> None:
        """`users` maps further bearer tokens to user names, which have the rights that a test gives them."""
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self._etcd = Etcd(folder)
        self._folder = folder
        self.certificate = folder / "certificates" / "apiserver.crt"  # the server makes it at its first start
        tokens = {ADMIN: "admin", **(users or {})}
        self._tokens = folder / "tokens.csv"
        self._tokens.write_text(
            "".join(
                f"{token},{name},{name}" + (',"system:masters"\n' if token == ADMIN else "\n")
                for token, name in tokens.items()
            )
        )
        key = folder / "service-accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        command = [
            str(APISERVER.path()),
            f"--etcd-servers=http://127.0.0.1:{self._etcd.port}",
            f"--secure-port={self.port}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self.certificate.parent}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self._tokens}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--disable-admission-plugins=ServiceAccount",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--audit-policy-file={_audit_policy(folder)}",
            f"--audit-log-path={folder / 'audit.log'}",
        ]
        self.server = Program(command, folder / "apiserver.log", self._ready)

    def __enter__(self) -> Self:
        self._etcd.program.start()
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self._etcd.program.stop()

    def token(self, account: str, namespace: str, bound_to: Object | None = None) -> str:
        """For a service account; bound to a pod, as the kubelet asks for it, it names the node as well."""
        spec: Object = {"audiences": ["https://kubernetes.default.svc"]}
        if bound_to is not None:
            metadata = bound_to["metadata"]
            bound = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
            spec["boundObjectRef"] = bound
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        answer = self.create(
            path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        )
        found: str = answer["status"]["token"]
        return found

    def asked(self, user: str) -> set[tuple[str, str, str, str]]:
        """Verb, group, resource with subresource, and namespace of what a user asked for, refused or not."""
        found = set()
        whole, _, _ = (
            (self._folder / "audit.log").read_text().rpartition("\n")
        )  # the last one is being written
        for line in whole.splitlines():
            event = json.loads(line)
            said = event.get("objectRef")
            # A watch is answered once it begins; its end is written only when it comes.
            if event["user"]["username"] == user and said and event["stage"] != "RequestReceived":
                resource = "/".join(filter(None, (said.get("resource"), said.get("subresource"))))
                found.add((event["verb"], said.get("apiGroup", ""), resource, said.get("namespace", "")))
        return found

    def compact(self) -> None:
        """etcd forgets the past, so that no watch can begin where it stopped; the server may be down."""
        now = self._etcd_asked("range", {"key": "AA=="})["header"]["revision"]
        self._etcd_asked("compaction", {"revision": now, "physical": True})

    def _etcd_asked(self, what: str, document: Object) -> Object:
        url = f"http://127.0.0.1:{self._etcd.port}/v3/kv/{what}"
        with urllib.request.urlopen(url, json.dumps(document).encode(), timeout=HANG_GUARD) as answer:
            result: Object = json.load(answer)
        return result

    def kubeconfig(self, token: str = ADMIN) -> Path:
        """A file that a client starts from."""
        path = self._folder / f"kubeconfig-{token[-12:]}"
        cluster = {"server": self.url, "certificate-authority": str(self.certificate)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user"}}],
            "current-context": "test",
        }
        path.write_text(json.dumps(document))
        path.chmod(0o600)
        return path

    def get(self, path: str, **query: str) -> Object:
        return self.request("GET", path, query=query)

    def columns(self, path: str) -> dict[str, Any]:
        """What `kubectl get` prints of one object: its columns by name."""
        table = self.request("GET", path, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        names = (one["name"] for one in table["columnDefinitions"])
        return dict(zip(names, table["rows"][0]["cells"], strict=True))

    def create(self, path: str, document: Object, **query: str) -> Object:
        return self.request("POST", path, document, query=query)

    def delete(self, path: str) -> Object:
        return self.request("DELETE", path)

    def patch(self, path: str, document: Object) -> Object:
        return self.request("PATCH", path, document, kind="application/merge-patch+json")

    def apply(self, path: str, document: Object, **query: str) -> Object:
        """Server-side apply, as kubectl does it."""
        query = {"fieldManager": "tests", "force": "true"} | query
        return self.request("PATCH", path, document, kind="application/apply-patch+yaml", query=query)

    def request(
        self,
        method: str,
        path: str,
        document: Object | None = None,
        *,
        kind: str = "application/json",
        accept: str = "application/json",
        query: Mapping[str, str] | None = None,
        token: str = ADMIN,
    ) -> Object:
        url = f"{self.url}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        body = None if document is None else json.dumps(document).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind, "Accept": accept}
        request = urllib.request.Request(url, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=HANG_GUARD, context=self._trust()) as answer:
                result: Object = json.load(answer)
        except urllib.error.HTTPError as error:
            raise RefusedError(error.code, _answer(error)) from None
        return result

    def _ready(self) -> bool:
        if not self.certificate.exists():
            return False
        url = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {ADMIN}"})
        try:
            with urllib.request.urlopen(url, timeout=2, context=self._trust()) as answer:
                return bool(answer.status == 200)
        except (OSError, HTTPException):
            return False

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.certificate)


def _answer(error: urllib.error.HTTPError) -> Object:
    """A server that does not know a resource yet, or begins, says so in plain text."""
    text = error.read().decode(errors="replace")
    try:
        found: Object = json.loads(text)
    except ValueError:
        return {"message": text.strip()}
    return found


def _audit_policy(folder: Path) -> Path:
    """Who asked for what, without the content."""
    path = folder / "audit-policy.json"
    rule = {"level": "Metadata", "omitStages": ["RequestReceived"]}
    path.write_text(json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [rule]}))
    return path


class Kubelet:
    """Nodes that are ready, and pods that run on them."""

    def __init__(self, cluster: Cluster, threads: int = 8) -> None:
        self._cluster = cluster
        self._pool = ThreadPoolExecutor(threads)

    def close(self) -> None:
        self._pool.shutdown()

    def nodes(self, names: Iterable[str], labels: Mapping[str, str] | None = None) -> None:
        """Nodes without the taint that a cloud takes away once they are ready."""
        list(self._pool.map(lambda name: self._node(name, dict(labels or {})), names))

    def pods(self, pods: Iterable[Object]) -> list[Object]:
        """Pods as `pod` makes them, running; with the UIDs that the server gave."""
        return list(self._pool.map(self._run, pods))

    def _node(self, name: str, labels: dict[str, str]) -> None:
        metadata = {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
        self._cluster.create("/api/v1/nodes", node)
        condition = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"}
        self._cluster.patch(f"/api/v1/nodes/{name}", {"spec": {"taints": None}})
        self._cluster.patch(f"/api/v1/nodes/{name}/status", {"status": {"conditions": [condition]}})

    def _run(self, document: Object) -> Object:
        namespace = document["metadata"]["namespace"]
        path = f"/api/v1/namespaces/{namespace}/pods"
        made = self._cluster.create(path, document)
        running = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
        return self._cluster.patch(f"{path}/{made['metadata']['name']}/status", running)


def pod(
    name: str,
    node: str,
    *,
    namespace: str = "default",
    labels: Mapping[str, str] | None = None,
    owner: tuple[str, str, str] | None = None,
    requests: Mapping[str, str] | None = None,
) -> Object:
    """A pod of one container; `owner` is the kind, the name and the UID of what it belongs to."""
    metadata: Object = {"name": name, "namespace": namespace, "labels": dict(labels or {})}
    if owner is not None:
        kind, owner_name, uid = owner
        reference = {
            "apiVersion": "apps/v1",
            "kind": kind,
            "name": owner_name,
            "uid": uid,
            "controller": True,
        }
        metadata["ownerReferences"] = [reference]
    container: Object = {"name": "main", "image": "example/main"}
    if requests:
        container["resources"] = {"requests": dict(requests)}
    spec = {"nodeName": node, "containers": [container], "tolerations": [{"operator": "Exists"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
