"""Changes that no rollout guides reach all nodes at once, so a rollout written with one must not come late.

Profiles and rollouts come through watches of their own, and a file that holds both is applied one after the
other. So a change stands for a moment, which is time for a rollout that is written right behind it; then the
server is asked for rollouts anew, because the copy of them may be older than the one of profiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.cluster.api import Resource
from nrdot.cluster.revision import revision_of
from nrdot.kube.told import GROUP

if TYPE_CHECKING:
    from nrdot.clock import Clock
    from nrdot.cluster.api import Api

STANDS = 0.5  # seconds


class Unguided:
    def __init__(self, api: Api, clock: Clock, namespace: str) -> None:
        self._api = api
        self._clock = clock
        self._rollouts = Resource(GROUP, "profilerollouts", namespace)
        self._changed: dict[str, tuple[str, float]] = {}  # by group: what is wanted, and since when

    def wait(self, group: str, stable: str, wanted: str) -> float:
        """Seconds until it is looked at again; 0 where it may go to every node. Raises ApiError."""
        if wanted == stable:
            self._changed.pop(group, None)
            return 0.0
        revision, now = revision_of(wanted), self._clock.monotonic()
        before, since = self._changed.get(group, ("", 0.0))
        if before != revision:
            self._changed[group], since = (revision, now), now
        left = since + STANDS - now
        if left > 0:
            return left
        return STANDS if self._guided(group) else 0.0

    def _guided(self, group: str) -> bool:
        """Whether there is a rollout that the copies do not have yet."""
        found = self._api.document(self._rollouts.path())["items"]
        return any(one.get("spec", {}).get("profile") == group for one in found)
