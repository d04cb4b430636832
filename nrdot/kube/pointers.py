"""What a group of nodes is told to run: one ConfigMap for each group, and an immutable one for each revision.

    nrdot-pointer-GROUP
        sequence         grows with every change; agents take nothing older than what they have
        stable           revision of `stable.yaml`
        candidate        revision of `candidate.yaml`, empty where nothing is rolled out
        candidates       nodes that run the candidate, one a line
        stable.yaml      a pushed document: one line of header, then the text that the revision is the hash of
        candidate.yaml   the same

Everything that an agent needs is in the one object, so a change is one write and one event, and a mounted
copy is complete by itself. What a hand has changed no longer has the hash that it claims.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nrdot.cluster.revision import revision_of
from nrdot.kube.compiled import NotCompiledError
from nrdot.kube.connect import MANAGER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nrdot.cluster.objects import ConfigMap, Node

LABELS = {"app.kubernetes.io/part-of": "nrdot", "app.kubernetes.io/managed-by": MANAGER}
KIND = "nrdot.io/kind"  # label: pointer or revision
GROUP = "nrdot.io/group"  # label: the profile's name
DAY = 86400.0
LIFE = 365 * DAY  # seconds for which agents take what was pushed
RENEWAL = LIFE / 2  # seconds before the end at which it is pushed anew
MOST = 1_000_000  # bytes of a pointer's data; the server takes 1 MiB
_BESIDE = 2_000  # bytes of everything but the documents and the names of nodes


@dataclass(frozen=True, slots=True)
class Pointer:
    group: str
    stable: str  # the text; its revision is its hash
    candidate: str = ""
    candidates: tuple[str, ...] = ()
    sequence: int = 0
    expires: float = 0.0  # seconds since the epoch
    why: str = ""

    @property
    def name(self) -> str:
        return pointer_name(self.group)

    def says(self, other: Pointer) -> bool:
        """Whether agents would do the same under both."""
        return (self.stable, self.candidate, self.candidates) == (
            other.stable,
            other.candidate,
            other.candidates,
        )

    def document(self, namespace: str) -> dict[str, Any]:
        data = {
            "sequence": str(self.sequence),
            "stable": revision_of(self.stable),
            "candidate": revision_of(self.candidate) if self.candidate else "",
            "candidates": "\n".join(self.candidates),
            "stable.yaml": self._pushed(self.stable),
        }
        if self.candidate:
            data["candidate.yaml"] = self._pushed(self.candidate)
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.name,
                "namespace": namespace,
                "labels": {**LABELS, KIND: "pointer", GROUP: self.group},
            },
            "data": data,
        }

    def _pushed(self, text: str) -> str:
        expires = datetime.fromtimestamp(self.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        header = {
            "revision": self.sequence,
            "expires": expires,
            "controller": MANAGER,
            "justification": self.why,
        }
        return f"pushed: {json.dumps(header)}\n{text}"


def pointer_name(group: str) -> str:
    return f"nrdot-pointer-{group}"


def read_pointer(found: ConfigMap) -> Pointer | None:
    """What a pointer says; None where it is not what the operator wrote."""
    data = found.data
    stable, candidate = _body(data.get("stable.yaml", "")), _body(data.get("candidate.yaml", ""))
    stated = (data.get("stable", ""), data.get("candidate", ""))
    if not stable or stated != (revision_of(stable), revision_of(candidate) if candidate else ""):
        return None
    try:
        header = json.loads(data["stable.yaml"].split("\n", 1)[0].removeprefix("pushed: "))
        expires = datetime.fromisoformat(header["expires"]).timestamp()
        sequence = int(data["sequence"])
        if header["revision"] != sequence:
            return None
        why = str(header["justification"])
    except (ValueError, KeyError, TypeError):
        return None
    group = found.metadata.labels.get(GROUP, "")
    names = tuple(name for name in data.get("candidates", "").split("\n") if name)
    return Pointer(group, stable, candidate, names, sequence, expires, why)


def last_sequence(found: ConfigMap) -> int:
    """The number that a pointer claims, even where the rest of it cannot be trusted."""
    said = found.data.get("sequence", "")
    return int(said) if said.isdecimal() else 0


def _body(pushed: str) -> str:
    return pushed.partition("\n")[2]


def fitting(stable: str, candidate: str, nodes: Sequence[Node]) -> None:
    """Raises NotCompiledError where a rollout would not fit into a pointer by its last step."""
    names = sum(len(node.metadata.name) + 1 for node in nodes)
    size = len(stable.encode()) + len(candidate.encode()) + names + _BESIDE
    if stable != candidate and size > MOST:
        raise NotCompiledError(
            f"a rollout needs {size} bytes in its pointer for two documents and {len(nodes)} nodes, "
            f"and {MOST} fit; shorten the profile, or split it by nodeSelector"
        )


def revision_document(group: str, text: str, namespace: str) -> dict[str, Any]:
    """A revision as it is kept: never changed, so it can be compared and gone back to."""
    revision = revision_of(text)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": revision_name(group, revision),
            "namespace": namespace,
            "labels": {**LABELS, KIND: "revision", GROUP: group},
        },
        "immutable": True,
        "data": {"document.yaml": text},
    }


def revision_name(group: str, revision: str) -> str:
    return f"nrdot-revision-{group}-{revision}"
