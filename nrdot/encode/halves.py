"""The resource of a process in two pieces: its numbers, and the words that it shares.

Workers of one program, threads of the kernel, the shells of one user differ in nothing but their pids, and
what is said of the host is the same for all. Messages of protobuf that are joined end to end are one message,
so the words are serialized once for each distinct identity and stand behind the numbers of each process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.encode.attributes import TAG
from nrdot.otlp import resource, varint

if TYPE_CHECKING:
    from nrdot.batch import Host, Identity
    from nrdot.encode.attributes import Attributes, Resources

REMEMBERED = 4096  # identities whose words are kept at hand
_PID, _PARENT = "process.pid", "process.parent_pid"


class Halves:
    """Both pieces of a resource, which joined are `attributes.serialize` of it."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._words: dict[Identity, tuple[frozenset[str], bytes]] = {}
        self._host: tuple[object, ...] = ()

    def of(self, host: Host, identity: Identity, pid: int, parent: int) -> tuple[bytes, bytes]:
        named, words = self._of(host, identity)
        numbers: Attributes = {_PID: pid, _PARENT: parent}
        if named:
            numbers = {key: value for key, value in numbers.items() if key not in named}
        own = resource(numbers)
        return TAG + varint(len(own) + len(words)) + own, words

    def _of(self, host: Host, identity: Identity) -> tuple[frozenset[str], bytes]:
        """Which of the numbers somebody has overridden with words, and the serialized words."""
        about = (host.id, host.name, host.os, host.attributes)
        if about != self._host:
            self._words.clear()
            self._host = about
        found = self._words.get(identity)
        if found is None:
            if len(self._words) >= REMEMBERED:
                self._words.clear()
            words = self._resources.process(host, identity, 0, 0)
            numbers = {key for key in (_PID, _PARENT) if words[key] == 0}
            rest: Attributes = {key: value for key, value in words.items() if key not in numbers}
            found = self._words[identity] = (frozenset({_PID, _PARENT} - numbers), resource(rest))
        return found
