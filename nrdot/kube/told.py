"""What people read about a resource: conditions in its status, and an Event where one turns.

A status is written only when it differs from what is there: nothing is written to say that nothing happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from nrdot.cluster.api import ApiError, Resource
from nrdot.kube.connect import MANAGER
from nrdot.kube.plans import rfc3339
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nrdot.clock import Clock
    from nrdot.cluster.api import Api
    from nrdot.cluster.objects import Custom

_log = Log("kube")

GROUP = "nrdot.io/v1alpha1"
_LONGEST = 1024  # characters of an Event's message


@dataclass(frozen=True, slots=True)
class Condition:
    type: str
    holds: bool
    reason: str  # one word in CamelCase
    message: str = ""
    told: bool = True  # whether its turn is an Event
    warns: bool = True  # whether it is a warning when it does not hold


class Teller:
    def __init__(self, api: Api, clock: Clock, namespace: str, identity: str) -> None:
        self._api = api
        self._clock = clock
        self._namespace = namespace
        self._identity = identity
        self._written: dict[str, tuple[int, dict[str, Any]]] = {}  # by UID: version and status

    def fresh(self, found: Custom) -> Custom:
        """With the status that was written last, where the copy of the cluster has not heard of it yet.

        A pass that began from the older one would take the same step twice, and tell people twice.
        """
        version, status = self._written.get(found.metadata.uid, (0, {}))
        if version > _number(found.metadata.resource_version):
            return msgspec.structs.replace(found, status=status)
        self._written.pop(found.metadata.uid, None)
        return found

    def status(
        self,
        kind: str,
        plural: str,
        found: Custom,
        conditions: Sequence[Condition],
        further: Mapping[str, Any],
    ) -> None:
        """Write the status of a resource, and an Event for each condition that turned. Raises ApiError."""
        now = rfc3339(self._clock.wall_ns() / 1e9)
        before = {one["type"]: one for one in found.status.get("conditions") or ()}
        written = [self._condition(one, before.get(one.type), found, now) for one in conditions]
        status = {**further, "observedGeneration": found.metadata.generation, "conditions": written}
        known = {key: found.status.get(key) for key in status}
        if known == status:
            return
        path = Resource(GROUP, plural, self._namespace).path(found.metadata.name, "status")
        document = {
            "apiVersion": GROUP,
            "kind": kind,
            "metadata": {"name": found.metadata.name, "namespace": self._namespace},
            "status": status,
        }
        answer = self._api.apply(path, document)
        said = answer.get("metadata") or {}
        self._written[found.metadata.uid] = _number(said.get("resourceVersion")), answer.get("status") or {}
        for one in conditions:
            if one.told and _is_news(one, before.get(one.type), found):
                warning = one.warns and not one.holds
                self.event(kind, found, one.reason, one.message or one.type, warning=warning)

    def _condition(
        self, one: Condition, before: Mapping[str, Any] | None, found: Custom, now: str
    ) -> dict[str, Any]:
        state = "True" if one.holds else "False"
        turned = before is None or before["status"] != state
        return {
            "type": one.type,
            "status": state,
            "reason": one.reason,
            "message": one.message,
            "observedGeneration": found.metadata.generation,
            "lastTransitionTime": now if before is None or turned else before["lastTransitionTime"],
        }

    def event(self, kind: str, found: Custom, reason: str, message: str, *, warning: bool = False) -> None:
        """For people only: one that cannot be written holds nothing up."""
        now = rfc3339(self._clock.wall_ns() / 1e9)
        document = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{found.metadata.name}.", "namespace": self._namespace},
            "involvedObject": {
                "apiVersion": GROUP,
                "kind": kind,
                "name": found.metadata.name,
                "namespace": self._namespace,
                "uid": found.metadata.uid,
            },
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "message": message[:_LONGEST],
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": MANAGER},
            "reportingComponent": MANAGER,
            "reportingInstance": self._identity,
        }
        try:
            self._api.create(Resource("v1", "events", self._namespace).path(), document)
        except ApiError as error:
            _log.warning("an event cannot be written", error=str(error))


def _is_news(one: Condition, before: Mapping[str, Any] | None, found: Custom) -> bool:
    """It turned, or what a person wrote since is wrong in another way."""
    if before is None:
        return not one.holds or bool(one.message)
    if (before["status"] == "True") is not one.holds:
        return True
    edited = before.get("observedGeneration") != found.metadata.generation
    return one.warns and not one.holds and edited and before["message"] != one.message


def _number(version: object) -> int:
    """Versions of one kind of object grow, and are numbers; what is none is never newer."""
    return int(version) if isinstance(version, str) and version.isdecimal() else 0
