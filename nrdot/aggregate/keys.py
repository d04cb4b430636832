"""What a roll-up is keyed by.

`executable` is the default; a chain such as `namespace, executable` takes the first that a process has, so a
process without a namespace falls to its executable. A key never holds a pid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from nrdot.batch import Identity


class Key(NamedTuple):
    kind: str
    name: str


KERNEL = Key("kernel", "kernel")
OTHER = Key("other", "other")
DROPPED = Key("dropped", "dropped")

_SOURCES: dict[str, Callable[[Identity, str], str]] = {
    "executable": lambda identity, _: identity.name,
    "class": lambda _, class_name: class_name,
    "container": lambda identity, _: identity.owner.container,
    "pod": lambda identity, _: identity.owner.pod or identity.owner.pod_uid,
    "namespace": lambda identity, _: identity.owner.namespace,
    "workload": lambda identity, _: identity.owner.workload,
    "unit": lambda identity, _: identity.owner.unit,
    "slice": lambda identity, _: identity.owner.slice,
    "user": lambda identity, _: identity.user,
}
KINDS = tuple(_SOURCES)


def key_of(identity: Identity, class_name: str, chain: tuple[str, ...]) -> Key:
    """The first kind of the chain that the process has; kernel threads are one group whatever the chain."""
    if identity.kernel:
        return KERNEL
    for kind in chain:
        name = _SOURCES[kind](identity, class_name)
        if name:
            return Key(kind, name)
    return OTHER
