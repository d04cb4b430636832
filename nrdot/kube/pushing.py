"""What a pass writes for agents: revisions, pointers, and which pointer each node follows.

Agents take nothing older than what they have, whichever pointer it came from. So a pointer has a higher
number than every pointer that its nodes followed before, and a node is sent to it only when that is written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nrdot.cluster.api import Resource
from nrdot.cluster.revision import revision_of
from nrdot.kube.pointers import (
    GROUP,
    KIND,
    LIFE,
    RENEWAL,
    last_sequence,
    pointer_name,
    read_pointer,
    revision_document,
    revision_name,
)
from nrdot.kube.told import GROUP as OURS
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nrdot.clock import Clock
    from nrdot.cluster.api import Api
    from nrdot.cluster.objects import ConfigMap, Custom, Node
    from nrdot.kube.compiled import Compiled
    from nrdot.kube.groups import Group
    from nrdot.kube.pointers import Pointer

_log = Log("kube")

KEPT = 10  # revisions of a group that are kept beside those in use


class Pushing:
    def __init__(self, api: Api, clock: Clock, namespace: str) -> None:
        self._api = api
        self._clock = clock
        self._namespace = namespace
        self._maps = Resource("v1", "configmaps", namespace)
        self._numbers: dict[
            str, int
        ] = {}  # of pointers as they were written last, which copies may not have yet

    def keep(self, group: str, compiled: Compiled, maps: Mapping[str, ConfigMap]) -> None:
        """The revision beside the pointer, to be compared with and gone back to."""
        name = revision_name(group, compiled.revision)
        found = maps.get(name)
        if found is not None and found.data.get("document.yaml") == compiled.text:
            return
        if found is not None:
            self._api.delete(
                self._maps.path(name)
            )  # it was deleted and made anew by a hand: not what it claims
        self._api.apply(self._maps.path(name), revision_document(group, compiled.text, self._namespace))

    def write(self, held: ConfigMap | None, wanted: Pointer) -> None:
        """Say it under a number that is higher than any before, and only where it is not said yet."""
        now = self._clock.wall_ns() / 1e9
        said = read_pointer(held) if held else None
        if said is not None and said.says(wanted) and said.expires - now > RENEWAL:
            return
        self._write(wanted, last_sequence(held) if held else 0)

    def point(
        self,
        groups: Mapping[str, Group],
        pointers: Mapping[str, Pointer],
        nodes: Sequence[Node],
        telemetries: Sequence[Custom],
        maps: Mapping[str, ConfigMap],
    ) -> None:
        """Each node's NodeTelemetry names its pointer. Agents watch the one of their node."""
        known = {one.metadata.name: one for one in telemetries}
        left = {node.metadata.name: node for node in nodes}
        for name, group in groups.items():
            for node in group.nodes:
                left.pop(node.metadata.name, None)
            joining = [node for node in group.nodes if _pointed(known, node) != pointer_name(name)]
            if joining and name in pointers:
                self._raise(pointers[name], (known.get(node.metadata.name) for node in joining), maps)
            for node in joining:
                self._follow(node, pointer_name(name))
        for node in left.values():
            if _pointed(known, node) != "":
                self._follow(node, "")

    def forget(self, nodes: Iterable[str]) -> None:
        """Their NodeTelemetry belongs to no Node that the server would collect it with."""
        for name in nodes:
            self._api.delete(Resource(OURS, "nodetelemetries", self._namespace).path(name))

    def tidy(self, groups: Iterable[str], rollouts: Sequence[Custom], maps: Sequence[ConfigMap]) -> None:
        """Old revisions go, and everything of groups that are no more and that no rollout waits for."""
        known = {*groups, *(one.spec.get("profile") for one in rollouts)}
        pointed = {
            revision_name(pointer.group, revision_of(text))
            for one in maps
            if (pointer := read_pointer(one)) is not None
            for text in (pointer.stable, pointer.candidate)
            if text
        }
        newest = sorted(maps, key=lambda one: one.metadata.creation_timestamp, reverse=True)
        count: dict[str, int] = {}
        for one in newest:
            group = one.metadata.labels.get(GROUP, "")
            kind = one.metadata.labels.get(KIND)
            if kind == "revision" and one.metadata.name not in pointed:
                count[group] = count.get(group, 0) + 1
                if group not in known or count[group] > KEPT:
                    self._api.delete(self._maps.path(one.metadata.name))
            elif kind == "pointer" and group not in known:
                self._api.delete(self._maps.path(one.metadata.name))

    def _raise(
        self, pointer: Pointer, joining: Iterable[Custom | None], maps: Mapping[str, ConfigMap]
    ) -> None:
        """Give a pointer a number above those that nodes which join may have taken elsewhere."""
        least = 0
        for one in joining:
            before = str(one.spec.get("pointer") or "") if one else ""
            if one is None or not (before or one.status.get("revision")):
                continue
            other = self._number(before, maps)
            # Of a pointer that is gone nobody knows the number: any new one is higher, by the clock.
            least = max(least, other or self._number(pointer.name, maps))
        if least and self._number(pointer.name, maps) <= least:
            self._write(pointer, least)

    def _number(self, name: str, maps: Mapping[str, ConfigMap]) -> int:
        held = maps.get(name)
        return max(self._numbers.get(name, 0), last_sequence(held) if held else 0)

    def _write(self, wanted: Pointer, above: int) -> None:
        now = self._clock.wall_ns()
        # Milliseconds since the epoch, so that the count goes on where a pointer was deleted.
        sequence = max(above + 1, self._numbers.get(wanted.name, 0) + 1, now // 1_000_000)
        written = replace(wanted, sequence=sequence, expires=now / 1e9 + LIFE)
        self._api.apply(self._maps.path(wanted.name), written.document(self._namespace))
        self._numbers[wanted.name] = sequence
        _log.info(
            "a pointer is written", group=wanted.group, sequence=sequence, stable=revision_of(wanted.stable)
        )

    def _follow(self, node: Node, pointer: str) -> None:
        name = node.metadata.name
        metadata: dict[str, Any] = {"name": name, "namespace": self._namespace}
        if node.metadata.uid:
            owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node.metadata.uid}
            metadata["ownerReferences"] = [owner]
        document = {
            "apiVersion": OURS,
            "kind": "NodeTelemetry",
            "metadata": metadata,
            "spec": {"pointer": pointer},
        }
        self._api.apply(Resource(OURS, "nodetelemetries", self._namespace).path(name), document)


def _pointed(known: Mapping[str, Custom], node: Node) -> str | None:
    """The pointer that a node follows; None where it is not known yet."""
    found = known.get(node.metadata.name)
    return None if found is None else str(found.spec.get("pointer") or "")
