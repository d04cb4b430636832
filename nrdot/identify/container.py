r"""What a cgroup says about a process: its container, pod, systemd unit and slice.

Text in, Owner out. The text is that of /proc/PID/cgroup, one line a hierarchy:

    0::/system.slice/nginx.service                    cgroup v2, or the unified part of a hybrid
    1:name=systemd:/user.slice/user-1000.slice        systemd's own hierarchy on v1
    4:memory:/docker/<64 hex digits>                  a v1 controller

or one bare path, as captures hold it. How the parts of a path are recognised:

    docker-<id>.scope  cri-containerd-<id>.scope  crio-<id>.scope  libpod-<id>.scope     systemd driver
    /docker/<id>  /kubepods/burstable/pod<uid>/<id>  /libpod_parent/libpod-<id>          cgroupfs driver
    kubepods-burstable-pod<uid>.slice:cri-containerd:<id>      containerd under the other driver's path
    /ecs/<task>/<id>                                           ECS; on Fargate <id> is <task>-<number>
    /lxc/<name>  lxc.payload.<name>  systemd-nspawn@<name>.service/payload               by name, not id

The innermost container counts (a Kubernetes node may itself be a container). Its own scope and its pod's
own slice are not named, since they say no more than the ids do and would make a group of each container.
A unit inside it (systemd runs there) is, and so is the service that Podman's split mode nests its payload
in. conmon stands beside its container, not in it. `/../` means that the reader's cgroup namespace lies
deeper than the process.

Units and slices are named as systemctl prints them: `\x2d` stays. Only the underscore that systemd puts
before names that would clash with a file of the kernel is taken away.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nrdot.batch import NOBODY, Owner

_ID = "[0-9a-f]{64}"
_CONTAINER = re.compile(rf"(?:(?P<prefix>[\w.-]+)[-_:])?(?P<id>{_ID})(?:\.scope)?", re.ASCII)
_HOLDS_ID = re.compile(_ID)
_FARGATE = re.compile(r"[0-9a-f]{32}-\d+", re.ASCII)
_POD = re.compile(
    # A uid, or the hash that stands for one in pods that the kubelet reads from files.
    r"(?:.*-)?pod(?P<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?",
    re.ASCII,
)
_NSPAWN = re.compile(r"systemd-nspawn@(?P<name>.+)\.service")
_RUNTIMES = {
    "docker": "docker",
    "cri-containerd": "containerd",
    "containerd": "containerd",
    "nerdctl": "containerd",
    "crio": "cri-o",
    "libpod": "podman",
    "libpod-payload": "podman",
}
_PARENTS = {"docker": "docker", "libpod_parent": "podman", "default": "containerd", "k8s.io": "containerd"}
_UNITS = (".service", ".scope")
_DELETED = " (deleted)"


class _Found(NamedTuple):
    """A container in a path: where its own part ends and what it is."""

    position: int
    container: str
    runtime: str
    nested_in_unit: bool  # its cgroup is a plain one inside the unit that started it


def parse_cgroup(text: str) -> Owner:
    """Everything that the cgroup tells; NOBODY where it tells nothing."""
    best = NOBODY
    for path in _paths(text):
        owner = _owner(path)
        if owner.container or owner.pod_uid:
            return owner
        if _weight(owner) > _weight(best):
            best = owner
    return best


def _paths(text: str) -> list[str]:
    """Distinct paths, those first that systemd and runtimes keep in order on every kind of host."""
    if text.startswith("/"):
        return [text.rstrip("\n")]
    ranked: list[tuple[int, str]] = []
    for line in text.splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if path.startswith("/"):
            rank = 0 if controllers == "name=systemd" else 1 if hierarchy == "0" else 2
            ranked.append((rank, path))
    return list(dict.fromkeys(path for _, path in sorted(ranked, key=lambda pair: pair[0])))


def _weight(owner: Owner) -> int:
    return 2 if owner.unit else 1 if owner.slice else 0


def _owner(path: str) -> Owner:
    parts = [part for part in path.removesuffix(_DELETED).split("/") if part not in ("", "..", ".")]
    found = _container(parts)
    pod = _pod_uid(parts)
    start = 0
    if found is not None and not found.nested_in_unit:
        start = found.position + 1  # units above the container are the runtime's, not its own
    elif found is None and pod:
        start = len(parts)
    owner = Owner(
        container=found.container if found else "",
        runtime=found.runtime if found else "",
        pod_uid=pod,
        unit=_last_named(parts[start:], _UNITS),
        slice=_last_named(parts, (".slice",)),
    )
    return NOBODY if owner == NOBODY else owner


def _last_named(parts: list[str], suffixes: tuple[str, ...]) -> str:
    """The innermost unit with one of the suffixes that is not the cgroup of one container or pod."""
    for part in reversed(parts):
        if part.endswith(suffixes) and not _HOLDS_ID.search(part) and not _POD.fullmatch(part):
            # systemd puts an underscore before a name that would clash with a file of the kernel.
            return part.removeprefix("_")
    return ""


def _container(parts: list[str]) -> _Found | None:
    for index in reversed(range(len(parts))):
        parent = parts[index - 1] if index else ""
        found = _by_id(index, parts[index], parent) or _by_name(index, parts[index], parent)
        if found is not None:
            return found
    return None


def _by_id(index: int, part: str, parent: str) -> _Found | None:
    if match := _CONTAINER.fullmatch(part.rpartition(".slice:")[2]):
        prefix = match["prefix"] or ""
        if prefix.endswith("conmon"):
            return None
        runtime = _RUNTIMES.get(prefix, "") if prefix else _PARENTS.get(parent, "")
        return _Found(index, match["id"], runtime, nested_in_unit=prefix == "libpod-payload")
    if _FARGATE.fullmatch(part) and part.startswith(parent):
        return _Found(index, part, "", nested_in_unit=False)
    return None


def _by_name(index: int, part: str, parent: str) -> _Found | None:
    if parent in {"lxc", "lxc.payload"}:
        return _Found(index, part, "lxc", nested_in_unit=False)
    if part.startswith("lxc.payload."):
        return _Found(index, part.removeprefix("lxc.payload."), "lxc", nested_in_unit=False)
    if part == "payload" and (match := _NSPAWN.fullmatch(parent)):
        return _Found(index, match["name"], "systemd-nspawn", nested_in_unit=True)
    return None


def _pod_uid(parts: list[str]) -> str:
    for part in reversed(parts):
        if match := _POD.fullmatch(part.partition(":")[0]):
            return match["uid"].replace("_", "-")
    return ""
