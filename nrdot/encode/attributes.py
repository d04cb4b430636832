"""Who a series is about: the resource of a process or of a group, as serialized bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.encode.redact import redact
from nrdot.otlp import field, resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.batch import Host, Identity, Owner
    from nrdot.encode.redact import CommandLines

Attributes = dict[str, str | int]
TAG = b"\x0a"  # field 1 of a message, itself a message with its length before it


@dataclass(frozen=True, slots=True)
class Resources:
    """Builds resources that share the attributes of one host.

    Attributes of `fixed` (the configuration's `resource`) win over what was found on the host.
    """

    fixed: Mapping[str, str]
    command_lines: CommandLines | None = None  # None: they stay on the host

    def host(self, host: Host) -> Attributes:
        found: Attributes = {"host.name": host.name, "host.id": host.id, "os.type": host.os}
        return found | dict(host.attributes) | dict(self.fixed)

    def process(self, host: Host, identity: Identity, pid: int, parent: int) -> Attributes:
        """What hostmetrics gives, in its order, then ours. Empty words stay, as they do there."""
        found: Attributes = {
            "process.pid": pid,
            "process.parent_pid": parent,
            "process.executable.name": identity.name,
            "process.executable.path": identity.executable,
            "process.command": redact(identity.command),
        }
        if self.command_lines is not None:
            found["process.command_line"] = self.command_lines(identity.command_line)
        if identity.user:
            found["process.owner"] = identity.user
        return found | _owner(identity.owner) | self.host(host)

    def group(self, host: Host, name: str, kind: str) -> Attributes:
        return {"process.executable.name": name, "nrdot.rollup": kind} | self.host(host)


def _owner(owner: Owner) -> Attributes:
    found: Attributes = {
        "container.id": owner.container,
        "container.runtime": owner.runtime,
        "k8s.pod.uid": owner.pod_uid,
        "k8s.pod.name": owner.pod,
        "k8s.namespace.name": owner.namespace,
    }
    return {key: value for key, value in found.items() if value} | dict(owner.attributes)


def serialize(attributes: Attributes) -> bytes:
    """The resource as field 1 of a ResourceMetrics: tag, length, message."""
    return field(1, resource(attributes))
