"""What an agent can do as part of its cluster: the questions of `nrdot doctor` in a pod.

Nothing is changed: whether the node's own NodeTelemetry may be written is asked of the server as a rehearsal.
"""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nrdot.cluster.api import ApiError, Resource
from nrdot.cluster.inside import connect
from nrdot.cluster.link import GROUP
from nrdot.doctor.finding import fine, odd, wrong
from nrdot.errors import StartError
from nrdot.identify.container import parse_cgroup
from nrdot.sample.files import ProcFiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.cluster.api import Api
    from nrdot.config.schema.cluster import Kubernetes
    from nrdot.config.schema.settings import Settings
    from nrdot.doctor.finding import Finding

TOPIC = "kubernetes"
HURRY = 10.0  # seconds for an answer
_RIGHTS = "apply the rights that `nrdot operator manifests` prints, in the namespace of kubernetes.namespace"


def check(settings: Settings) -> Iterator[Finding]:
    found = settings.kubernetes
    if found is None:
        return
    try:
        api = connect(os.environ, Path(found.account)).hurried(HURRY)
    except StartError as error:
        yield wrong(TOPIC, str(error), "run the agent as the chart's DaemonSet")
        return
    yield from examine(api, found, Path(settings.agent.procfs))


def examine(api: Api, found: Kubernetes, procfs: Path) -> Iterator[Finding]:
    """Everything that needs an API server."""
    yield from _token(Path(found.account) / "token", found.node)
    try:
        version = api.document("/version").get("gitVersion", "of a version that it does not tell")
    except ApiError as error:
        yield wrong(
            TOPIC, str(error), "see the network policies of the namespace, and the server's certificate"
        )
        return
    yield fine(TOPIC, f"the API server {version} answers")
    if found.pods:
        yield from _pods(api, found, procfs)
    if found.operator:
        yield from _telemetry(api, found)
    if found.mount:
        yield _mounted(Path(found.mount))


def _token(file: Path, node: str) -> Iterator[Finding]:
    """What the token says of itself; one that is no JWT says nothing."""
    try:
        payload = file.read_text().split(".")[1]
        said: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (OSError, IndexError, ValueError):
        return
    yield fine(TOPIC, f"the token is of {said.get('sub', 'nobody that it names')}")
    named = ((said.get("kubernetes.io") or {}).get("node") or {}).get("name", "")
    if named and named != node:
        mend = "set kubernetes.node to ${env:NODE_NAME}, from the downward API"
        yield wrong(TOPIC, f"the token is of a pod on {named}, and kubernetes.node is {node}", mend)


def _pods(api: Api, found: Kubernetes, procfs: Path) -> Iterator[Finding]:
    inside = found.namespace if found.namespaced else ""
    try:
        listed = api.document(
            Resource("v1", "pods", inside).path(), fieldSelector=f"spec.nodeName={found.node}", limit="500"
        )
    except ApiError as error:
        yield wrong(TOPIC, f"pods of this node cannot be read: {error}", _RIGHTS)
        return
    known = {
        uid
        for pod in listed.get("items") or ()
        for uid in (
            pod["metadata"].get("uid", ""),
            (pod["metadata"].get("annotations") or {}).get("kubernetes.io/config.hash", ""),
        )
    }
    running = _uids(procfs)
    named = len(running & known)
    words = f"{named} of {len(running)} pods with processes at {procfs} are known by name"
    if running and not named:
        mend = "check kubernetes.node, and that agent.procfs is the host's /proc"
        yield odd(TOPIC, words, f"grant pods of every namespace, or expect this: {mend}" if inside else mend)
    else:
        yield fine(TOPIC, words)


def _uids(procfs: Path) -> set[str]:
    """Pods that the cgroups of processes tell of."""
    found = set()
    for pid in ProcFiles(procfs, 0).list():
        if pid.isdigit():
            try:
                text = (procfs / pid / "cgroup").read_text(errors="replace")
            except OSError:
                continue
            found.add(parse_cgroup(text).pod_uid)
    return found - {""}


def _telemetry(api: Api, found: Kubernetes) -> Iterator[Finding]:
    own = Resource(GROUP, "nodetelemetries", found.namespace)
    try:
        listed = api.document(own.path(), fieldSelector=f"metadata.name={found.node}").get("items") or ()
    except ApiError as error:
        mend = "the definitions of the resources are missing" if error.missing else _RIGHTS
        yield wrong(TOPIC, f"NodeTelemetry {found.node} cannot be read: {error}", mend)
        return
    if not listed:
        words = f"there is no NodeTelemetry {found.node} yet"
        yield odd(
            TOPIC, words, "the operator writes it: see that it runs, and that a TelemetryProfile exists"
        )
        return
    try:
        api.rehearse(own.path(found.node, "status"), {"status": {}})
    except ApiError as error:
        yield wrong(TOPIC, f"the status of NodeTelemetry {found.node} may not be written: {error}", _RIGHTS)
    else:
        yield fine(TOPIC, f"NodeTelemetry {found.node} may be written")
    pointer = str((listed[0].get("spec") or {}).get("pointer") or "")
    if not pointer:
        yield odd(TOPIC, "no profile selects this node", "see the nodeSelector of the TelemetryProfiles")
        return
    try:
        maps = Resource("v1", "configmaps", found.namespace).path()
        there = api.document(maps, fieldSelector=f"metadata.name={pointer}").get("items")
    except ApiError as error:
        yield wrong(TOPIC, f"the pointer {pointer} cannot be read: {error}", _RIGHTS)
        return
    if there:
        yield fine(TOPIC, f"this node follows {pointer}")
    else:
        yield odd(TOPIC, f"the pointer {pointer} does not exist", "see the operator's log, and its leader")


def _mounted(directory: Path) -> Finding:
    if (directory / "stable.yaml").is_file():
        return fine(TOPIC, f"a pointer is mounted at {directory}")
    mend = "mount the ConfigMap of the node's pointer there, or leave kubernetes.mount out"
    return odd(TOPIC, f"no pointer is mounted at {directory}", mend)
